package manager

import (
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"
	"time"
)

func TestSetCookie(t *testing.T) {
	t.Parallel()
	always := func(*http.Request) bool { return true }
	for _, tt := range []struct {
		cookie      Cookie
		set, remove string
	}{
		{Cookie{}, "msmid=ID; Path=/; HttpOnly; SameSite=Lax", "msmid=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax"},
		{Cookie{Secure: always}, "__Host-msmid=ID; Path=/; HttpOnly; SameSite=Lax; Secure", "__Host-msmid=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax; Secure"},
		{Cookie{Name: "sid", Domain: "example.org", MaxAge: time.Hour, Secure: always, Partitioned: true, SameSite: http.SameSiteNoneMode},
			"sid=ID; Path=/; Domain=example.org; Max-Age=3600; HttpOnly; SameSite=None; Secure; Partitioned",
			"sid=; Path=/; Domain=example.org; Max-Age=0; HttpOnly; SameSite=None; Secure; Partitioned"},
		{Cookie{Name: "__Host-x", Secure: always, SameSite: http.SameSiteStrictMode}, "__Host-x=ID; Path=/; HttpOnly; SameSite=Strict; Secure", "__Host-x=; Path=/; Max-Age=0; HttpOnly; SameSite=Strict; Secure"},
		{Cookie{Name: "__Secure-x", Secure: always}, "__Secure-x=ID; Path=/; HttpOnly; SameSite=Lax; Secure", "__Secure-x=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax; Secure"},
	} {
		w, err := newCookieWriter(tt.cookie)
		if err != nil {
			t.Errorf("%+v: %v", tt.cookie, err)
			continue
		}
		r := httptest.NewRequest("GET", "/", nil)
		if got := w.set(r, "ID"); got != tt.set {
			t.Errorf("set = %q, want %q", got, tt.set)
		}
		if got := w.remove(r); got != tt.remove {
			t.Errorf("remove = %q, want %q", got, tt.remove)
		}
	}
}

func TestCandidates(t *testing.T) {
	t.Parallel()
	w, err := newCookieWriter(Cookie{Secure: func(r *http.Request) bool { return r.Header.Get("Tls") != "" }})
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		lines []string
		tls   bool
		want  []string
	}{
		{nil, false, nil},
		{[]string{"msmid=a"}, false, []string{"a"}},
		{[]string{"x=1; msmid=a;msmid=b ; y=2", "msmid=c"}, false, []string{"a", "b", "c"}},
		{[]string{"msmid=1; msmid=2; msmid=3; msmid=4; msmid=5"}, false, []string{"1", "2", "3", "4"}},
		{[]string{"msmid=a; __Host-msmid=b"}, false, []string{"a"}},
		{[]string{"msmid=a; __Host-msmid=b"}, true, []string{"b"}},
		{[]string{"msmid=a"}, true, nil}, // planted over plaintext
		{[]string{"msmid; msmid ; =msmid; xmsmid=a; MSMID=a"}, false, nil},
		{[]string{"msmid=a=b"}, false, []string{"a=b"}},
	} {
		r := httptest.NewRequest("GET", "/", nil)
		r.Header["Cookie"] = tt.lines
		if tt.tls {
			r.Header.Set("Tls", "1")
		}
		if got := w.candidates(r); !reflect.DeepEqual(got, tt.want) {
			t.Errorf("candidates(%q, tls %v) = %q, want %q", tt.lines, tt.tls, got, tt.want)
		}
	}
}

func TestWithoutCookies(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ in, want []string }{
		{nil, nil},
		{[]string{"msmid=a"}, nil},
		{[]string{"a=1; msmid=x; b=\"2 3\"", "msmid=y", "c"}, []string{"a=1; b=\"2 3\"", "c"}},
		{[]string{"__Host-msmid=x;a=1;;"}, []string{"a=1"}},
	} {
		if got := WithoutCookies(tt.in, "msmid", "__Host-msmid"); !reflect.DeepEqual(got, tt.want) {
			t.Errorf("WithoutCookies(%q) = %q, want %q", tt.in, got, tt.want)
		}
	}
}

func FuzzCookie(f *testing.F) {
	for _, s := range []string{"msmid=a", "x=1; msmid=b", ";;=;", "msmid=\x00"} {
		f.Add(s)
	}
	w, err := newCookieWriter(Cookie{})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, line string) {
		r := &http.Request{Header: http.Header{"Cookie": {line}}}
		values := w.candidates(r)
		if len(values) > maxCandidates {
			t.Errorf("%d candidates in %q", len(values), line)
		}
		rest := WithoutCookies([]string{line}, "msmid")
		r.Header["Cookie"] = rest
		if left := w.candidates(r); len(left) > 0 {
			t.Errorf("WithoutCookies(%q) = %q, which still has %q", line, rest, left)
		}
		if len(rest) > 0 && len(rest[0]) > 2*len(line) {
			t.Errorf("WithoutCookies(%q) grew to %q", line, strings.Join(rest, ""))
		}
	})
}
