package transcoder_test

import (
	"bytes"
	"errors"
	"fmt"
	"reflect"
	"runtime"
	"strings"
	"testing"

	"github.com/msmd/msmd/pkg/transcoder"
)

// attributes makes Attributes of "name=raw" texts, which must be sorted.
func attributes(pairs ...string) transcoder.Attributes {
	var attrs transcoder.Attributes
	for _, p := range pairs {
		name, raw, _ := strings.Cut(p, "=")
		attrs = append(attrs, transcoder.Attribute{Name: name, Raw: transcoder.Raw(raw)})
	}
	return attrs
}

func TestAttributesWith(t *testing.T) {
	for _, tt := range []struct {
		in, set, want []string
	}{
		{nil, []string{"a=1"}, []string{"a=1"}},
		{nil, []string{"b=1", "a=2", "c=3"}, []string{"a=2", "b=1", "c=3"}},
		{[]string{"a=1", "c=1"}, []string{"b=2"}, []string{"a=1", "b=2", "c=1"}},
		{[]string{"a=1", "c=1"}, []string{"a=2"}, []string{"a=2", "c=1"}},
		{[]string{"a=1"}, []string{"=0"}, []string{"=0", "a=1"}},
		{[]string{"a=1"}, []string{"A=0", "é=2", "aa=3"}, []string{"A=0", "a=1", "aa=3", "é=2"}},
	} {
		got := attributes(tt.in...)
		for _, a := range attributes(tt.set...) {
			got = got.With(a.Name, a.Raw)
			if raw, ok := got.Get(a.Name); !ok || raw != a.Raw {
				t.Errorf("Get(%q) = %q, %v after With; want %q", a.Name, raw, ok, a.Raw)
			}
		}
		if want := attributes(tt.want...); !reflect.DeepEqual(got, want) {
			t.Errorf("%v with %v = %v, want %v", tt.in, tt.set, got, want)
		}
	}
}

func TestAttributesWithout(t *testing.T) {
	for _, tt := range []struct {
		in     []string
		remove string
		want   []string
	}{
		{nil, "a", nil},
		{[]string{"a=1"}, "a", nil},
		{[]string{"a=1", "b=2", "c=3"}, "b", []string{"a=1", "c=3"}},
		{[]string{"a=1"}, "b", []string{"a=1"}},
		{[]string{"a=1"}, "A", []string{"a=1"}},
	} {
		got := attributes(tt.in...).Without(tt.remove)
		if want := attributes(tt.want...); len(got) != len(want) || len(want) > 0 && !reflect.DeepEqual(got, want) {
			t.Errorf("%v without %q = %v, want %v", tt.in, tt.remove, got, want)
		}
		if raw, ok := got.Get(tt.remove); ok {
			t.Errorf("Get(%q) = %q after Without", tt.remove, raw)
		}
	}
}

func TestPayloadRoundTrip(t *testing.T) {
	c := transcoder.NewCBOR()
	var large transcoder.Attributes
	for i := range transcoder.MaxElements {
		large = append(large, transcoder.Attribute{Name: fmt.Sprintf("%05d", i), Raw: "\x01"})
	}
	long := strings.Repeat("n", 70_000)
	for _, want := range []transcoder.Attributes{
		nil,
		attributes("=\x01"),
		attributes("a=\x01", "b=\x61b", "é=\xf6"),
		attributes("a=\xd9\x01\x06\x42{}", "b=\xa1\x61a\x82\x01\x02", "c=\x43abc", "d=\xfb\x3f\xf8\x00\x00\x00\x00\x00\x00"),
		attributes(long+"=\x01", long+"o=\x01"),
		large,
	} {
		payload := c.AppendAttributes([]byte("dst"), want)
		if !bytes.HasPrefix(payload, []byte("dst")) {
			t.Error("AppendAttributes dropped what dst held")
		}
		got, err := c.Attributes(payload[3:])
		if err != nil {
			t.Errorf("Attributes: %v", err)
			continue
		}
		clear(payload) // the attributes must not alias it
		if len(got) != len(want) || len(want) > 0 && !reflect.DeepEqual(got, want) {
			t.Errorf("got %.200v, want %.200v", got, want)
		}
	}
}

