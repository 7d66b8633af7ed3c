package transcoder_test

import (
	"encoding/json"
	"errors"
	"math"
	"reflect"
	"strings"
	"testing"

	"github.com/msmd/msmd/pkg/transcoder"
)

// TestJSONRoundTrip: text in, the same text out, but for white space and
// escapes. want is "" where it is in.
func TestJSONRoundTrip(t *testing.T) {
	for _, tt := range []struct{ in, want string }{
		{`null`, ""}, {`true`, ""}, {`false`, ""}, {`""`, ""}, {`[]`, ""}, {`{}`, ""},
		{`0`, ""}, {`-0`, ""}, {`1.10`, ""}, {`-0.0`, ""}, {`1e400`, ""}, {`1E+2`, ""},
		{`12345678901234567890123`, ""}, {`9007199254740993`, ""}, {`0.1000000000000000055511151231257827`, ""},
		{`{"b":1,"a":2}`, ""},      // the order of members stays
		{`{"a":1,"a":2}`, ""},      // and what Go would drop
		{`"\/\u0041\n\u0000"`, ""}, // escapes that came stay
		{`"\ud800"`, ""},           // half a surrogate pair, legal in JSON
		{`"<script>&'\""`, ""},     // nothing is escaped for HTML
		{" [ 1 ,\t2\r\n] ", `[1,2]`},
		{"{ \"a b\" : \" c \" }", `{"a b":" c "}`},
		{`"é"`, `"\u00e9"`}, {`"中"`, `"\u4e2d"`}, {`"😀"`, `"\ud83d\ude00"`}, {"\"\U0010ffff\"", `"\udbff\udfff"`},
		{"\"\u2028\u2029\"", `"\u2028\u2029"`}, {"\"\x7f\"", `"\u007f"`}, {"\"\u0080\ufeff\"", `"\u0080\ufeff"`},
		{`{"é":{"中":"é"}}`, `{"\u00e9":{"\u4e2d":"\u00e9"}}`},
	} {
		c := transcoder.NewCBOR()
		if tt.want == "" {
			tt.want = tt.in
		}
		raw, err := c.FromJSON([]byte(tt.in))
		if err != nil {
			t.Errorf("FromJSON(%q): %v", tt.in, err)
			continue
		}
		out, err := c.AppendJSON([]byte("x="), raw)
		if got := string(out); err != nil || got != "x="+tt.want {
			t.Errorf("AppendJSON(FromJSON(%q)) = %q, %v; want %q", tt.in, got, err, "x="+tt.want)
		}
		checkHeader(t, tt.in, out)
		checkSameJSON(t, []byte(tt.in), out[2:])
	}
}

// checkHeader checks that text may be a header's value, RFC 9110 section 5.5,
// without obsolete parts.
func checkHeader(t *testing.T, in string, text []byte) {
	t.Helper()
	for _, b := range text {
		if b < 0x20 || b >= 0x7f {
			t.Errorf("JSON of %q has byte %#x: %q", in, b, text)
			return
		}
	}
}

// checkSameJSON checks that both texts are the same value, numbers compared as
// text.
func checkSameJSON(t *testing.T, a, b []byte) {
	t.Helper()
	va, vb := decodeJSON(t, a), decodeJSON(t, b)
	if !reflect.DeepEqual(va, vb) {
		t.Errorf("%q is not the value of %q", b, a)
	}
}

func decodeJSON(t *testing.T, text []byte) any {
	t.Helper()
	d := json.NewDecoder(strings.NewReader(string(text)))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		t.Errorf("%q is not JSON: %v", text, err)
	}
	return v
}

func TestFromJSONRefuses(t *testing.T) {
	for _, in := range []string{
		"", " ", "{", `{"a"}`, "1 2", "01", "1.", "nul", "'a'", `"\x"`, "\"\n\"", "\"\x00\"", "NaN",
		"\"\xff\"", "\"\xed\xa0\x80\"", "\xef\xbb\xbf1", "{}\x00", strings.Repeat("[", 20_000),
	} {
		if raw, err := transcoder.NewCBOR().FromJSON([]byte(in)); err == nil {
			t.Errorf("FromJSON(%.20q) = %q, want an error", in, raw)
		}
	}
}

