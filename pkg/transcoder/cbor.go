package transcoder

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/fxamacker/cbor/v2"
)

const (
	cborID = 1

	// MaxNesting is how deep values may nest, MaxElements how many members one
	// map or array of them may have.
	MaxNesting  = 32
	MaxElements = 10_000

	// Major types, RFC 8949 section 3.1.
	majorBytes = 2
	majorText  = 3
	majorArray = 4
	majorMap   = 5
	majorTag   = 6

	// tagJSON marks a byte string that holds JSON text, "Embedded JSON Object"
	// in IANA's registry of CBOR tags. Values that apps send as JSON are kept
	// as they came, so that numbers keep their exact text and the next request
	// header is a copy, not a conversion.
	tagJSON = 262
)

// CBOR is the default transcoder: RFC 8949, a map from names to values. Go
// values are stored as CBOR's own types, times as RFC 3339 text (tag 0). The
// zero CBOR is not usable; call NewCBOR.
type CBOR struct {
	enc   cbor.EncMode
	dec   cbor.DecMode
	value cbor.DecMode // one level less, the payload's map being one
}

// NewCBOR returns the CBOR transcoder.
func NewCBOR() *CBOR {
	enc, err := cbor.EncOptions{
		Sort:          cbor.SortCoreDeterministic,
		ShortestFloat: cbor.ShortestFloatNone, // a float64 stays one
		IndefLength:   cbor.IndefLengthForbidden,
		Time:          cbor.TimeRFC3339Nano,
		TimeTag:       cbor.EncTagRequired,
		NaNConvert:    cbor.NaNConvertReject, // JSON has neither, and apps get JSON
		InfConvert:    cbor.InfConvertReject,
	}.EncMode()
	if err != nil {
		panic("transcoder: CBOR encoding options: " + err.Error()) // constants: cannot happen
	}
	options := cbor.DecOptions{
		DupMapKey:        cbor.DupMapKeyEnforcedAPF,
		IndefLength:      cbor.IndefLengthForbidden,
		MaxArrayElements: MaxElements,
		MaxMapPairs:      MaxElements,
		IntDec:           cbor.IntDecConvertSignedOrBigInt,
		BigIntDec:        cbor.BigIntDecodePointer, // a big.Int that is no pointer marshals to {}
		DefaultMapType:   mapType(),
	}
	return &CBOR{enc, decMode(options, MaxNesting), decMode(options, MaxNesting-1)}
}

func decMode(options cbor.DecOptions, nesting int) cbor.DecMode {
	options.MaxNestedLevels = nesting
	dec, err := options.DecMode()
	if err != nil {
		panic("transcoder: CBOR decoding options: " + err.Error())
	}
	return dec
}

// ID implements Transcoder.
func (c *CBOR) ID() byte { return cborID }

// Encode implements Transcoder. It refuses what Attributes would not read
// back, and with it the whole session: a value that nests MaxNesting deep, has
// more than MaxElements members, holds text that is not UTF-8, or is NaN or
// infinite.
func (c *CBOR) Encode(v any) (Raw, error) {
	b, err := c.enc.Marshal(v)
	if err == nil {
		err = c.value.Wellformed(b)
	}
	if err != nil {
		return "", fmt.Errorf("encode %T as CBOR: %w", v, err)
	}
	raw := string(b)
	if !validText(raw) {
		return "", fmt.Errorf("encode %T as CBOR: text is not UTF-8; hint: store it as []byte", v)
	}
	return Raw(raw), nil
}

// Decode implements Transcoder.
func (c *CBOR) Decode(raw Raw, v any) error {
	if text, ok := embeddedJSON(string(raw)); ok {
		if err := json.Unmarshal([]byte(text), v); err != nil {
			return fmt.Errorf("decode a JSON value into %T: %w", v, err)
		}
		return nil
	}
	if err := c.dec.Unmarshal([]byte(raw), v); err != nil {
		return fmt.Errorf("decode a CBOR value into %T: %w", v, err)
	}
	return nil
}

// FromJSON implements Transcoder.
func (c *CBOR) FromJSON(text []byte) (Raw, error) {
	text, err := asciiJSON(text)
	if err != nil {
		return "", err
	}
	b := appendHead(make([]byte, 0, len(text)+8), majorTag, tagJSON)
	b = appendHead(b, majorBytes, uint64(len(text)))
	return Raw(append(b, text...)), nil
}

// AppendJSON implements Transcoder.
func (c *CBOR) AppendJSON(dst []byte, raw Raw) ([]byte, error) {
	if text, ok := embeddedJSON(string(raw)); ok {
		if !printable(text) {
			return dst, fmt.Errorf("%w: value: not JSON in ASCII", ErrCorrupt)
		}
		return append(dst, text...), nil
	}
	var v any
	if err := c.dec.Unmarshal([]byte(raw), &v); err != nil {
		return dst, fmt.Errorf("%w: value: %w", ErrCorrupt, err)
	}
	text, err := json.Marshal(v)
	if err != nil {
		return dst, fmt.Errorf("value has no JSON form: %w", err)
	}
	return appendASCII(dst, text), nil
}

// AppendAttributes implements Transcoder.
func (c *CBOR) AppendAttributes(dst []byte, attrs Attributes) []byte {
	dst = appendHead(dst, majorMap, uint64(len(attrs)))
	for _, a := range attrs {
		dst = appendHead(dst, majorText, uint64(len(a.Name)))
		dst = append(dst, a.Name...)
		dst = append(dst, a.Raw...)
	}
	return dst
}

// Attributes implements Transcoder. It refuses payloads that are not well
// formed, nest too deep, or whose names are not sorted and unique: what it
// accepts, AppendAttributes writes the same. The memory it takes is
// proportional to the payload.
func (c *CBOR) Attributes(payload []byte) (Attributes, error) {
	if err := c.dec.Wellformed(payload); err != nil {
		return nil, fmt.Errorf("%w: payload: %w", ErrCorrupt, err)
	}
	all := string(payload) // one copy that all names and values share
	major, n, rest := head(all)
	if major != majorMap || n > MaxElements || len(all)-len(rest) != headLen(n) {
		return nil, fmt.Errorf("%w: payload is not a map of at most %d attributes", ErrCorrupt, MaxElements)
	}
	attrs := make(Attributes, 0, n)
	for range n {
		major, size, tail := head(rest)
		if major != majorText || len(rest)-len(tail) != headLen(size) {
			return nil, fmt.Errorf("%w: attribute name is not text with the shortest head", ErrCorrupt)
		}
		name, tail := tail[:size], tail[size:]
		if len(attrs) > 0 && attrs[len(attrs)-1].Name >= name {
			return nil, fmt.Errorf("%w: attribute names are not sorted and unique", ErrCorrupt)
		}
		rest = skip(tail)
		attrs = append(attrs, Attribute{name, Raw(tail[:len(tail)-len(rest)])})
	}
	return attrs, nil
}

var errNotJSON = errors.New("not JSON")

// embeddedJSON returns the JSON text that raw holds, if it holds one.
func embeddedJSON(raw string) (string, bool) {
	if !strings.HasPrefix(raw, "\xd9\x01\x06") { // the head of tagJSON
		return "", false
	}
	major, n, rest := head(raw[3:])
	if major != majorBytes || uint64(len(rest)) != n {
		return "", false
	}
	return rest, true
}
