package transcoder_test

import (
	"errors"
	"math"
	"math/big"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/msmd/msmd/pkg/transcoder"
)

type cart struct {
	Items []string
	Total float64
	Owner *string
	Seen  time.Time
}

var moment = time.Date(2026, 2, 28, 23, 59, 59, 123456789, time.UTC)

// TestDecodeTyped decodes values into their own type.
func TestDecodeTyped(t *testing.T) {
	owner := "é\x00\u2028"
	for _, v := range []any{
		"", "text", "line\r\nend", strings.Repeat("x", 70_000),
		0, -1, math.MinInt64, math.MaxInt64, int8(-128), uint8(255), uint64(math.MaxUint64),
		1.5, -math.MaxFloat64, math.MaxFloat64, math.SmallestNonzeroFloat64, float32(0.1),
		true, false, moment, time.Time{}, time.Unix(0, 1).UTC(), 3 * time.Second,
		[]byte{}, []byte{0, 255}, []int{1, 2}, [2]bool{true, false},
		map[string]int{"a": 1}, map[int]string{-1: "a"}, map[string]map[string][]int{"a": {"b": {1}}},
		cart{[]string{"a"}, 1.1, &owner, moment}, cart{},
	} {
		c := transcoder.NewCBOR()
		raw, err := c.Encode(v)
		if err != nil {
			t.Errorf("Encode(%T): %v", v, err)
			continue
		}
		got := reflect.New(reflect.TypeOf(v))
		if err := c.Decode(raw, got.Interface()); err != nil {
			t.Errorf("Decode into %T: %v", v, err)
			continue
		}
		if !reflect.DeepEqual(got.Elem().Interface(), v) {
			t.Errorf("%T: got %v, want %v", v, got.Elem(), v)
		}
	}
}

// TestDecodeAny decodes values without knowing their type.
func TestDecodeAny(t *testing.T) {
	for _, tt := range []struct{ in, want any }{
		{nil, nil},
		{42, int64(42)},
		{uint64(math.MaxUint64), new(big.Int).SetUint64(math.MaxUint64)},
		{float32(1.5), 1.5},
		{2.0, 2.0},
		{moment, moment},
		{[]byte("x"), []byte("x")},
		{[]string{"a"}, []any{"a"}},
		{map[string]any{"a": map[string]int{"b": 1}}, map[string]any{"a": map[string]any{"b": int64(1)}}},
		{struct{ A int }{1}, map[string]any{"A": int64(1)}},
	} {
		c := transcoder.NewCBOR()
		raw, err := c.Encode(tt.in)
		if err != nil {
			t.Errorf("Encode(%v): %v", tt.in, err)
			continue
		}
		var got any
		if err := c.Decode(raw, &got); err != nil {
			t.Errorf("Decode(%v): %v", tt.in, err)
			continue
		}
		if w, ok := tt.want.(time.Time); ok {
			if g, ok := got.(time.Time); !ok || !g.Equal(w) {
				t.Errorf("got %v, want %v", got, w)
			}
			continue
		}
		if !reflect.DeepEqual(got, tt.want) {
			t.Errorf("%v: got %T %v, want %T %v", tt.in, got, got, tt.want, tt.want)
		}
	}
}

// TestEncodeIsDeterministic: whether an attribute changed is seen by its bytes.
func TestEncodeIsDeterministic(t *testing.T) {
	c := transcoder.NewCBOR()
	m := map[string]int{"a": 1, "b": 2, "c": 3, "long name": 4, "d": 5, "": 6}
	first, err := c.Encode(m)
	if err != nil {
		t.Fatal(err)
	}
	for range 50 {
		if again, err := c.Encode(m); err != nil || again != first {
			t.Fatalf("Encode of the same map = %x, %v; want %x", again, err, first)
		}
	}
}

func nested(n int) any {
	var v any = 1
	for range n {
		v = []any{v}
	}
	return v
}

// TestEncodeRefuses: what Encode lets pass must be readable later, alone and
// within a payload, since one unreadable attribute costs the whole session.
func TestEncodeRefuses(t *testing.T) {
	c := transcoder.NewCBOR()
	many := map[int]int{}
	for i := range transcoder.MaxElements + 1 {
		many[i] = i
	}
	for _, tt := range []struct {
		name string
		v    any
		ok   bool
	}{
		{"channel", make(chan int), false},
		{"function", func() {}, false},
		{"deepest", nested(transcoder.MaxNesting - 1), true},
		{"too deep within a payload", nested(transcoder.MaxNesting), false},
		{"too deep", nested(transcoder.MaxNesting + 1), false},
		{"longest array", make([]int, transcoder.MaxElements), true},
		{"array too long", make([]int, transcoder.MaxElements+1), false},
		{"map too large", many, false},
		{"long bytes", make([]byte, 2*transcoder.MaxElements), true},
		{"text that is not UTF-8", "a\xff", false},
		{"such text within", map[string]any{"a": []any{1, "ok", moment, []byte{255}, "\xed\xa0\x80"}}, false},
		{"such text as a key", map[string]int{"\xff": 1}, false},
	} {
		raw, err := c.Encode(tt.v)
		if (err == nil) != tt.ok {
			t.Errorf("%s: Encode error = %v, want ok %v", tt.name, err, tt.ok)
			continue
		}
		if err != nil {
			continue
		}
		payload := c.AppendAttributes(nil, transcoder.Attributes{{Name: "a", Raw: raw}})
		if _, err := c.Attributes(payload); err != nil {
			t.Errorf("%s: Encode accepts it, Attributes refuses the session: %v", tt.name, err)
		}
		var v any
		if err := c.Decode(raw, &v); err != nil {
			t.Errorf("%s: Decode: %v", tt.name, err)
		}
	}
}

func TestDecodeRefuses(t *testing.T) {
	c := transcoder.NewCBOR()
	var n int
	var v any
	for _, tt := range []struct {
		name string
		raw  transcoder.Raw
		into any
	}{
		{"empty", "", &v},
		{"trailing byte", "\x01\x01", &v},
		{"truncated", "\x62a", &v},
		{"indefinite length", "\x9f\x01\xff", &v},
		{"duplicate key", "\xa2\x61a\x01\x61a\x02", &v},
		{"not UTF-8", "\x61\xff", &v},
		{"other type", "\x61a", &n},
		{"no pointer", "\x01", n},
		{"nil", "\x01", nil},
		{"JSON of another type", "\xd9\x01\x06\x43\"a\"", &n},
		{"JSON that is none", "\xd9\x01\x06\x41{", &v},
		{"claimed 2^63 bytes", "\x5b\x80\x00\x00\x00\x00\x00\x00\x00", &v},
	} {
		if err := c.Decode(tt.raw, tt.into); err == nil {
			t.Errorf("%s: no error", tt.name)
		}
	}
	if _, err := c.AppendJSON(nil, "\x62a"); !errors.Is(err, transcoder.ErrCorrupt) {
		t.Errorf("AppendJSON of truncated bytes: error %v, want ErrCorrupt", err)
	}
}