// TestJSONOfValues has the JSON form of values that Go code stored.
func TestJSONOfValues(t *testing.T) {
	c := transcoder.NewCBOR()
	for _, tt := range []struct {
		v    any
		want string
	}{
		{nil, `null`},
		{true, `true`},
		{-42, `-42`},
		{uint64(math.MaxUint64), `18446744073709551615`},
		{int64(math.MinInt64), `-9223372036854775808`},
		{1.5, `1.5`},
		{1e21, `1e+21`},
		{"é\x7f\u2028\r\n", `"\u00e9\u007f\u2028\r\n"`},
		{[]byte("\x00\xff"), `"AP8="`},
		{moment, `"2026-02-28T23:59:59.123456789Z"`},
		{[]any{1, "a", nil}, `[1,"a",null]`},
		{map[string]any{"b": uint64(math.MaxUint64), "a": []int{1}}, `{"a":[1],"b":18446744073709551615}`},
		{struct {
			A int `json:"x"`
		}{1}, `{"x":1}`},
	} {
		raw, err := c.Encode(tt.v)
		if err != nil {
			t.Errorf("Encode(%v): %v", tt.v, err)
			continue
		}
		got, err := c.AppendJSON([]byte("["), raw)
		if err != nil || string(got) != "["+tt.want {
			t.Errorf("AppendJSON of %v = %q, %v; want %q", tt.v, got, err, "["+tt.want)
		}
		checkHeader(t, tt.want, got)
	}
	for _, v := range []any{math.NaN(), math.Inf(1), []any{math.Inf(-1)}} {
		if _, err := c.Encode(v); err == nil {
			t.Errorf("Encode(%v): no error for a value that no app could be shown", v)
		}
	}
	for _, v := range []any{map[int]string{1: "a"}} {
		raw, err := c.Encode(v)
		if err != nil {
			t.Errorf("Encode(%v): %v", v, err)
		}
		if got, err := c.AppendJSON([]byte("["), raw); err == nil || string(got) != "[" {
			t.Errorf("AppendJSON of %v = %q, %v; want dst as it was and an error", v, got, err)
		}
	}
}

// TestJSONOfForgedBytes: bytes that claim to be JSON text, as whoever can
// write to memcached may store, cannot end a header line.
func TestJSONOfForgedBytes(t *testing.T) {
	c := transcoder.NewCBOR()
	for _, text := range []string{"", "1\r\nSet-Cookie: a", "\"\x00\"", "\"\x7f\"", "\"é\""} {
		raw := transcoder.Raw("\xd9\x01\x06" + string(rune(0x40+len(text))) + text)
		got, err := c.AppendJSON([]byte("x"), raw)
		if !errors.Is(err, transcoder.ErrCorrupt) || string(got) != "x" {
			t.Errorf("AppendJSON of embedded %q = %q, %v; want ErrCorrupt", text, got, err)
		}
	}
}

func TestDecodeJSON(t *testing.T) {
	c := transcoder.NewCBOR()
	raw, err := c.FromJSON([]byte(`{"Items":["é"],"Total":1.10,"Owner":null,"Seen":"2026-02-28T23:59:59.123456789Z"}`))
	if err != nil {
		t.Fatal(err)
	}
	var got cart
	if err := c.Decode(raw, &got); err != nil {
		t.Fatal(err)
	}
	if want := (cart{Items: []string{"é"}, Total: 1.1, Seen: moment}); !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestAppendJSONString(t *testing.T) {
	for _, tt := range []struct{ in, want string }{
		{"", `""`}, {"a", `"a"`}, {`"\`, `"\"\\"`}, {"\r\n\x00", `"\r\n\u0000"`},
		{"é\x7f😀", `"\u00e9\u007f\ud83d\ude00"`}, {"\xff", `"\ufffd"`},
	} {
		if got := string(transcoder.AppendJSONString([]byte("{"), tt.in)); got != "{"+tt.want {
			t.Errorf("AppendJSONString(%q) = %s, want {%s", tt.in, got, tt.want)
		}
	}
}