// deep is a payload whose value nests n arrays.
func deep(n int) string { return "\xa1\x61a" + strings.Repeat("\x81", n) + "\x01" }

// entries is a payload of n attributes.
func entries(n int) string {
	b := []byte{0xb9, byte(n >> 8), byte(n)}
	for i := range n {
		b = append(fmt.Appendf(append(b, 0x65), "%05d", i), 1)
	}
	return string(b)
}

func refusedPayloads() map[string]string {
	return map[string]string{
		"empty":                       "",
		"no map":                      "\x80",
		"text":                        "\x61a",
		"tagged map":                  "\xc0\xa1\x61a\x01",
		"not sorted":                  "\xa2\x61b\x01\x61a\x01",
		"sorted by length, not bytes": "\xa2\x61b\x01\x62aa\x01",
		"twice":                       "\xa2\x61a\x01\x61a\x02",
		"name is a number":            "\xa1\x01\x01",
		"name is bytes":               "\xa1\x41a\x01",
		"trailing byte":               "\xa1\x61a\x01\x00",
		"name without a value":        "\xa1\x61a",
		"truncated value":             "\xa1\x61a\x62b",
		"indefinite map":              "\xbf\x61a\x01\xff",
		"indefinite name":             "\xa1\x7f\x61a\xff\x01",
		"indefinite value":            "\xa1\x61a\x9f\x01\xff",
		"indefinite bytes":            "\xa1\x61a\x5f\x41a\xff",
		"reserved additional info":    "\xa1\x61a\x1c",
		"break alone":                 "\xa1\x61a\xff",
		"map head not the shortest":   "\xb8\x01\x61a\x01",
		"name head not the shortest":  "\xa1\x78\x01a\x01",
		"nested 33":                   deep(32),
		"nested 1000":                 deep(1000),
		"10001 attributes":            entries(transcoder.MaxElements + 1),
		"2^63 attributes":             "\xbb\x80\x00\x00\x00\x00\x00\x00\x00",
		"2^64-1 attributes":           "\xbb\xff\xff\xff\xff\xff\xff\xff\xff",
		"2^32-1 attributes":           "\xba\xff\xff\xff\xff",
		"9999 attributes, none there": "\xb9\x27\x0f",
		"name of 2^63 bytes":          "\xa1\x7b\x80\x00\x00\x00\x00\x00\x00\x00",
		"value of 2^63 elements":      "\xa1\x61a\x9b\x80\x00\x00\x00\x00\x00\x00\x00",
		"value of 2^63 bytes":         "\xa1\x61a\x5b\x80\x00\x00\x00\x00\x00\x00\x00",
		"value of 2^62 pairs":         "\xa1\x61a\xbb\x40\x00\x00\x00\x00\x00\x00\x00",
		"value of 2^31 bytes":         "\xa1\x61a\x5a\x80\x00\x00\x00",
	}
}

func TestPayloadRefused(t *testing.T) {
	c := transcoder.NewCBOR()
	for name, payload := range refusedPayloads() {
		if attrs, err := c.Attributes([]byte(payload)); !errors.Is(err, transcoder.ErrCorrupt) {
			t.Errorf("%s: %v, %v; want ErrCorrupt", name, attrs, err)
		}
		if n := allocated(func() { _, _ = c.Attributes([]byte(payload)) }); n > uint64(len(payload))+8<<10 {
			t.Errorf("%s: refusing %d bytes took %d bytes of memory", name, len(payload), n)
		}
	}
	for name, payload := range map[string]string{"nested 32": deep(31), "10000 attributes": entries(transcoder.MaxElements)} {
		if _, err := c.Attributes([]byte(payload)); err != nil {
			t.Errorf("%s: %v, want no error", name, err)
		}
	}
}

// allocated returns how many bytes f allocates. Other goroutines' count too,
// so f's alone are the least of three runs.
func allocated(f func()) uint64 {
	least := ^uint64(0)
	for range 3 {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		f()
		runtime.ReadMemStats(&after)
		least = min(least, after.TotalAlloc-before.TotalAlloc)
	}
	return least
}
