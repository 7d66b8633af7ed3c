package proxy_test

import (
	"bufio"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/msmd/msmd/internal/proxy"
)

// named answers with its name.
func named(name string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, name) }
}

func TestNewWithoutUpstreams(t *testing.T) {
	if _, err := proxy.New(proxy.Config{}); err == nil {
		t.Error("New without upstreams: no error")
	}
}

func TestRoundRobin(t *testing.T) {
	f := start(t, proxy.Config{}, app(t, named("a")), app(t, named("b")))
	var got strings.Builder
	for range 6 {
		_, name := f.do(t, "GET", "/", "")
		got.WriteString(name)
	}
	if s := got.String(); s != "ababab" && s != "bababa" {
		t.Errorf("requests went to %s, want turns", s)
	}
	for _, s := range f.proxy.Upstreams() {
		if s.Requests != 3 || s.Failures != 0 || !s.Up {
			t.Errorf("state %+v, want 3 requests, up", s)
		}
	}
}

func TestDeadUpstreamIsSkipped(t *testing.T) {
	f := start(t, proxy.Config{}, deadAddr(t), app(t, named("b")))
	for range 20 {
		if status, name := f.do(t, "GET", "/", ""); status != 200 || name != "b" {
			t.Fatalf("%d %q, want the instance that lives", status, name)
		}
	}
	states := f.proxy.Upstreams()
	if states[0].Up || states[0].Failures != 1 || !states[1].Up || states[1].Requests != 20 {
		t.Errorf("states %+v; want the first left alone after one refusal", states)
	}
	if n := strings.Count(f.log.String(), "refuses connections"); n != 1 {
		t.Errorf("logged %d times, want once:\n%s", n, f.log)
	}
}

// TestPostSurvivesDeadUpstreams: nothing was sent to those that refused, so
// the body arrives at the one that lives, once and whole.
func TestPostSurvivesDeadUpstreams(t *testing.T) {
	var mu sync.Mutex // guards bodies
	var bodies [][32]byte
	alive := app(t, func(w http.ResponseWriter, r *http.Request) {
		b, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		mu.Lock()
		bodies = append(bodies, sha256.Sum256(b))
		mu.Unlock()
	})
	f := start(t, proxy.Config{}, deadAddr(t), deadAddr(t), alive, deadAddr(t))
	for _, body := range []string{"a=1", strings.Repeat("0123456789", 300_000), ""} {
		mu.Lock()
		bodies = nil
		mu.Unlock()
		status, _ := f.do(t, "POST", "/", body)
		mu.Lock()
		if status != 200 || len(bodies) != 1 || bodies[0] != sha256.Sum256([]byte(body)) {
			t.Errorf("POST of %d bytes: status %d, arrived %d times", len(body), status, len(bodies))
		}
		mu.Unlock()
	}
}

// TestSentPostIsNotRepeated: an upstream that died with the request may have
// carried it out.
func TestSentPostIsNotRepeated(t *testing.T) {
	var got atomic.Int32
	dying := func() string {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { ln.Close() })
		go func() {
			for {
				c, err := ln.Accept()
				if err != nil {
					return
				}
				if req, err := http.ReadRequest(bufio.NewReader(c)); err == nil {
					_, _ = io.Copy(io.Discard, req.Body)
					got.Add(1)
				}
				c.Close()
			}
		}()
		return ln.Addr().String()
	}
	f := start(t, proxy.Config{}, dying(), dying())
	status, _ := f.do(t, "POST", "/", "order=1")
	if status != http.StatusBadGateway || got.Load() != 1 {
		t.Errorf("status %d, request arrived %d times; want 502, once", status, got.Load())
	}
	for _, s := range f.proxy.Upstreams() {
		if !s.Up {
			t.Errorf("%+v: only a refused connection takes an instance out of the turns", s)
		}
	}
}

func TestAllUpstreamsDown(t *testing.T) {
	errs := make(chan error, 10)
	cfg := proxy.Config{Error: func(w http.ResponseWriter, r *http.Request, err error) {
		errs <- err
		proxy.DefaultError(w, r, err)
	}}
	f := start(t, cfg, deadAddr(t), deadAddr(t))
	for range 3 {
		status, _ := f.do(t, "POST", "/", "a=1")
		if err := <-errs; status != http.StatusServiceUnavailable || !errors.Is(err, proxy.ErrNoUpstream) {
			t.Errorf("status %d, error %v; want 503, ErrNoUpstream", status, err)
		}
	}
	for _, s := range f.proxy.Upstreams() {
		if s.Up || s.Failures != 3 {
			t.Errorf("%+v: want each asked each time, there being no other", s)
		}
	}
}

// TestUpstreamComesBack: one that is started again gets requests again, also
// while others are up.
func TestUpstreamComesBack(t *testing.T) {
	addr := deadAddr(t)
	f := start(t, proxy.Config{}, addr, app(t, named("b")))
	for range 2 {
		f.do(t, "GET", "/", "")
	}
	if f.proxy.Upstreams()[0].Up {
		t.Fatal("the dead instance is up")
	}
	ln, err := net.Listen("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	back := &http.Server{Handler: named("a")}
	go func() { _ = back.Serve(ln) }()
	t.Cleanup(func() { back.Close() })
	waitUntil(t, "the instance that came back is used", func() bool {
		status, name := f.do(t, "GET", "/", "")
		if status != 200 {
			t.Fatalf("status %d while it comes back", status)
		}
		return name == "a"
	})
	if s := f.proxy.Upstreams()[0]; !s.Up || !strings.Contains(f.log.String(), "up again") {
		t.Errorf("state %+v, log:\n%s", s, f.log)
	}
}

func TestStatus(t *testing.T) {
	for _, tt := range []struct {
		err  error
		want int
	}{
		{proxy.ErrNoUpstream, 503},
		{fmt.Errorf("x: %w", proxy.ErrTimeout), 504},
		{io.ErrUnexpectedEOF, 502},
	} {
		if got := proxy.Status(tt.err); got != tt.want {
			t.Errorf("Status(%v) = %d, want %d", tt.err, got, tt.want)
		}
	}
}
