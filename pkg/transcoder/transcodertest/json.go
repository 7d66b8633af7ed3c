package transcodertest

import (
	"bytes"
	"encoding/json"
	"reflect"

	"github.com/msmd/msmd/pkg/transcoder"
)

func jsonTexts() []string {
	return []string{
		`null`, `true`, `false`, `0`, `-0`, `1.10`, `1e400`, `12345678901234567890123`, `9007199254740993`,
		`""`, `"a b"`, `[]`, `{}`, `[1,[2,{"b":1,"a":[null]}]]`, ` { "a" : 1 , "b" : [ ] } `, `"\u00e9\n\/"`,
		`"é 中 😀"`, "\"\u2028\u2029\u0080\x7f\"", `{"é":"中"}`, `"<&>"`,
	}
}

// there sends text in and out.
func there(tc transcoder.Transcoder, text string) ([]byte, error) {
	raw, err := tc.FromJSON([]byte(text))
	if err != nil {
		return nil, err
	}
	return tc.AppendJSON(nil, raw)
}

// parseJSON keeps the text of numbers, so that 1.10 differs from 1.1.
func parseJSON(text []byte) (v any, err error) {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	err = d.Decode(&v)
	return v, err
}

func checkJSON(tc transcoder.Transcoder) []error {
	var l errorList
	for _, text := range jsonTexts() {
		out, err := there(tc, text)
		if err != nil {
			l.addf("JSON %q: %w", text, err)
			continue
		}
		want, _ := parseJSON([]byte(text))
		if got, err := parseJSON(out); err != nil || !reflect.DeepEqual(got, want) {
			l.addf("JSON %q comes out as %q, %v", text, out, err)
		}
	}
	raw, err := tc.FromJSON([]byte(`{"Name":"é","Age":7,"Roles":["r"]}`))
	if err != nil {
		l.addf("FromJSON: %w", err)
		return l
	}
	var u user
	if err := tc.Decode(raw, &u); err != nil || u.Name != "é" || u.Age != 7 || len(u.Roles) != 1 {
		l.addf("Decode of JSON into a struct = %+v, %v", u, err)
	}
	return l
}

func checkJSONOfGo(tc transcoder.Transcoder) []error {
	var l errorList
	for _, v := range values() {
		raw, err := tc.Encode(v)
		if err != nil {
			continue // checkValues reports it
		}
		out, err := tc.AppendJSON(nil, raw)
		if err != nil {
			l.addf("AppendJSON(Encode(%#v)): %w", v, err)
			continue
		}
		text, _ := json.Marshal(v)
		want, _ := parseJSON(text)
		got, err := parseJSON(out)
		if err != nil || reflect.TypeOf(got) != reflect.TypeOf(want) {
			l.addf("AppendJSON(Encode(%#v)) = %q, %v; want JSON as %q", v, out, err, text)
		}
		if n, ok := want.(json.Number); ok && n != got {
			f, _ := n.Float64()
			if g, ok := got.(json.Number); !ok || !sameFloat(g, f) {
				l.addf("AppendJSON(Encode(%#v)) = %q, want %q", v, out, text)
			}
		}
		l.checkASCII(string(text), out)
	}
	return l
}

func sameFloat(n json.Number, f float64) bool {
	g, err := n.Float64()
	return err == nil && g == f
}

func checkHeader(tc transcoder.Transcoder) []error {
	var l errorList
	for _, text := range append(jsonTexts(), "[1,\r\n\t2]") {
		if out, err := there(tc, text); err == nil {
			l.checkASCII(text, out)
		}
	}
	return l
}

func (l *errorList) checkASCII(text string, out []byte) {
	for _, b := range out {
		if b < ' ' || b > '~' {
			l.addf("JSON %q comes out as %q: byte %#x is not printable ASCII", text, out, b)
			return
		}
	}
}

func checkJSONErrors(tc transcoder.Transcoder) []error {
	var l errorList
	for _, text := range []string{"", " ", "{", "1 2", "01", "nul", `{"a"}`, "\"\n\"", "\"\xff\"", "NaN"} {
		l.guard("FromJSON", func() {
			if raw, err := tc.FromJSON([]byte(text)); err == nil {
				l.addf("FromJSON(%q) = %q, want an error", text, raw)
			}
		})
	}
	return l
}
