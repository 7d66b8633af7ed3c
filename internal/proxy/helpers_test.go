package proxy_test

import (
	"bufio"
	"bytes"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/msmd/msmd/internal/proxy"
)

// app starts an instance of an app and returns its address, host:port.
func app(t *testing.T, h http.HandlerFunc) string {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s.Listener.Addr().String()
}

// deadAddr returns an address that refuses connections.
func deadAddr(t *testing.T) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ln.Close()
	return ln.Addr().String()
}

// front is a server with a Proxy.
type front struct {
	*httptest.Server
	proxy *proxy.Proxy
	log   *logBuffer
	done  chan struct{} // gets a value when a request has ended
}

// start starts a proxy in front of the instances.
func start(t *testing.T, cfg proxy.Config, addrs ...string) front {
	t.Helper()
	f := front{log: &logBuffer{}, done: make(chan struct{}, 1)}
	for i, addr := range addrs {
		cfg.Upstreams = append(cfg.Upstreams, proxy.Upstream{
			ID: "app" + string(rune('1'+i)), URL: &url.URL{Scheme: "http", Host: addr},
		})
	}
	cfg.Logger = slog.New(slog.NewTextHandler(f.log, nil))
	p, err := proxy.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	f.proxy = p
	f.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			select {
			case f.done <- struct{}{}:
			default:
			}
		}()
		p.ServeHTTP(w, r)
	}))
	t.Cleanup(p.Close)
	t.Cleanup(f.Server.Close)
	return f
}

// logBuffer is a buffer for a logger that others write to.
type logBuffer struct {
	mu  sync.Mutex // guards buf
	buf bytes.Buffer
}

func (b *logBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *logBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

// send sends a request byte for byte and returns the response's status and
// body.
func (f front) send(t *testing.T, text string) (status int, body string) {
	t.Helper()
	c := f.dial(t)
	if _, err := io.WriteString(c, text); err != nil {
		t.Fatal(err)
	}
	res, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	return res.StatusCode, readAll(t, res.Body)
}

func (f front) dial(t *testing.T) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", f.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	if err := c.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	return c
}

func readAll(t *testing.T, r io.Reader) string {
	t.Helper()
	b, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// do sends a request, with the bodies of both ways read to the end.
func (f front) do(t *testing.T, method, path, body string) (status int, answer string) {
	t.Helper()
	req, err := http.NewRequest(method, f.URL+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	res, err := f.Client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	return res.StatusCode, readAll(t, res.Body)
}

// waitUntil waits for a fact, at most ten seconds.
func waitUntil(t *testing.T, what string, fact func() bool) {
	t.Helper()
	deadline := time.NewTimer(10 * time.Second)
	defer deadline.Stop()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !fact() {
		select {
		case <-deadline.C:
			t.Fatalf("not after 10 s: %s", what)
		case <-tick.C:
		}
	}
}

// wait waits for a value, at most ten seconds.
func wait(t *testing.T, what string, c <-chan struct{}) {
	t.Helper()
	select {
	case <-c:
	case <-time.After(10 * time.Second):
		t.Fatalf("not after 10 s: %s", what)
	}
}
