package manager_test

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/textproto"
	"net/url"
	"strings"
	"testing"

	"github.com/msmd/msmd/pkg/manager"
)

// sendings are the ways in which a handler can begin its response.
func sendings() map[string]http.HandlerFunc {
	set := func(r *http.Request) { _ = manager.FromContext(r.Context()).Set("a", "1") }
	return map[string]http.HandlerFunc{
		"/nothing":     func(_ http.ResponseWriter, r *http.Request) { set(r) },
		"/write":       func(w http.ResponseWriter, r *http.Request) { set(r); _, _ = io.WriteString(w, "x") },
		"/writeHeader": func(w http.ResponseWriter, r *http.Request) { set(r); w.WriteHeader(http.StatusTeapot) },
		"/flush":       func(w http.ResponseWriter, r *http.Request) { set(r); w.(http.Flusher).Flush() },
		"/controller": func(w http.ResponseWriter, r *http.Request) {
			set(r)
			_ = http.NewResponseController(w).Flush()
		},
		"/readFrom": func(w http.ResponseWriter, r *http.Request) {
			set(r)
			_, _ = w.(io.ReaderFrom).ReadFrom(strings.NewReader("x"))
		},
		"/redirect": func(w http.ResponseWriter, r *http.Request) { set(r); http.Redirect(w, r, "/x", http.StatusSeeOther) },
		"/earlyHints": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Link", "</style.css>; rel=preload")
			w.WriteHeader(http.StatusEarlyHints)
			set(r)
			w.WriteHeader(http.StatusOK)
		},
		"/hijack": func(w http.ResponseWriter, r *http.Request) {
			set(r)
			conn, rw, err := http.NewResponseController(w).Hijack()
			if err != nil {
				http.Error(w, err.Error(), http.StatusInternalServerError)
				return
			}
			res := http.Response{StatusCode: 101, ProtoMajor: 1, ProtoMinor: 1, Header: w.Header()}
			res.Header.Set("Connection", "Upgrade")
			res.Header.Set("Upgrade", "test")
			_ = res.Write(rw)
			_ = rw.Flush()
			_ = conn.Close()
		},
	}
}

// TestCommitBeforeFirstByte: whichever way the response begins, the session is
// stored and the cookie is in it.
func TestCommitBeforeFirstByte(t *testing.T) {
	t.Parallel()
	s := newCluster(t, 2).newSite(t, nil, sendings())
	for path := range sendings() {
		res, setCookies := exchange(t, s.url, path)
		id := cookieValue(setCookies)
		if id == "" {
			t.Errorf("%s: status %d without our cookie", path, res)
			continue
		}
		b := newBrowser(t)
		b.id = id
		b.want(s, "a", "1")
	}
}

// exchange sends one request over a raw connection and returns the final
// status and its Set-Cookies. A cookie in a 1xx fails the test.
func exchange(t *testing.T, site, path string) (status int, setCookies []string) {
	t.Helper()
	u, err := url.Parse(site)
	if err != nil {
		t.Fatal(err)
	}
	conn, err := net.Dial("tcp", u.Host)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	if _, err := io.WriteString(conn, "GET "+path+" HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: test\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	br := bufio.NewReader(conn)
	for {
		res, err := http.ReadResponse(br, nil)
		if err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		if res.StatusCode >= 200 || res.StatusCode == 101 {
			return res.StatusCode, res.Header["Set-Cookie"]
		}
		if res.Header.Get("Set-Cookie") != "" {
			t.Errorf("%s: a cookie in a %d", path, res.StatusCode)
		}
	}
}

func cookieValue(lines []string) string {
	if len(lines) != 1 {
		return ""
	}
	c, err := http.ParseSetCookie(lines[0])
	if err != nil {
		return ""
	}
	return c.Value
}

func TestChangeAfterTheResponseBegan(t *testing.T) {
	t.Parallel()
	errs := make(chan error, 4)
	s := newCluster(t, 2).newSite(t, nil, map[string]http.HandlerFunc{"/late": func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, "x")
		s := manager.FromContext(r.Context())
		errs <- s.Set("a", "1")
		errs <- s.Delete("a")
		errs <- s.Invalidate()
		errs <- s.RenewID()
	}})
	newBrowser(t).do("GET", s.url+"/late")
	for range 4 {
		if err := <-errs; err != manager.ErrCommitted {
			t.Errorf("late change: error %v, want ErrCommitted", err)
		}
	}
}

