package transcoder

import (
	"bytes"
	"encoding/json"
	"fmt"
	"unicode/utf8"
)

// asciiJSON returns JSON text without white space, in ASCII.
func asciiJSON(text []byte) ([]byte, error) {
	if !utf8.Valid(text) {
		return nil, fmt.Errorf("%w: invalid UTF-8", errNotJSON)
	}
	var compact bytes.Buffer
	if err := json.Compact(&compact, text); err != nil {
		return nil, fmt.Errorf("%w: %w", errNotJSON, err)
	}
	return appendASCII(make([]byte, 0, compact.Len()), compact.Bytes()), nil
}

// appendASCII appends valid JSON text with everything outside ASCII, and DEL,
// written as \uXXXX: it then is a legal header value. Outside ASCII there are
// only characters of strings, so nothing but strings changes.
func appendASCII(dst, text []byte) []byte {
	for i := 0; i < len(text); {
		if c := text[i]; c < 0x7f {
			dst = append(dst, c)
			i++
			continue
		}
		r, size := utf8.DecodeRune(text[i:])
		i += size
		dst = appendEscape(dst, r)
	}
	return dst
}

// printable reports whether text is not empty and a legal header value.
func printable(text string) bool {
	for i := range len(text) {
		if text[i] < ' ' || text[i] > '~' {
			return false
		}
	}
	return text != ""
}

func appendEscape(dst []byte, r rune) []byte {
	if r >= 0x10000 { // a surrogate pair, RFC 8259 section 7
		r -= 0x10000
		return appendEscape(appendEscape(dst, 0xd800|r>>10), 0xdc00|r&0x3ff)
	}
	const hex = "0123456789abcdef"
	return append(dst, '\\', 'u', hex[r>>12&15], hex[r>>8&15], hex[r>>4&15], hex[r&15])
}

// AppendJSONString appends s as a JSON string in ASCII, for names of
// attributes. Invalid UTF-8 becomes U+FFFD.
func AppendJSONString(dst []byte, s string) []byte {
	text, err := json.Marshal(s)
	if err != nil {
		return append(dst, `""`...) // a string always marshals
	}
	return appendASCII(dst, text)
}
