package proxy_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"strings"
	"testing"
	"time"

	"github.com/msmd/msmd/internal/proxy"
)

func TestResponseTimeout(t *testing.T) {
	release := make(chan struct{})
	slow := app(t, func(http.ResponseWriter, *http.Request) { <-release })
	t.Cleanup(func() { close(release) })
	f := start(t, proxy.Config{ResponseTimeout: 50 * time.Millisecond}, slow)
	status, _ := f.do(t, "POST", "/", "a=1")
	if status != http.StatusGatewayTimeout {
		t.Errorf("status %d, want 504", status)
	}
	if !f.proxy.Upstreams()[0].Up {
		t.Error("a slow answer took the instance out of the turns")
	}
	if !strings.Contains(f.log.String(), "exchange with the app failed") {
		t.Errorf("log:\n%s", f.log)
	}
}

// TestClientGone: that a client leaves is nobody's failure. The app is told by
// its request's context.
func TestClientGone(t *testing.T) {
	for name, begin := range map[string]bool{"before the response": false, "within the body": true} {
		t.Run(name, func(t *testing.T) {
			arrived, told := make(chan struct{}), make(chan struct{})
			f := start(t, proxy.Config{}, app(t, func(w http.ResponseWriter, r *http.Request) {
				if begin {
					fmt.Fprint(w, "begin")
					_ = http.NewResponseController(w).Flush()
				}
				close(arrived)
				<-r.Context().Done()
				close(told)
			}))
			c := f.dial(t)
			if _, err := io.WriteString(c, "GET / HTTP/1.1\r\nHost: h\r\n\r\n"); err != nil {
				t.Fatal(err)
			}
			wait(t, "the app has the request", arrived)
			c.Close()
			wait(t, "the app knows", told)
			wait(t, "the proxy is done", f.done)
			if s := f.log.String(); s != "" {
				t.Errorf("logged:\n%s", s)
			}
			if !f.proxy.Upstreams()[0].Up {
				t.Error("the instance is out of the turns")
			}
		})
	}
}

func TestEarlyHints(t *testing.T) {
	f := start(t, proxy.Config{}, app(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Link", "</a.css>; rel=preload")
		w.WriteHeader(http.StatusEarlyHints)
		w.Header().Set("X-Final", "yes")
		fmt.Fprint(w, "body")
	}))
	var hints []string
	trace := &httptrace.ClientTrace{Got1xxResponse: func(code int, h textproto.MIMEHeader) error {
		hints = append(hints, fmt.Sprint(code, h["Link"]))
		return nil
	}}
	req := mustRequest(t, f.URL, http.Header{})
	res, err := f.Client().Do(req.WithContext(httptrace.WithClientTrace(context.Background(), trace)))
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if len(hints) != 1 || hints[0] != "103 [</a.css>; rel=preload]" {
		t.Errorf("hints %v", hints)
	}
	if res.StatusCode != 200 || res.Header.Get("X-Final") != "yes" || readAll(t, res.Body) != "body" {
		t.Errorf("final response %s %v", res.Status, res.Header)
	}
}

// TestTrailers: those of responses pass. Those of requests do not, as RFC 9110
// section 6.5.1 allows; so no reserved header gets to the app that way.
func TestTrailers(t *testing.T) {
	f := start(t, proxy.Config{}, app(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Trailer", "Announced")
		fmt.Fprintf(w, "request trailer %q", r.Trailer.Get("Sum"))
		w.Header().Set("Announced", "1")
		w.Header().Set(http.TrailerPrefix+"Unannounced", "2")
	}))
	_, body := f.send(t, "POST / HTTP/1.1\r\nHost: h\r\nTE: trailers\r\nTrailer: Sum\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\nSum: 42\r\n\r\n")
	if body != `request trailer ""` {
		t.Errorf("the app got %s, want none", body)
	}
	res, err := f.Client().Get(f.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	readAll(t, res.Body)
	if res.Trailer.Get("Announced") != "1" || res.Trailer.Get("Unannounced") != "2" {
		t.Errorf("trailers %v, want both", res.Trailer)
	}
}

// TestEventsAreFlushed: the first event arrives while the second does not
// exist yet.
func TestEventsAreFlushed(t *testing.T) {
	next := make(chan struct{})
	f := start(t, proxy.Config{}, app(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		for i := range 3 {
			fmt.Fprintf(w, "data: %d\n", i)
			_ = http.NewResponseController(w).Flush()
			select {
			case <-next:
			case <-r.Context().Done():
				return
			}
		}
	}))
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	res, err := f.Client().Do(mustRequest(t, f.URL, http.Header{}).WithContext(ctx))
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	lines := bufio.NewReader(res.Body)
	for i := range 3 {
		line, err := lines.ReadString('\n')
		if want := fmt.Sprintf("data: %d\n", i); err != nil || line != want {
			t.Fatalf("event %q, %v; want %q", line, err, want)
		}
		next <- struct{}{}
	}
}

// TestUpgrade: after a 101 bytes pass both ways as they come.
func TestUpgrade(t *testing.T) {
	modified := 0
	cfg := proxy.Config{ModifyResponse: func(*http.Response) error { modified++; return nil }}
	f := start(t, cfg, app(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Upgrade") != "websocket" {
			http.Error(w, "no upgrade", http.StatusBadRequest)
			return
		}
		c, rw, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer c.Close()
		fmt.Fprint(c, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nhello\n")
		_, _ = io.Copy(c, rw)
	}))
	c := f.dial(t)
	fmt.Fprint(c, "GET /ws HTTP/1.1\r\nHost: h\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
	r := bufio.NewReader(c)
	res, err := http.ReadResponse(r, nil)
	if err != nil || res.StatusCode != http.StatusSwitchingProtocols || res.Header.Get("Upgrade") != "websocket" {
		t.Fatalf("%v, %v; want 101", res, err)
	}
	if line, err := r.ReadString('\n'); err != nil || line != "hello\n" {
		t.Fatalf("%q, %v", line, err)
	}
	for _, text := range []string{"ping\n", "\x81\x00\xff\r\n", strings.Repeat("x", 100_000) + "\n"} {
		go func() { _, _ = io.WriteString(c, text) }()
		if line, err := r.ReadString('\n'); err != nil || line != text {
			t.Fatalf("%.20q came back as %.20q, %v", text, line, err)
		}
	}
	c.Close()
	wait(t, "the proxy is done", f.done)
	if modified != 1 {
		t.Errorf("ModifyResponse ran %d times, want once", modified)
	}
}

// TestUploadStreams: the app reads the first bytes before the last are sent.
func TestUploadStreams(t *testing.T) {
	first := make(chan struct{})
	f := start(t, proxy.Config{}, app(t, func(w http.ResponseWriter, r *http.Request) {
		n, err := io.CopyN(io.Discard, r.Body, 5)
		if err == nil {
			close(first)
			var rest int64
			rest, err = io.Copy(io.Discard, r.Body)
			n += rest
		}
		fmt.Fprint(w, n, " ", err)
	}))
	body, pipe := io.Pipe()
	const size = 8 << 20
	go func() {
		_, _ = io.WriteString(pipe, "first")
		select {
		case <-first:
			_, _ = pipe.Write(make([]byte, size-5))
			pipe.Close()
		case <-time.After(10 * time.Second):
			pipe.CloseWithError(errors.New("the app did not get the first bytes"))
		}
	}()
	res, err := f.Client().Post(f.URL, "application/octet-stream", body)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if got, want := readAll(t, res.Body), fmt.Sprint(size, " <nil>"); got != want {
		t.Errorf("the app read %q, want %q", got, want)
	}
}
