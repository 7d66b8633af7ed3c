package demo

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
)

const okMeta = `state=ok, ref="k3tq5", v=17, new=?0, created=@1732172000, accessed=@1732172300, idle=1790, abs=41200, size=812, node="n1"`

// newRequest returns a request with the fields that msmd adds, "" for none,
// and more fields as pairs of name and value.
func newRequest(method, target, body, meta, attributes string, fields ...string) *http.Request {
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	if method == http.MethodPost {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	if meta != "" {
		r.Header.Set("Msm-Session-Meta", meta)
	}
	if attributes != "" {
		r.Header.Set("Msm-Session", attributes)
	}
	for i := 0; i+1 < len(fields); i += 2 {
		r.Header.Set(fields[i], fields[i+1])
	}
	return r
}

func serve(h http.Handler, r *http.Request) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func TestJSON(t *testing.T) {
	app := NewApp(Config{Name: "app1"})
	tests := []struct{ meta, attributes, want string }{
		{okMeta, `{"count":12345678901234567890,"city":"Z\u00fcrich","x":1.50}`,
			`{"app":"app1","ref":"k3tq5","created":"2024-11-21T06:53:20Z","lastAccess":"2024-11-21T06:58:20Z",` +
				`"version":17,"node":"n1","state":"ok","attributes":{"city":"Z\u00fcrich","count":12345678901234567890,"x":1.50}}`},
		{"state=none", "", emptyReport("none")},
		{"state=unavailable", "", emptyReport("unavailable")},
		{"state=revoked", "null", emptyReport("revoked")},
		{"state=ok", "[1]", emptyReport("ok")},
		{"x=1", "", emptyReport("unknown")},
		{"", `{"forged":1}`, emptyReport("direct")},
	}
	for _, tt := range tests {
		w := serve(app, newRequest("GET", "/", "", tt.meta, tt.attributes, "Accept", "application/json"))
		var got strings.Builder
		for line := range strings.Lines(w.Body.String()) {
			got.WriteString(strings.TrimSpace(strings.Replace(line, `": `, `":`, 1)))
		}
		if got.String() != tt.want || w.Code != 200 {
			t.Errorf("meta %q: %d %s, want 200 %s", tt.meta, w.Code, got.String(), tt.want)
		}
		if ct := w.Header().Get("Content-Type"); ct != "application/json" {
			t.Errorf("meta %q: Content-Type %q", tt.meta, ct)
		}
	}
}

func emptyReport(state string) string {
	return `{"app":"app1","ref":"","created":"","lastAccess":"","version":0,"node":"","state":"` + state + `","attributes":{}}`
}

func TestChanges(t *testing.T) {
	tests := []struct {
		path, body, attributes string
		patch, do              string
	}{
		{"/", "dataName=a&dataValue=b", "", `{"a":"b"}`, ""},
		{"/", "dataName=a&dataValue=", `{"a":1}`, `{"a":null}`, ""},
		{"/", "dataName=a", "", `{"a":null}`, ""},
		{"/", "dataName=&dataValue=b", "", "", ""},
		{"/", "", "", "", ""},
		{"/", "dataName=__proto__&dataValue=%3Cscript%3E", "", `{"__proto__":"\u003cscript\u003e"}`, ""},
		{"/", "dataName=%22%5C'&dataValue=1", "", `{"\"\\'":"1"}`, ""},
		{"/", url.Values{"dataName": {"é中😀\u2028"}, "dataValue": {"\x7f\r\n\x00"}}.Encode(), "",
			`{"\u00e9\u4e2d\ud83d\ude00\u2028":"\u007f\r\n\u0000"}`, ""},
		{"/count", "", "", `{"count":1}`, ""},
		{"/count", "", `{"count":41}`, `{"count":42}`, ""},
		{"/count", "", `{"count":"41"}`, `{"count":1}`, ""},
		{"/login", "user=bob", "", `{"user":"bob"}`, "rotate"},
		{"/login", "", "", `{"user":"ann"}`, "rotate"},
		{"/logout", "", "", "", "destroy"},
	}
	app := NewApp(Config{Name: "app1"})
	for _, accept := range []string{"", "text/html", "application/json"} {
		for _, tt := range tests {
			w := serve(app, newRequest("POST", tt.path, tt.body, okMeta, tt.attributes, "Accept", accept))
			if w.Code != 303 || w.Header().Get("Location") != "/" {
				t.Errorf("POST %s %q: %d to %q, want 303 to /", tt.path, tt.body, w.Code, w.Header().Get("Location"))
			}
			if got := w.Header().Get("Msm-Session-Patch"); got != tt.patch {
				t.Errorf("POST %s %q: patch %s, want %s", tt.path, tt.body, got, tt.patch)
			}
			if got := w.Header().Get("Msm-Session-Do"); got != tt.do {
				t.Errorf("POST %s %q: do %q, want %q", tt.path, tt.body, got, tt.do)
			}
		}
	}
}

func TestRefusals(t *testing.T) {
	long := strings.Repeat("x", 50<<10)
	tests := []struct {
		method, path, body, meta string
		fields                   []string
		status                   int
		want                     string // part of the body
	}{
		{"POST", "/", "dataName=a&dataValue=%ff", okMeta, nil, 400, "not valid UTF-8"},
		{"POST", "/", "dataName=%c3&dataValue=1", okMeta, nil, 400, "not valid UTF-8"},
		{"POST", "/login", "user=%80", okMeta, nil, 400, "not valid UTF-8"},
		{"POST", "/", "dataName=%zz", okMeta, nil, 400, "cannot be read"},
		{"POST", "/", "dataName=a&dataValue=" + long, okMeta, nil, 413, "too large"},
		{"POST", "/", "dataName=a&dataValue=" + long + long, okMeta, nil, 413, "larger than"},
		{"POST", "/", "{}", okMeta, []string{"Content-Type", "application/json"}, 415, "urlencoded"},
		{"POST", "/login", "{}", okMeta, []string{"Content-Type", ";"}, 415, "urlencoded"},
		{"POST", "/", "dataName=a&dataValue=1", "state=unavailable", nil, 503, "nothing was changed"},
		{"POST", "/count", "", "state=unavailable", nil, 503, "nothing was changed"},
		{"POST", "/login", "", "state=unavailable", nil, 503, "nothing was changed"},
		{"POST", "/logout", "", "state=unavailable", nil, 503, "nothing was changed"},
		{"POST", "/count", "", "state=toolarge", nil, 409, "cannot count"},
		{"GET", "/index.jsp", "", okMeta, nil, 404, ""},
		{"POST", "/other", "", okMeta, nil, 404, ""},
		{"PUT", "/", "", okMeta, nil, 405, ""},
		{"GET", "/count", "", okMeta, nil, 405, ""},
		{"POST", "/style.css", "", okMeta, nil, 405, ""},
	}
	app := NewApp(Config{Name: "app1"})
	for _, tt := range tests {
		w := serve(app, newRequest(tt.method, tt.path, tt.body, tt.meta, "", tt.fields...))
		if w.Code != tt.status || !strings.Contains(w.Body.String(), tt.want) {
			t.Errorf("%s %s %.40q: %d %q, want %d %q", tt.method, tt.path, tt.body, w.Code, w.Body, tt.status, tt.want)
		}
		if h := w.Header(); h.Get("Msm-Session-Patch")+h.Get("Msm-Session-Do") != "" {
			t.Errorf("%s %s: a refusal changes the session", tt.method, tt.path)
		}
		if allow := w.Header().Get("Allow"); (allow != "") != (tt.status == 405) {
			t.Errorf("%s %s: %d with Allow %q", tt.method, tt.path, w.Code, allow)
		}
	}
}

// With the counter inlined, a session too large for the header still counts.
func TestCountInlined(t *testing.T) {
	app := NewApp(Config{Name: "app1"})
	w := serve(app, newRequest("POST", "/count", "", "state=toolarge", `{"count":3}`))
	if got := w.Header().Get("Msm-Session-Patch"); got != `{"count":4}` {
		t.Errorf("toolarge with count: patch %s", got)
	}
}

func TestAssets(t *testing.T) {
	control := NewControl("", nil)
	app := NewApp(Config{Name: "app1"})
	for _, tt := range []struct {
		h           http.Handler
		path, media string
	}{
		{app, "/style.css", "text/css; charset=utf-8"},
		{app, "/favicon.ico", "image/svg+xml"},
		{control, "http://localhost/_demo/style.css", "text/css; charset=utf-8"},
		{control, "http://localhost/_demo/favicon.ico", "image/svg+xml"},
	} {
		w := serve(tt.h, newRequest("GET", tt.path, "", "", ""))
		if w.Code != 200 || w.Header().Get("Content-Type") != tt.media || w.Body.Len() == 0 {
			t.Errorf("GET %s: %d %q, %d bytes", tt.path, w.Code, w.Header().Get("Content-Type"), w.Body.Len())
		}
		again := serve(tt.h, newRequest("GET", tt.path, "", "", "", "If-None-Match", w.Header().Get("Etag")))
		if again.Code != 304 {
			t.Errorf("GET %s again: %d, want 304", tt.path, again.Code)
		}
	}
}

func TestPrefersJSON(t *testing.T) {
	tests := map[string]bool{
		"":                                         false,
		"*/*":                                      false,
		"text/html,application/xhtml+xml":          false,
		"text/html, */*;q=0.8":                     false,
		"application/json":                         true,
		"Application/JSON; charset=utf-8":          true,
		"application/*":                            true,
		"application/json, */*":                    true,
		"application/json, text/html":              true,
		"text/html, application/json":              false,
		"text/html;q=0.5, application/json":        true,
		"application/json;q=0.4, text/html;q=0.5":  false,
		"application/json;q=0":                     false,
		"application/json;q=x, */*;q=0.1":          false,
		"application/json;q=2":                     false,
		"application/json;q=NaN":                   false,
		"application/json;v=1;Q=0.9, text/*;q=0.8": true,
	}
	for accept, want := range tests {
		if got := prefersJSON(accept); got != want {
			t.Errorf("prefersJSON(%q) = %t, want %t", accept, got, want)
		}
	}
}

func TestIncrement(t *testing.T) {
	tests := map[string]string{
		"":                     "1",
		"0":                    "1",
		"-1":                   "0",
		"41":                   "42",
		"9223372036854775807":  "9223372036854775808",
		"12345678901234567890": "12345678901234567891",
		"1.5":                  "2.5",
		"1e2":                  "101",
		"1e999":                "1",
		`"5"`:                  "1",
		"null":                 "1",
		"true":                 "1",
		`{"a":1}`:              "1",
	}
	for raw, want := range tests {
		if got := increment(json.RawMessage(raw)); string(got) != want {
			t.Errorf("increment(%s) = %s, want %s", raw, got, want)
		}
	}
}

func FuzzMergePatch(f *testing.F) {
	f.Add("name", "value")
	f.Add("é中😀\u2028", "\x00\x7f\r\n\"\\")
	f.Fuzz(func(t *testing.T, name, value string) {
		name, value = strings.ToValidUTF8(name, "?"), strings.ToValidUTF8(value, "?")
		patch, err := mergePatch(name, value)
		if err != nil {
			return // too large
		}
		for i := range len(patch) {
			if patch[i] < ' ' || patch[i] > '~' {
				t.Fatalf("mergePatch(%q, %q) = %q: byte %d is no printable ASCII", name, value, patch, i)
			}
		}
		var back map[string]string
		if err := json.Unmarshal([]byte(patch), &back); err != nil || len(back) != 1 || back[name] != value {
			t.Errorf("mergePatch(%q, %q) = %s, read back as %q, %v", name, value, patch, back, err)
		}
	})
}
