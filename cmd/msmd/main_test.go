package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"
)

// output collects what a command prints. It may be written and read at once.
type output struct {
	mu  sync.Mutex // guards buf
	buf bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.String()
}

// command is a command line that runs until it ends or is stopped.
type command struct {
	t           testing.TB
	out, errOut output
	code        chan int
	stop        context.CancelFunc
}

func startCommand(t testing.TB, environ []string, args ...string) *command {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	c := &command{t: t, code: make(chan int, 1), stop: cancel}
	go func() { c.code <- execute(ctx, args, environ, &c.out, &c.errOut) }()
	t.Cleanup(cancel)
	return c
}

// wait returns what the expression's group matched once something printed
// matches it.
func (c *command) wait(o *output, expression string) string {
	c.t.Helper()
	re := regexp.MustCompile(expression)
	deadline := time.Now().Add(20 * time.Second)
	for {
		if m := re.FindStringSubmatch(o.String()); m != nil {
			return m[1]
		}
		if time.Now().After(deadline) {
			c.t.Fatalf("nothing matches %s in\n%s%s", expression, c.out.String(), c.errOut.String())
		}
		tick := time.NewTimer(5 * time.Millisecond)
		<-tick.C
	}
}

// end stops the command and returns its exit code.
func (c *command) end() int {
	c.t.Helper()
	c.stop()
	select {
	case code := <-c.code:
		return code
	case <-time.After(20 * time.Second):
		c.t.Fatal("the command does not end")
		return 0
	}
}

func run(t testing.TB, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	c := startCommand(t, nil, args...)
	select {
	case code = <-c.code:
	case <-time.After(20 * time.Second):
		t.Fatal("the command does not end")
	}
	return code, c.out.String(), c.errOut.String()
}

func TestVersionCompletionAndErrors(t *testing.T) {
	if code, out, _ := run(t, "version"); code != 0 || !strings.HasPrefix(out, "msmd ") || !strings.Contains(out, runtime.Version()) {
		t.Errorf("version = %d %q", code, out)
	}
	if code, out, _ := run(t, "completion", "bash"); code != 0 || len(out) < 1000 {
		t.Errorf("completion = %d, %d bytes", code, len(out))
	}
	for _, args := range [][]string{{"serve"}, {"serve", "--nosuch"}, {"nosuch"}, {"check", "--config", "/nosuch.yaml"},
		{"health", "--admin", "127.0.0.1:1"}, {"health", "--admin", "%"}} {
		if code, _, errOut := run(t, args...); code != 1 || !strings.HasPrefix(errOut, "msmd: ") {
			t.Errorf("%v = %d %q, want 1 and the error", args, code, errOut)
		}
	}
}

