package demo

import (
	"context"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

const (
	samplePage  = "http://127.0.0.1:8080/"
	controlHost = "http://127.0.0.1:8081"
)

// parts are four components that note what is done to them.
type parts struct {
	mu  sync.Mutex // guards up and log
	up  map[string]bool
	log []string
}

func newParts() *parts {
	return &parts{up: map[string]bool{"app1": true, "app2": true, "n1": true, "n2": true}}
}

func (p *parts) do(action, name string, up bool) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.log = append(p.log, action+" "+name)
	p.up[name] = up
	return nil
}

func (p *parts) isUp(name string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.up[name]
}

func (p *parts) components() []Component {
	var cs []Component
	for _, name := range []string{"app1", "app2", "n1", "n2"} {
		c := Component{
			Name: name, Kind: kindApp, Addr: "127.0.0.1:1",
			Up:    func() bool { return p.isUp(name) },
			Stop:  func() error { return p.do("stop", name, false) },
			Start: func() error { return p.do("start", name, true) },
		}
		if strings.HasPrefix(name, "n") {
			c.Kind = kindNode
			c.Empty = func() error { return p.do("empty", name, p.isUp(name)) }
		}
		cs = append(cs, c)
	}
	return cs
}

func TestControlActions(t *testing.T) {
	p := newParts()
	h := NewControl(samplePage, p.components())
	for _, path := range []string{"stop/n1", "stop/n1", "empty/n1", "start/n1", "stop/n1", "start/n1", "empty/n2", "stop/app1"} {
		w := serve(h, newRequest("POST", controlHost+"/_demo/"+path, "", "", ""))
		var state struct{ Parts []Part }
		if err := json.Unmarshal(w.Body.Bytes(), &state); err != nil || w.Code != 200 || len(state.Parts) != 4 {
			t.Errorf("POST %s: %d %s", path, w.Code, w.Body)
			continue
		}
		for _, part := range state.Parts {
			if part.Up != p.isUp(part.Name) {
				t.Errorf("POST %s: %s up is %t, want %t", path, part.Name, part.Up, p.isUp(part.Name))
			}
		}
	}
	want := "stop n1, empty n1, start n1, stop n1, start n1, empty n2, stop app1"
	if got := strings.Join(p.log, ", "); got != want {
		t.Errorf("done: %s\nwant: %s", got, want)
	}
}

func TestControlRefusals(t *testing.T) {
	tests := []struct {
		method, target string
		fields         []string
		status         int
		want           string
	}{
		{"POST", controlHost + "/_demo/stop/n3", nil, 404, "there are app1, app2, n1, n2"},
		{"POST", controlHost + "/_demo/pause/n1", nil, 404, "there are stop, start and empty"},
		{"POST", controlHost + "/_demo/empty/app1", nil, 400, "nothing to empty"},
		{"GET", controlHost + "/_demo/stop/n1", nil, 405, ""},
		{"POST", controlHost + "/_demo/", nil, 405, ""},
		{"GET", controlHost + "/", nil, 404, ""},
		{"POST", controlHost + "/_demo/stop/n1", []string{"Origin", "null"}, 403, `origin \"null\"`},
		{"POST", controlHost + "/_demo/stop/n1", []string{"Origin", "http://evil.example"}, 403, "origin"},
		{"POST", controlHost + "/_demo/stop/n1", []string{"Origin", "http://127.0.0.1:9999"}, 403, "origin"},
		{"POST", controlHost + "/_demo/stop/n1", []string{"Origin", "https://127.0.0.1:8080"}, 403, "origin"},
		{"POST", controlHost + "/_demo/stop/n1", []string{"Origin", "http://127.0.0.1.evil.example:8080"}, 403, "origin"},
		{"POST", controlHost + "/_demo/stop/n1", []string{"Origin", "http://%zz"}, 403, "origin"},
		{"POST", "http://evil.example:8081/_demo/stop/n1", []string{"Origin", "http://evil.example:8081"}, 403, "host"},
		{"GET", "http://evil.example/_demo/", nil, 403, "host"},
		{"GET", "http://10.1.2.3:8081/_demo/", nil, 403, "host"},
		{"GET", "http://localhost.evil.example/_demo/style.css", nil, 403, "host"},
	}
	p := newParts()
	h := NewControl(samplePage, p.components())
	for _, tt := range tests {
		for _, accept := range []string{"text/html", "*/*"} {
			r := newRequest(tt.method, tt.target, "", "", "", append(tt.fields, "Accept", accept)...)
			w := serve(h, r)
			if body := strings.ReplaceAll(w.Body.String(), `"`, `\"`); w.Code != tt.status || !strings.Contains(body, tt.want) {
				t.Errorf("%s %s %q: %d %s, want %d %s", tt.method, tt.target, tt.fields, w.Code, w.Body, tt.status, tt.want)
			}
		}
	}
	if len(p.log) != 0 {
		t.Errorf("refused, yet done: %q", p.log)
	}
	alone := NewControl("", p.components())
	if w := serve(alone, newRequest("POST", controlHost+"/_demo/stop/n1", "", "", "", "Origin", samplePage)); w.Code != 403 {
		t.Errorf("without a page, a foreign origin: %d, want 403", w.Code)
	}
}

