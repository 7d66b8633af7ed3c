package transcoder_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"testing"

	"github.com/msmd/msmd/pkg/transcoder"
)

// FuzzParse: Parse never panics, its errors are ErrCorrupt, and what it
// accepts is written back as the same bytes. With sealed, length and checksum
// are put right first, so that the fuzzer gets past them.
func FuzzParse(f *testing.F) {
	live, dead := record(), tombstone()
	for _, data := range [][]byte{live.Append(nil), dead.Append(nil), live.Append(nil)[:transcoder.HeaderLen], []byte("MSMD"), nil} {
		f.Add(data, uint64(fingerprint), true)
		f.Add(data, uint64(fingerprint), false)
	}
	f.Fuzz(func(t *testing.T, data []byte, asked uint64, sealed bool) {
		if sealed && len(data) >= transcoder.HeaderLen {
			data = bytes.Clone(data)
			seal(data)
		}
		r, err := transcoder.Parse(data, asked)
		if err != nil {
			if !errors.Is(err, transcoder.ErrCorrupt) {
				t.Fatalf("error %v is not ErrCorrupt", err)
			}
			return
		}
		if r.Fingerprint != asked {
			t.Fatalf("accepted fingerprint %#x, asked for %#x", r.Fingerprint, asked)
		}
		if again := r.Append(nil); !bytes.Equal(again, data) {
			t.Fatalf("accepted bytes are written differently\ngot  %x\nwant %x", again, data)
		}
	})
}

// FuzzAttributes: reading a payload never panics and takes memory in
// proportion; what is accepted is sorted and is written back as the same
// bytes; its values may be turned to JSON without a panic, and as a header.
func FuzzAttributes(f *testing.F) {
	for _, payload := range []string{
		"\xa0", "\xa1\x61a\x01", "\xa2\x61a\x01\x61b\xd9\x01\x06\x42{}", "\xb8\x01\x61a\x01", "\xa1\x78\x01a\x01",
		"\xbb\x80\x00\x00\x00\x00\x00\x00\x00", "\xbf\xff", "\xa1\x61a\x81\x81\xf6", "\xa1\x61a\xd9\x01\x06\x41\n",
		"\xa1\x61a\xc2\x49\x01\x00\x00\x00\x00\x00\x00\x00\x00", "\xa1\x61a\xc0\x61x", "\xb9\x27\x0f",
	} {
		f.Add([]byte(payload))
	}
	c := transcoder.NewCBOR()
	f.Fuzz(func(t *testing.T, payload []byte) {
		attrs, err := c.Attributes(payload)
		if err != nil {
			if !errors.Is(err, transcoder.ErrCorrupt) {
				t.Fatalf("error %v is not ErrCorrupt", err)
			}
			return
		}
		if cap(attrs) > len(payload) {
			t.Fatalf("room for %d attributes from %d bytes", cap(attrs), len(payload))
		}
		if again := c.AppendAttributes(nil, attrs); !bytes.Equal(again, payload) {
			t.Fatalf("accepted payload is written differently\ngot  %x\nwant %x", again, payload)
		}
		for i, a := range attrs {
			if i > 0 && attrs[i-1].Name >= a.Name {
				t.Fatalf("%q is not after %q", a.Name, attrs[i-1].Name)
			}
			var v any
			_ = c.Decode(a.Raw, &v) // must not panic
			text, err := c.AppendJSON(nil, a.Raw)
			if err == nil && len(text) == 0 {
				t.Fatalf("%x has an empty JSON form", string(a.Raw))
			}
			checkHeader(t, a.Name, text)
			checkHeader(t, a.Name, transcoder.AppendJSONString(nil, a.Name))
		}
	})
}

// FuzzFromJSON: accepted text was JSON before, is a legal header value after,
// and still the same value.
func FuzzFromJSON(f *testing.F) {
	for _, text := range []string{
		`{"a":[1.10,-0,1e400,null,true,"\u00e9é中😀"]}`, " 1 ", `"\ud800"`, "\"\u2028\x7f\"", "", "{", "\"\xff\"", "[[[[1]]]]",
	} {
		f.Add([]byte(text))
	}
	c := transcoder.NewCBOR()
	f.Fuzz(func(t *testing.T, text []byte) {
		before := bytes.Clone(text)
		raw, err := c.FromJSON(text)
		if !bytes.Equal(text, before) {
			t.Fatalf("FromJSON changed its argument from %q to %q", before, text)
		}
		if err != nil {
			return
		}
		if !json.Valid(text) {
			t.Fatalf("accepted %q", text)
		}
		out, err := c.AppendJSON(nil, raw)
		if err != nil {
			t.Fatalf("accepted %q does not come out: %v", text, err)
		}
		checkHeader(t, string(text), out)
		checkSameJSON(t, text, out)
		if again, err := c.FromJSON(out); err != nil || again != raw {
			t.Fatalf("what came out of %q goes in as %q, %v; want %q", text, again, err, raw)
		}
	})
}
