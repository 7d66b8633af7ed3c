package proxy_test

import (
	"bufio"
	"errors"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/msmd/msmd/internal/proxy"
)

func TestModifyResponse(t *testing.T) {
	cfg := proxy.Config{ModifyResponse: func(res *http.Response) error {
		res.Header.Del("X-Internal")
		res.Header.Add("Set-Cookie", "id=1")
		return nil
	}}
	f := start(t, cfg, app(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-Internal", "secret")
		fmt.Fprint(w, "body")
	}))
	res, err := f.Client().Get(f.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if res.Header.Get("X-Internal") != "" || res.Header.Get("Set-Cookie") != "id=1" || readAll(t, res.Body) != "body" {
		t.Errorf("the client got %v", res.Header)
	}
}

// TestModifyResponseRefuses: the app's response does not go out, the Error
// function answers with what ModifyResponse said.
func TestModifyResponseRefuses(t *testing.T) {
	refused := errors.New("bad session headers")
	cfg := proxy.Config{
		ModifyResponse: func(*http.Response) error { return refused },
		Error: func(w http.ResponseWriter, r *http.Request, err error) {
			if !errors.Is(err, refused) {
				t.Errorf("error %v, want %v", err, refused)
			}
			http.Error(w, "in place of it", http.StatusTeapot)
		},
	}
	f := start(t, cfg, app(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-Internal", "secret")
		fmt.Fprint(w, "body")
	}))
	res, err := f.Client().Get(f.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if body := readAll(t, res.Body); res.StatusCode != http.StatusTeapot || body != "in place of it\n" || res.Header.Get("X-Internal") != "" {
		t.Errorf("%s %q %v, want only what the Error function wrote", res.Status, body, res.Header)
	}
}

// TestAbortedBody: a response that the app broke off is broken off here too,
// never made to look whole.
func TestAbortedBody(t *testing.T) {
	f := start(t, proxy.Config{}, app(t, func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprint(w, "half")
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	}))
	res, err := f.Client().Get(f.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := bufio.NewReader(res.Body).ReadString(0)
	if text != "half" || err == nil || err.Error() == "EOF" {
		t.Errorf("read %q, %v; want half and an error that is not the end", text, err)
	}
}

// TestConnectionsAreKept: the app is not dialed for each request.
func TestConnectionsAreKept(t *testing.T) {
	remote := map[string]bool{}
	f := start(t, proxy.Config{}, app(t, func(_ http.ResponseWriter, r *http.Request) { remote[r.RemoteAddr] = true }))
	for range 20 {
		f.do(t, "POST", "/", "a=1")
	}
	if len(remote) != 1 {
		t.Errorf("%d connections for 20 requests in turn, want 1", len(remote))
	}
}

// TestStaleConnectionOfAGet: an idle connection that the app closed costs a
// GET nothing.
func TestStaleConnectionOfAGet(t *testing.T) {
	closed := make(chan struct{}, 1)
	addr := app(t, func(w http.ResponseWriter, _ *http.Request) {
		c, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		fmt.Fprint(c, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok") // promises to keep it open
		c.Close()
		closed <- struct{}{}
	})
	f := start(t, proxy.Config{ResponseTimeout: 5 * time.Second}, addr)
	for i := range 10 {
		status, body := f.do(t, "GET", "/", "")
		if status != 200 || body != "ok" {
			t.Fatalf("request %d: %d %q", i, status, body)
		}
		wait(t, "the app closed the connection", closed)
	}
}