func TestControlRedirects(t *testing.T) {
	tests := []struct{ page, target, origin, want string }{
		{samplePage, controlHost, "http://127.0.0.1:8080", samplePage},
		{samplePage, controlHost, "", samplePage},
		{samplePage, controlHost, "http://localhost:8080", "http://localhost:8080/"},
		{samplePage, "http://[::1]:8081", "http://[::1]:8080", "http://[::1]:8080/"},
		{samplePage, controlHost, controlHost, "/_demo/"},
		{"http://demo.example/x/", "http://LOCALHOST:8081", "http://demo.example", "http://demo.example/x/"},
		{"", controlHost, "", "/_demo/"},
		{"", controlHost, controlHost, "/_demo/"},
	}
	for _, tt := range tests {
		h := NewControl(tt.page, newParts().components())
		fields := []string{"Accept", "text/html,*/*;q=0.8"}
		if tt.origin != "" {
			fields = append(fields, "Origin", tt.origin)
		}
		w := serve(h, newRequest("POST", tt.target+"/_demo/stop/app1", "", "", "", fields...))
		if got := w.Header().Get("Location"); w.Code != 303 || got != tt.want {
			t.Errorf("page %q, origin %q: %d to %q, want 303 to %q", tt.page, tt.origin, w.Code, got, tt.want)
		}
	}
}

// With the last app the sample page goes away, so the browser must not be
// sent there.
func TestControlLastApp(t *testing.T) {
	h := NewControl(samplePage, newParts().components())
	for _, tt := range []struct{ path, want string }{
		{"stop/app1", samplePage},
		{"stop/app2", "/_demo/"},
		{"start/app1", samplePage},
	} {
		w := serve(h, newRequest("POST", controlHost+"/_demo/"+tt.path, "", "", "", "Accept", "text/html"))
		if got := w.Header().Get("Location"); got != tt.want {
			t.Errorf("POST %s: to %q, want %q", tt.path, got, tt.want)
		}
	}
}

func TestControlState(t *testing.T) {
	p := newParts()
	p.up["n2"] = false
	h := NewControl(samplePage, p.components())
	w := serve(h, newRequest("GET", controlHost+"/_demo/", "", "", "", "Accept", "text/html"))
	for _, want := range []string{`action="/_demo/stop/app1"`, `action="/_demo/start/n2"`, `action="/_demo/empty/n2"`, `href="` + samplePage + `"`} {
		if !strings.Contains(w.Body.String(), want) {
			t.Errorf("the control page lacks %s", want)
		}
	}
	if csp := w.Header().Get("Content-Security-Policy"); !strings.HasSuffix(csp, "form-action 'self' http://127.0.0.1:8080") {
		t.Errorf("Content-Security-Policy %q", csp)
	}
	w = serve(h, newRequest("GET", controlHost+"/_demo/", "", "", ""))
	want := `{"name":"n2","kind":"node","addr":"127.0.0.1:1","up":false}`
	if got := strings.Join(strings.Fields(w.Body.String()), ""); !strings.HasPrefix(got, `{"parts":[{"name":"app1"`) || !strings.Contains(got, want) {
		t.Errorf("state %s, want one with %s", got, want)
	}
}

func TestControlOwnAddress(t *testing.T) {
	h := NewControl(samplePage, nil)
	r := newRequest("GET", "http://10.1.2.3:8081/_demo/", "", "", "")
	addr := &net.TCPAddr{IP: net.ParseIP("10.1.2.3"), Port: 8081}
	if w := serve(h, r.WithContext(context.WithValue(r.Context(), http.LocalAddrContextKey, addr))); w.Code != 200 {
		t.Errorf("the listener's own address: %d, want 200", w.Code)
	}
}

func TestControlFailure(t *testing.T) {
	fail := func() error { return errors.New("port taken") }
	h := NewControl("", []Component{{Name: "n1", Kind: kindNode, Up: func() bool { return false }, Start: fail}})
	w := serve(h, newRequest("POST", controlHost+"/_demo/start/n1", "", "", ""))
	if w.Code != 500 || !strings.Contains(w.Body.String(), "start n1: port taken") {
		t.Errorf("%d %s, want 500 start n1: port taken", w.Code, w.Body)
	}
}

func TestControlSerialises(t *testing.T) {
	var running, most atomic.Int32
	var up atomic.Bool
	turn := func(to bool) func() error {
		return func() error {
			most.Store(max(most.Load(), running.Add(1)))
			up.Store(to)
			running.Add(-1)
			return nil
		}
	}
	h := NewControl("", []Component{{Name: "n1", Kind: kindNode, Up: up.Load, Stop: turn(false), Start: turn(true), Empty: turn(true)}})
	var wg sync.WaitGroup
	for range 20 {
		for _, action := range []string{"stop", "start", "empty"} {
			wg.Go(func() { serve(h, newRequest("POST", controlHost+"/_demo/"+action+"/n1", "", "", "")) })
		}
	}
	wg.Wait()
	if most.Load() != 1 {
		t.Errorf("%d actions at once, want 1", most.Load())
	}
}
