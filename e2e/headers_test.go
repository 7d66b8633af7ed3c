package e2e

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
)

// leaky is an app that puts session headers everywhere. It answers what it saw
// of the request, trailers included.
func leaky(w http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body) // after it the trailers are there
	h := w.Header()
	h.Set("Link", "</style.css>; rel=preload")
	h.Set("Msm-Session-Patch", `{"from":"103"}`)
	h.Set("msm_session_do", "destroy")
	w.WriteHeader(http.StatusEarlyHints)
	h.Del("msm_session_do")
	h.Set("Msm-Session-Patch", `{"from":"header"}`)
	h.Set("Msm-Session-Url", "http://127.0.0.1/")
	h["MSM.Session"] = []string{"x"}
	h.Set("Trailer", "Msm-Session-Patch-Announced, Msm-Session, Grpc-Status")
	h.Add("Set-Cookie", "theme=dark")
	h.Add("Set-Cookie", "msmid=fixation; Path=/")
	h.Add("Set-Cookie", "__Host-msmid=fixation; Path=/; Secure")
	w.WriteHeader(http.StatusOK)
	_, _ = fmt.Fprintf(w, "%v %v", r.Header, r.Trailer)
	_ = http.NewResponseController(w).Flush()
	h.Set("Msm-Session-Patch-Announced", `{"from":"trailer"}`)
	h.Set("Msm-Session", "x")
	h.Set("Grpc-Status", "0")
	h.Set(http.TrailerPrefix+"Msm-Session-Do", "destroy")
	h.Set(http.TrailerPrefix+"Grpc-Message", "fine")
}

// TestResponseFields is security.md 4, 27, 28 and 29, on the bytes that the
// client gets, and 3 for request trailers.
func TestResponseFields(t *testing.T) {
	t.Parallel()
	s := newGoSite(t, leaky)
	url := s.servers[0].url
	answer := exchange(t, url, "GET / HTTP/1.1\nHost: x\nTE: trailers\nConnection: close\n\n")
	early, final, _ := strings.Cut(answer, "\r\n\r\n")
	if !strings.HasPrefix(early, "HTTP/1.1 103 ") || strings.Contains(strings.ToLower(early), "set-cookie") || strings.Contains(strings.ToLower(early), "msm") {
		t.Errorf("the 103 is %q, want one with Link and without Set-Cookie", early)
	}
	header, rest, _ := strings.Cut(final, "\r\n\r\n")
	trailer := rest[strings.LastIndex(rest, "\r\n0\r\n")+1:]
	for _, part := range []string{header, trailer} {
		if strings.Contains(strings.ReplaceAll(strings.ToLower(part), "msmid=", ""), "msm") {
			t.Errorf("the client gets a field of msmd: %q", part)
		}
	}
	p := parse(t, answer)
	cookies := strings.Join(p.header["Set-Cookie"], "\n")
	if len(p.header["Set-Cookie"]) != 2 || !strings.Contains(cookies, "theme=dark") || !strings.Contains(cookies, "msmid=") || strings.Contains(cookies, "fixation") {
		t.Errorf("Set-Cookie %q, want the app's theme and msmd's own", p.header["Set-Cookie"])
	}
	if got := p.header.Get("Cache-Control"); got != "no-store" {
		t.Errorf("Cache-Control %q beside our Set-Cookie, want no-store", got)
	}
	if !strings.Contains(trailer, "Grpc-Status: 0") || !strings.Contains(trailer, "Grpc-Message: fine") {
		t.Errorf("the app's other trailers are lost: %q", trailer)
	}
	id := submatch(`msmid=([^;]+)`)(cookies)
	s.issue(base(id))
	forgedTrailer(t, s, id)
}

// forgedTrailer checks that the session is what the header made it, and that
// trailers of a request are cleaned too.
func forgedTrailer(t *testing.T, s *site, id string) {
	t.Helper()
	answer := exchange(t, s.servers[0].url, "POST / HTTP/1.1\nHost: x\nConnection: close\nCookie: msmid="+id+
		"\nTransfer-Encoding: chunked\nTrailer: Msm-Session, X-Sum, msm_session_meta\n\n2\nhi\n0\nMsm-Session: forged\nX-Sum: 5\nmsm_session_meta: forged\nMSM.Session: forged\n\n")
	if strings.Contains(answer, "forged") {
		t.Errorf("the app sees a forged trailer: %q", answer)
	}
	if !strings.Contains(answer, `Msm-Session:[{"from":"header"}]`) {
		t.Errorf("the session is not what the response header said: %q", answer)
	}
	if set := submatch(`(?i)(set-cookie: msmid[^\r]*)`)(answer); set != "" {
		t.Errorf("%q without a reason", set)
	}
}