// TestDemo drives the demo as a script does, and looks that nothing is left
// behind.
func TestDemo(t *testing.T) {
	before := runtime.NumGoroutine()
	c := startCommand(t, nil, "demo", "--listen", "127.0.0.1:0")
	page := c.wait(&c.out, `open +(\S+)`)
	control := c.wait(&c.out, `control +(http://[^/]+)`)
	admin := c.wait(&c.out, `admin +(\S+)`)
	client := &http.Client{Transport: &http.Transport{}}
	cookie := ""
	ask := func(method, url, form string) map[string]any {
		t.Helper()
		req, err := http.NewRequest(method, url, strings.NewReader(form))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Accept", "application/json")
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		req.Header.Set("Cookie", cookie)
		res, err := client.Transport.RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = res.Body.Close() }()
		for _, k := range res.Cookies() {
			cookie = k.Name + "=" + k.Value
		}
		var body map[string]any
		_ = json.NewDecoder(res.Body).Decode(&body) // redirects have none
		return body
	}
	ask("POST", page, "dataName=color&dataValue=blue")
	first := ask("GET", page, "")
	for _, action := range []string{"stop/app1", "stop/n1", "empty/n1", "stop/n2", "start/n2", "stop/app2", "start/app1", "empty/n2", "stop/n1"} {
		ask("POST", control+"/_demo/"+action, "")
		if action == "stop/app2" {
			continue // no app runs
		}
		got := ask("GET", page, "")
		if got["state"] != "ok" || got["ref"] != first["ref"] || got["created"] != first["created"] ||
			fmt.Sprint(got["attributes"]) != "map[color:blue]" {
			t.Errorf("after %s: %v, want the session of %v", action, got, first)
		}
	}
	res, err := client.Get(admin)
	if err != nil {
		t.Fatal(err)
	}
	text, _ := io.ReadAll(res.Body)
	_ = res.Body.Close()
	if !strings.Contains(string(text), `"id":"n2"`) {
		t.Errorf("%s = %s", admin, text)
	}
	client.CloseIdleConnections()
	if code := c.end(); code != 0 {
		t.Errorf("exit code %d: %s", code, c.errOut.String())
	}
	for deadline := time.Now().Add(10 * time.Second); runtime.NumGoroutine() > before; {
		if time.Now().After(deadline) {
			buf := make([]byte, 1<<20)
			t.Fatalf("%d goroutines, %d before:\n%s", runtime.NumGoroutine(), before, buf[:runtime.Stack(buf, true)])
		}
		runtime.Gosched()
	}
}

// TestDemoGivesWay: taken default ports are no obstacle, a taken --listen is.
func TestDemoGivesWay(t *testing.T) {
	for _, addr := range []string{demoListen, demoControl} {
		if l, err := net.Listen("tcp", addr); err == nil { // else somebody has it already
			defer func() { _ = l.Close() }()
		}
	}
	c := startCommand(t, nil, "demo")
	if page := c.wait(&c.out, `open +(\S+)`); page == "http://"+demoListen+"/" {
		t.Errorf("the demo is on %s, which is taken", page)
	}
	if code := c.end(); code != 0 {
		t.Errorf("exit code %d", code)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	if code, _, errOut := run(t, "demo", "--listen", l.Addr().String()); code != 1 || !strings.Contains(errOut, l.Addr().String()) {
		t.Errorf("demo on a taken address = %d %q", code, errOut)
	}
}

// TestServe runs the smallest configuration with a sample app, both as
// commands, and asks its health.
func TestServe(t *testing.T) {
	app := startCommand(t, nil, "sample-app", "--listen", "127.0.0.1:0", "--name", "shop")
	appURL := app.wait(&app.out, `on (http://\S+)`)
	file := filepath.Join(t.TempDir(), "config.yaml")
	// Nobody listens on port 1: msmd serves without its nodes.
	text := "listen: 127.0.0.1:0\nadminListen: 127.0.0.1:0\nmemcachedNodes: n1:127.0.0.1:1\napps: [app1=" + appURL + "]\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	c := startCommand(t, []string{"MSMD_LOG_FORMAT=text"}, "serve", "--config", file, "--shutdownTimeout", "2s")
	url := c.wait(&c.errOut, `url=(http://\S+)`)
	admin := c.wait(&c.errOut, `admin=(\S+)`)
	c.wait(&c.errOut, `(on one memcached node only)`)
	res, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	body, _ := io.ReadAll(res.Body)
	_ = res.Body.Close()
	if !strings.Contains(string(body), "shop") {
		t.Errorf("GET %s = %s", url, body)
	}
	c.wait(&c.errOut, `(memcached node down)`)
	if code, _, errOut := run(t, "health", "--admin", admin); code != 1 || !strings.Contains(errOut, "no memcached node is up") {
		t.Errorf("health = %d %q, want 1 and the reason", code, errOut)
	}
	if code := c.end(); code != 0 {
		t.Errorf("serve ended with %d: %s", code, c.errOut.String())
	}
	if code := app.end(); code != 0 {
		t.Errorf("sample-app ended with %d", code)
	}
	http.DefaultTransport.(*http.Transport).CloseIdleConnections()
}
