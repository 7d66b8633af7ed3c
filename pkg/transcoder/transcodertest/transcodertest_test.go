package transcodertest

import (
	"bytes"
	"os"
	"strings"
	"testing"

	"github.com/msmd/msmd/pkg/transcoder"
)

// mutant is CBOR with one mistake.
type mutant struct {
	*transcoder.CBOR
	id         func() byte
	encode     func(v any) (transcoder.Raw, error)
	decode     func(raw transcoder.Raw, v any) error
	fromJSON   func(text []byte) (transcoder.Raw, error)
	appendJSON func(dst []byte, raw transcoder.Raw) ([]byte, error)
	write      func(dst []byte, attrs transcoder.Attributes) []byte
	read       func(payload []byte) (transcoder.Attributes, error)
}

func (m mutant) ID() byte                                  { return m.id() }
func (m mutant) Encode(v any) (transcoder.Raw, error)      { return m.encode(v) }
func (m mutant) Decode(raw transcoder.Raw, v any) error    { return m.decode(raw, v) }
func (m mutant) FromJSON(b []byte) (transcoder.Raw, error) { return m.fromJSON(b) }
func (m mutant) AppendJSON(dst []byte, raw transcoder.Raw) ([]byte, error) {
	return m.appendJSON(dst, raw)
}

func (m mutant) AppendAttributes(dst []byte, attrs transcoder.Attributes) []byte {
	return m.write(dst, attrs)
}

func (m mutant) Attributes(b []byte) (transcoder.Attributes, error) { return m.read(b) }

func sound() mutant {
	c := transcoder.NewCBOR()
	return mutant{c, c.ID, c.Encode, c.Decode, c.FromJSON, c.AppendJSON, c.AppendAttributes, c.Attributes}
}

// mistakes has for each check a way to fail it.
func mistakes() map[string]func(m *mutant) {
	c := transcoder.NewCBOR()
	return map[string]func(m *mutant){
		"id":      func(m *mutant) { m.id = func() byte { return 0 } },
		"values":  func(m *mutant) { m.decode = func(transcoder.Raw, any) error { return nil } },
		"refused": func(m *mutant) { m.decode = func(transcoder.Raw, any) error { panic("nil pointer") } },
		"json": func(m *mutant) {
			m.fromJSON = func(b []byte) (transcoder.Raw, error) {
				return c.FromJSON(bytes.ReplaceAll(b, []byte("1.10"), []byte("1.1")))
			}
		},
		"json-of-go": func(m *mutant) {
			m.appendJSON = func(dst []byte, _ transcoder.Raw) ([]byte, error) { return append(dst, "{}"...), nil }
		},
		"header": func(m *mutant) {
			m.appendJSON = func(dst []byte, raw transcoder.Raw) ([]byte, error) {
				dst, err := c.AppendJSON(dst, raw)
				return bytes.ReplaceAll(dst, []byte(`\u00e9`), []byte("é")), err
			}
		},
		"json-errors": func(m *mutant) {
			m.fromJSON = func(b []byte) (transcoder.Raw, error) { return c.FromJSON(append(b, "null"...)) }
		},
		"attributes": func(m *mutant) {
			m.read = func(b []byte) (transcoder.Attributes, error) {
				attrs, err := c.Attributes(b)
				return attrs[:len(attrs)/2], err
			}
		},
		"append": func(m *mutant) {
			m.write = func(_ []byte, attrs transcoder.Attributes) []byte { return c.AppendAttributes(nil, attrs) }
		},
		"damage": func(m *mutant) {
			m.read = func(b []byte) (transcoder.Attributes, error) {
				return make(transcoder.Attributes, 0, int(b[0])<<16), nil // nor any check of the length
			}
		},
		"concurrent": func(m *mutant) {
			m.read = func([]byte) (transcoder.Attributes, error) { return nil, nil }
		},
	}
}

// TestSuiteCatches: each check fails for a Transcoder with the mistake it is
// there for.
func TestSuiteCatches(t *testing.T) {
	for check, spoil := range mistakes() {
		m := sound()
		spoil(&m)
		if errs := run(check, m); len(errs) == 0 {
			t.Errorf("check %q passes a Transcoder with that mistake", check)
		}
	}
}

func run(name string, tc transcoder.Transcoder) []error {
	for _, c := range suite() {
		if c.name == name {
			return c.run(tc)
		}
	}
	return nil
}

// TestSuiteIsDocumented: the package comment names every subtest.
func TestSuiteIsDocumented(t *testing.T) {
	source, err := os.ReadFile("transcodertest.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range suite() {
		if !strings.Contains(string(source), "//\t"+c.name+" ") {
			t.Errorf("the package comment does not describe %q", c.name)
		}
	}
}
