package transcoder

import (
	"encoding/binary"
	"reflect"
	"unicode/utf8"
)

// The heads of CBOR items, RFC 8949 section 3. Splitting a payload into its
// attributes is done here, without decoding or copying them; what is inside an
// attribute is the library's.

// appendHead appends the head of an item: its major type and its argument, a
// length, a count or a tag.
func appendHead(dst []byte, major byte, arg uint64) []byte {
	m := major << 5
	switch {
	case arg < 24:
		return append(dst, m|byte(arg))
	case arg < 1<<8:
		return append(dst, m|24, byte(arg))
	case arg < 1<<16:
		return binary.BigEndian.AppendUint16(append(dst, m|25), uint16(arg))
	case arg < 1<<32:
		return binary.BigEndian.AppendUint32(append(dst, m|26), uint32(arg))
	default:
		return binary.BigEndian.AppendUint64(append(dst, m|27), arg)
	}
}

// headLen is the length of the head that appendHead makes for arg.
func headLen(arg uint64) int {
	switch {
	case arg < 24:
		return 1
	case arg < 1<<8:
		return 2
	case arg < 1<<16:
		return 3
	case arg < 1<<32:
		return 5
	default:
		return 9
	}
}

// head reads the head of the item that s begins with. s must be known to be
// well formed and without indefinite lengths; an empty s gives major 255.
func head(s string) (major byte, arg uint64, rest string) {
	if s == "" {
		return 255, 0, ""
	}
	major, low := s[0]>>5, s[0]&31
	s = s[1:]
	if low < 24 {
		return major, uint64(low), s
	}
	size := 1 << (low - 24) // 1, 2, 4 or 8 bytes
	if low > 27 || len(s) < size {
		return 255, 0, ""
	}
	for _, b := range []byte(s[:size]) {
		arg = arg<<8 | uint64(b)
	}
	return major, arg, s[size:]
}

// skip returns what follows the item that s begins with. s must be known to be
// well formed and without indefinite lengths.
func skip(s string) string {
	for todo := uint64(1); todo > 0; todo-- {
		major, arg, rest := head(s)
		switch s = rest; major {
		case majorBytes, majorText:
			s = s[arg:]
		case majorArray:
			todo += arg
		case majorMap:
			todo += 2 * arg
		case majorTag:
			todo++
		}
	}
	return s
}

// validText reports whether all text in s, which must be known to be well
// formed and without indefinite lengths, is UTF-8.
func validText(s string) bool {
	for s != "" {
		major, arg, rest := head(s)
		switch s = rest; major { // the members of arrays, maps and tags just follow
		case majorBytes:
			s = s[arg:]
		case majorText:
			if !utf8.ValidString(s[:arg]) {
				return false
			}
			s = s[arg:]
		}
	}
	return true
}

func mapType() reflect.Type { return reflect.TypeFor[map[string]any]() }
