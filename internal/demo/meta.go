package demo

import (
	"strconv"
	"strings"
	"time"
)

// What the member "state" may say. The last two are this app's own words.
const (
	stateOK          = "ok"
	stateNone        = "none"
	stateTooLarge    = "toolarge"
	stateUnavailable = "unavailable"
	stateRevoked     = "revoked"
	stateDirect      = "direct"  // no Msm-Session-Meta: reached without msmd
	stateUnknown     = "unknown" // Msm-Session-Meta without a state
)

// The years that RFC 3339 can write, in seconds since 1970.
const (
	minDate = -62135596800 // 0001-01-01
	maxDate = 253402300799 // 9999-12-31
)

// meta is what Msm-Session-Meta says about a session. Texts are empty and
// version is 0 where it says nothing.
type meta struct {
	state    string
	ref      string
	node     string
	version  int64
	created  string // RFC 3339, UTC
	accessed string // RFC 3339, UTC
}

// parseMeta reads the value of Msm-Session-Meta, an RFC 9651 Dictionary. It
// never fails: it leaves out what it cannot read.
func parseMeta(field string) meta {
	members := dictionary(field)
	m := meta{
		state:    members["state"],
		ref:      members["ref"],
		node:     members["node"],
		created:  date(members["created"]),
		accessed: date(members["accessed"]),
	}
	if m.state == "" {
		m.state = stateUnknown
	}
	if v, err := strconv.ParseInt(members["v"], 10, 64); err == nil && v > 0 {
		m.version = v
	}
	return m
}

// dictionary returns the members of an RFC 9651 Dictionary, strings without
// their quotes and other values as written. Parameters are dropped; the last
// of several equal keys counts.
func dictionary(field string) map[string]string {
	members := make(map[string]string)
	for field != "" {
		var member string
		member, field = cutUnquoted(field, ',')
		item, _ := cutUnquoted(member, ';')
		key, value, found := strings.Cut(item, "=")
		if !found {
			value = "?1" // a bare key is true
		}
		members[strings.Trim(key, " \t")] = bare(strings.Trim(value, " \t"))
	}
	return members
}

// cutUnquoted cuts s at the first sep outside a quoted string. Without one it
// returns s and "".
func cutUnquoted(s string, sep byte) (before, after string) {
	quoted := false
	for i := 0; i < len(s); i++ {
		switch {
		case quoted && s[i] == '\\':
			i++ // the escaped character ends nothing
		case s[i] == '"':
			quoted = !quoted
		case s[i] == sep && !quoted:
			return s[:i], s[i+1:]
		}
	}
	return s, ""
}

// bare returns the text of a quoted string, and any other value as it is.
func bare(value string) string {
	if !strings.HasPrefix(value, `"`) {
		return value
	}
	var b strings.Builder
	for i := 1; i < len(value) && value[i] != '"'; i++ {
		if value[i] == '\\' && i+1 < len(value) {
			i++
		}
		b.WriteByte(value[i])
	}
	return b.String()
}

// date returns an RFC 9651 Date such as "@1732172000" as RFC 3339 in UTC, or
// "" if it is none.
func date(value string) string {
	digits, found := strings.CutPrefix(value, "@")
	if !found {
		return ""
	}
	seconds, err := strconv.ParseInt(digits, 10, 64)
	if err != nil || seconds < minDate || seconds > maxDate {
		return ""
	}
	return time.Unix(seconds, 0).UTC().Format(time.RFC3339)
}
