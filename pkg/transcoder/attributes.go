package transcoder

import (
	"slices"
	"strings"
)

// Raw is one attribute's value as a Transcoder encoded it.
type Raw string

// Attribute is a name and its encoded value.
type Attribute struct {
	Name string
	Raw  Raw
}

// Attributes are a session's attributes, sorted by name, no name twice. The
// nil slice is no attributes.
type Attributes []Attribute

func (a Attributes) find(name string) (int, bool) {
	return slices.BinarySearchFunc(a, name, func(x Attribute, name string) int {
		return strings.Compare(x.Name, name)
	})
}

// Get returns the value of the attribute and whether there is one.
func (a Attributes) Get(name string) (Raw, bool) {
	i, ok := a.find(name)
	if !ok {
		return "", false
	}
	return a[i].Raw, true
}

// With returns a with the attribute set, which may change a itself: use the
// result in its place, as with append.
func (a Attributes) With(name string, raw Raw) Attributes {
	i, ok := a.find(name)
	if ok {
		a[i].Raw = raw
		return a
	}
	return slices.Insert(a, i, Attribute{name, raw})
}

// Without returns a without the attribute, which may change a itself.
func (a Attributes) Without(name string) Attributes {
	i, ok := a.find(name)
	if !ok {
		return a
	}
	return slices.Delete(a, i, i+1)
}

// Transcoder encodes attributes. An implementation may be used concurrently
// and never panics, whatever bytes it is given.
type Transcoder interface {
	// ID is the byte in the envelope that names the transcoder. 1 to 63 are
	// msmd's, 64 and up are free for others.
	ID() byte

	// Encode encodes one value. It returns an error for a value that the
	// format cannot hold.
	Encode(v any) (Raw, error)

	// Decode decodes one value into v, a pointer. It returns an error if raw
	// does not fit it.
	Decode(raw Raw, v any) error

	// FromJSON encodes a value given as JSON text, and AppendJSON appends a
	// value as JSON text in ASCII without line ends. JSON that went in comes
	// out the same but for white space and escapes; numbers keep their text.
	FromJSON(text []byte) (Raw, error)
	AppendJSON(dst []byte, raw Raw) ([]byte, error)

	// AppendAttributes appends the payload for attrs to dst, Attributes reads
	// a payload. The attributes do not alias payload.
	AppendAttributes(dst []byte, attrs Attributes) []byte
	Attributes(payload []byte) (Attributes, error)
}
