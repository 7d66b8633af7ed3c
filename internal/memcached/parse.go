package memcached

import (
	"math"
	"strconv"
	"strings"
	"time"
)

// maxRelative is the largest exptime that counts from now, in seconds (30
// days). A larger one is a Unix time.
const maxRelative = 60 * 60 * 24 * 30

// tokenize splits a command line as memcached does: at spaces only, so that
// tabs and control characters stay in tokens, and up to a NUL.
func tokenize(line []byte) []string {
	text := strings.TrimSuffix(string(line), "\r")
	text, _, _ = strings.Cut(text, "\x00")
	return strings.FieldsFunc(text, func(r rune) bool { return r == ' ' })
}

// parseInt32 reads a number like memcached's safe_strtol: a 64-bit strtol
// whose result is cut to 32 bits.
func parseInt32(token string) (int32, bool) {
	digits, ok := number(token)
	if !ok {
		return 0, false
	}
	v, err := strconv.ParseInt(digits, 10, 64)
	return int32(v), err == nil
}

// parseUint32 reads a number like safe_strtoul: parseUint64 cut to 32 bits.
func parseUint32(token string) (uint32, bool) {
	v, ok := parseUint64(token)
	return uint32(v), ok
}

// parseUint64 reads a number like safe_strtoull. strtoull negates numbers
// with a sign, and memcached refuses only results with the top bit set.
func parseUint64(token string) (uint64, bool) {
	digits, ok := number(token)
	if !ok {
		return 0, false
	}
	negative := digits[0] == '-'
	v, err := strconv.ParseUint(strings.TrimLeft(digits, "+-"), 10, 64)
	if err != nil {
		return 0, false
	}
	if negative {
		v = -v
	}
	return v, !negative || v <= math.MaxInt64
}

// number cuts token to the part strtol would read: white space, a sign and
// digits, ended by white space or the end of the token.
func number(token string) (string, bool) {
	const space = " \t\n\v\f\r"
	token = strings.TrimLeft(token, space)
	if i := strings.IndexAny(token, space); i >= 0 {
		token = token[:i]
	}
	digits := strings.TrimPrefix(token, "-")
	if digits == token {
		digits = strings.TrimPrefix(token, "+")
	}
	if digits == "" || strings.Trim(digits, "0123456789") != "" {
		return "", false
	}
	return token, true
}

// expiry turns an exptime into the moment of expiry. Zero, the zero time,
// means never; a negative exptime is over at once.
func expiry(exptime int32, now time.Time) time.Time {
	switch {
	case exptime == 0:
		return time.Time{}
	case exptime < 0:
		return now
	case exptime > maxRelative:
		return time.Unix(int64(exptime), 0)
	}
	return now.Add(time.Duration(exptime) * time.Second)
}