// TestCacheControl is security.md 27: only what the app said that is at least
// as strict stays beside our Set-Cookie.
func TestCacheControl(t *testing.T) {
	t.Parallel()
	s := newGoSite(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header()["Cache-Control"] = r.Header["X-Cache-Control"]
		if r.URL.Path == "/new" {
			w.Header().Set("Msm-Session-Do", "create")
		}
	})
	url := s.servers[0].url
	for _, tt := range []struct{ path, app, want string }{
		{"/new", "", "no-store"},
		{"/new", "public, max-age=600", "no-store"},
		{"/new", "private, max-age=60", "private, max-age=60"},
		{"/new", "no-store", "no-store"},
		{"/", "public, max-age=600", "public, max-age=600"},
	} {
		b := s.browser()
		p := b.send("GET", url+tt.path, "", "X-Cache-Control", tt.app)
		if got := p.header.Get("Cache-Control"); got != tt.want || b.given != len(tt.path)/4 {
			t.Errorf("GET %s, the app says %q: Cache-Control %q, %d Set-Cookie; want %q, %d", tt.path, tt.app, got, b.given, tt.want, len(tt.path)/4)
		}
	}
}

// TestOversizeRequests is security.md 23.
func TestOversizeRequests(t *testing.T) {
	t.Parallel()
	s := newGoSite(t, func(http.ResponseWriter, *http.Request) {})
	url := s.servers[0].url
	for _, tt := range []struct {
		name, fields string
		want         []int
	}{
		{"usual", "X-Long: " + strings.Repeat("x", 8<<10) + "\n", []int{200}},
		{"one field of 80 KiB", "X-Long: " + strings.Repeat("x", 80<<10) + "\n", []int{431}},
		{"80 KiB of fields", strings.Repeat("X-A: "+strings.Repeat("x", 1<<10)+"\n", 80), []int{431}},
		{"Cookie of 8 KiB", "Cookie: a=" + strings.Repeat("x", 8<<10) + "\n", []int{200}},
		{"Cookie of 17 KiB", "Cookie: a=" + strings.Repeat("x", 17<<10) + "\n", []int{431, 400}},
		{"Cookie lines of 17 KiB in all", strings.Repeat("Cookie: a="+strings.Repeat("x", 1<<10)+"\n", 17), []int{431, 400}},
	} {
		got := parse(t, exchange(t, url, "GET / HTTP/1.1\nHost: x\nConnection: close\n"+tt.fields+"\n")).status
		if got != tt.want[0] && got != tt.want[len(tt.want)-1] {
			t.Errorf("%s: %d, want %v", tt.name, got, tt.want)
		}
	}
}

// TestMalformedRequests is security.md 30.
func TestMalformedRequests(t *testing.T) {
	t.Parallel()
	s := newGoSite(t, leaky)
	for name, fields := range map[string]string{
		"space before colon": "Msm-Session : forged\n",
		"obs-fold":           "X-A: b\n Msm-Session: forged\n",
		"bare CR":            "X-A: b\rMsm-Session: forged\n",
		"NUL":                "X-A: b\x00Msm-Session: forged\n",
		"CL and TE":          "Content-Length: 5\nTransfer-Encoding: chunked\n",
		"two lengths":        "Content-Length: 5\nContent-Length: 6\n",
	} {
		answer := exchange(t, s.servers[0].url, "POST / HTTP/1.1\nHost: x\nConnection: close\n"+fields+"\n0\n\n")
		if !strings.HasPrefix(answer, "HTTP/1.1 400 ") && (strings.Contains(answer, "Msm-Session:[forged") || !strings.Contains(answer, "HTTP/1.1 200 ")) {
			t.Errorf("%s: %q, want 400 or a normalised request", name, answer)
		}
		if id := submatch(`msmid=([^;]+)`)(answer); id != "" {
			s.issue(base(id))
		}
	}
}