// TestReplacedResponse: when a commit fails, nothing of the app's response
// goes out, also when a proxy copies it.
func TestReplacedResponse(t *testing.T) {
	t.Parallel()
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-App", "secret")
		w.Header().Set("Set-Cookie", "app=1")
		_, _ = io.WriteString(w, strings.Repeat("secret", 100_000))
	}))
	t.Cleanup(upstream.Close)
	target, err := url.Parse(upstream.URL)
	if err != nil {
		t.Fatal(err)
	}
	reverse := &httputil.ReverseProxy{
		Rewrite: func(pr *httputil.ProxyRequest) { pr.SetURL(target) },
		ModifyResponse: func(res *http.Response) error {
			return manager.FromContext(res.Request.Context()).Set("a", "1")
		},
	}
	c := newCluster(t, 1)
	s := c.newSite(t, nil, map[string]http.HandlerFunc{"/proxied": reverse.ServeHTTP})
	c.nodes[0].Kill()
	a := newBrowser(t).do("POST", s.url+"/proxied")
	if a.status != http.StatusServiceUnavailable || strings.Contains(a.body, "secret") ||
		a.header.Get("X-App") != "" || a.header.Get("Set-Cookie") != "" {
		t.Errorf("status %d, %d bytes, header %v, want 503 and nothing of the app's", a.status, len(a.body), a.header)
	}
}

func TestCacheHeaders(t *testing.T) {
	t.Parallel()
	s := newCluster(t, 2).newSite(t, nil, map[string]http.HandlerFunc{
		"/cached": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Cache-Control", r.URL.Query().Get("cc"))
			w.Header().Set("Vary", "Accept, cookie")
			_ = manager.FromContext(r.Context()).Set("a", "1")
		},
		"/untouched": func(http.ResponseWriter, *http.Request) {},
	})
	for cc, want := range map[string]string{"public, max-age=60": "no-store", "": "no-store", "private": "private", "no-store": "no-store"} {
		a := newBrowser(t).do("GET", s.url+"/cached?cc="+url.QueryEscape(cc))
		if got := a.header.Get("Cache-Control"); got != want {
			t.Errorf("Cache-Control %q became %q, want %q", cc, got, want)
		}
		if got := a.header["Vary"]; len(got) != 1 {
			t.Errorf("Vary = %q, want the app's alone, it names Cookie", got)
		}
	}
	if a := newBrowser(t).do("GET", s.url+"/get?a="); a.header.Get("Vary") != "Cookie" {
		t.Errorf("Vary = %q, want Cookie", a.header.Get("Vary"))
	}
	if a := newBrowser(t).do("GET", s.url+"/untouched"); a.header.Get("Vary") != "" {
		t.Errorf("Vary = %q on a response that did not ask for the session", a.header.Get("Vary"))
	}
}

// TestClientGone: what a client that left before the response asked for is not
// stored.
func TestClientGone(t *testing.T) {
	t.Parallel()
	entered, left := make(chan bool), make(chan bool)
	s := newCluster(t, 2).newSite(t, nil, map[string]http.HandlerFunc{"/gone": func(_ http.ResponseWriter, r *http.Request) {
		_ = manager.FromContext(r.Context()).Set("a", "1")
		close(entered)
		<-r.Context().Done()
		close(left)
	}})
	conn, err := net.Dial("tcp", strings.TrimPrefix(s.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(conn, "GET /gone HTTP/1.1\r\nHost: x\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	<-entered
	if err := conn.Close(); err != nil {
		t.Fatal(err)
	}
	<-left
	eventually(t, "the change is dropped", func() bool { return s.Stats().Aborted.Load() == 1 })
	if s.Stats().Created.Load() != 0 {
		t.Error("a session was created for a client that had gone")
	}
}

// TestPanicStoresNothing: a handler that panics before its response commits
// nothing, and the panic goes on.
func TestPanicStoresNothing(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 1)
	s := c.newSite(t, nil, nil)
	h := s.Handler(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_ = manager.FromContext(r.Context()).Set("a", "1")
		panic("oops")
	}))
	defer func() {
		if p := recover(); p != "oops" {
			t.Errorf("recovered %v, want the handler's panic", p)
		}
		if s.Stats().Created.Load() != 0 {
			t.Error("a session was created")
		}
	}()
	h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil))
}

func TestProblemText(t *testing.T) {
	t.Parallel()
	for accept, want := range map[string]string{"": "text/plain; charset=utf-8", "text/html": "text/plain; charset=utf-8",
		"application/json": "application/problem+json", "application/problem+json": "application/problem+json"} {
		w := httptest.NewRecorder()
		w.Header()[textproto.CanonicalMIMEHeaderKey("x-app")] = []string{"1"}
		r := httptest.NewRequest("GET", "/", nil)
		r.Header.Set("Accept", accept)
		manager.BadPatch().Write(w, r)
		if got := w.Header().Get("Content-Type"); got != want || w.Code != http.StatusBadGateway || w.Header().Get("X-App") != "" {
			t.Errorf("Accept %q: status %d, type %q, header %v, want 502 %s", accept, w.Code, got, w.Header(), want)
		}
	}
}
