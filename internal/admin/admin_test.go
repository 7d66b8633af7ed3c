package admin_test

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"reflect"
	"sort"
	"strings"
	"testing"
	"time"

	"github.com/msmd/msmd/internal/admin"
	"github.com/msmd/msmd/internal/memcached/memcachedtest"
	"github.com/msmd/msmd/pkg/nodes"
)

// fixture is an admin handler over two nodes, n1 regular, n2 failover.
type fixture struct {
	http.Handler
	nodes    [2]*memcachedtest.Node
	pool     *nodes.Pool
	draining bool
}

func newFixture(t *testing.T) *fixture {
	t.Helper()
	f := &fixture{nodes: [2]*memcachedtest.Node(memcachedtest.StartN(t, 2))}
	pool, err := nodes.Open(nodes.Config{Nodes: []nodes.Spec{
		{ID: "n1", Addr: f.nodes[0].Addr()}, {ID: "n2", Addr: f.nodes[1].Addr(), Failover: true},
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	f.pool = pool
	f.Handler = admin.New(admin.Config{Nodes: pool, Draining: func() bool { return f.draining }, Host: "admin.internal"})
	return f
}

// get asks for path as a tool on the same machine does.
func (f *fixture) get(path string) *httptest.ResponseRecorder {
	return f.do(httptest.NewRequest(http.MethodGet, "http://127.0.0.1:9090"+path, nil))
}

func (f *fixture) do(r *http.Request) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	f.ServeHTTP(w, r)
	return w
}

// kill kills the i-th node and waits until the pool knows.
func (f *fixture) kill(t *testing.T, i int) {
	t.Helper()
	f.nodes[i].Kill()
	n := f.pool.Nodes()[i]
	deadline := time.Now().Add(10 * time.Second)
	for n.Up() {
		if _, _, err := n.Get(t.Context(), "k"); err == nil || time.Now().After(deadline) {
			t.Fatalf("%s is up after it was killed: %v", n.ID(), err)
		}
	}
}

func decode(t *testing.T, body io.Reader, into any) {
	t.Helper()
	d := json.NewDecoder(body)
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		t.Fatal(err)
	}
}

func TestLivez(t *testing.T) {
	f := newFixture(t)
	f.draining = true
	f.kill(t, 0)
	f.kill(t, 1)
	w := f.get("/livez") // all the same: a restart of msmd would cure nothing
	if w.Code != 200 || strings.TrimSpace(w.Body.String()) != `{"live":true}` {
		t.Errorf("%d %s, want 200 live", w.Code, w.Body)
	}
	checkHeaders(t, w)
}

func checkHeaders(t *testing.T, w *httptest.ResponseRecorder) {
	t.Helper()
	h := w.Result().Header
	if h.Get("Content-Type") != "application/json" || h.Get("Cache-Control") != "no-store" {
		t.Errorf("headers %v, want JSON that is not stored", h)
	}
}

func TestReadyz(t *testing.T) {
	const down, draining = "no memcached node is up", "shutting down"
	f := newFixture(t)
	check := func(what string, status int, reasons ...string) {
		t.Helper()
		w := f.get("/readyz")
		var got struct {
			Ready   bool     `json:"ready"`
			Reasons []string `json:"reasons"`
		}
		decode(t, w.Body, &got)
		if w.Code != status || got.Ready != (status == 200) || got.Reasons == nil || !reflect.DeepEqual(got.Reasons, append([]string{}, reasons...)) {
			t.Errorf("%s: %d %+v, want %d %q", what, w.Code, got, status, reasons)
		}
		checkHeaders(t, w)
	}
	check("all up", 200)
	f.draining = true
	check("draining", 503, draining)
	f.draining = false
	f.kill(t, 0)
	check("one node down", 200)
	f.kill(t, 1)
	check("all nodes down", 503, down)
	f.draining = true
	check("both", 503, draining, down)
}

// entry is what /nodes promises for one node.
type entry struct {
	ID       string            `json:"id"`
	Addr     string            `json:"addr"`
	Failover bool              `json:"failover"`
	Up       bool              `json:"up"`
	Since    *time.Time        `json:"since"`
	Cause    string            `json:"cause"`
	Stats    map[string]uint64 `json:"stats"`
}

func TestNodes(t *testing.T) {
	f := newFixture(t)
	n1 := f.pool.Node("n1")
	if _, _, err := n1.Get(t.Context(), "k"); !errors.Is(err, nodes.ErrNotFound) {
		t.Fatal(err)
	}
	if err := n1.Add(t.Context(), "k", []byte("session data"), 0); err != nil {
		t.Fatal(err)
	}
	f.kill(t, 1)
	w := f.get("/nodes")
	checkHeaders(t, w)
	if strings.Contains(w.Body.String(), "session data") {
		t.Error("/nodes shows session data")
	}
	var got []entry
	decode(t, w.Body, &got)
	if w.Code != 200 || len(got) != 2 {
		t.Fatalf("%d with %d nodes, want 200 with 2", w.Code, len(got))
	}
	up, dead := got[0], got[1]
	if up.ID != "n1" || up.Addr != f.nodes[0].Addr() || up.Failover || !up.Up || up.Since != nil || up.Cause != "" {
		t.Errorf("n1: %+v, want a regular node that always was up", up)
	}
	if dead.ID != "n2" || !dead.Failover || dead.Up || dead.Since == nil || dead.Cause == "" {
		t.Errorf("n2: %+v, want a failover node that is down, since when and why", dead)
	}
	want := []string{"adds", "broken", "cases", "conflicts", "gets", "misses", "opened", "refused", "retries", "skipped", "timeouts", "wrongAnswers"}
	var names []string
	for name := range up.Stats {
		names = append(names, name)
	}
	sort.Strings(names)
	if !reflect.DeepEqual(names, want) {
		t.Errorf("counters %v, want %v", names, want)
	}
	if up.Stats["gets"] != 1 || up.Stats["adds"] != 1 || up.Stats["misses"] != 1 || dead.Stats["opened"] != 1 {
		t.Errorf("counters %v and %v", up.Stats, dead.Stats)
	}
}

// TestRefusesBrowsers: neither a page with a script nor a name that an
// attacker has pointed at this address gets anything.
func TestRefusesBrowsers(t *testing.T) {
	f := newFixture(t)
	for _, tt := range []struct {
		host, origin string
		status       int
	}{
		{"127.0.0.1:9090", "", 200},
		{"127.0.0.1", "", 200},
		{"10.1.2.3:9090", "", 200},
		{"[::1]:9090", "", 200},
		{"[::1]", "", 200},
		{"localhost", "", 200},
		{"localhost:9090", "", 200},
		{"admin.internal", "", 200},
		{"admin.internal:9090", "", 200},
		{"evil.example", "", 403},
		{"evil.example:9090", "", 403},
		{"localhost.evil.example", "", 403},
		{"127.0.0.1.evil.example:9090", "", 403},
		{"x.admin.internal", "", 403},
		{"127.0.0.1:9090", "https://evil.example", 403},
		{"localhost", "null", 403},
		{"localhost", "http://localhost", 403},
		{"127.0.0.1:9090:1", "", 403},
	} {
		for _, path := range []string{"/livez", "/readyz", "/nodes", "/none"} {
			r := httptest.NewRequest(http.MethodGet, "http://h"+path, nil)
			r.Host = tt.host
			if tt.origin != "" {
				r.Header.Set("Origin", tt.origin)
			}
			want := tt.status
			if want == 200 && path == "/none" {
				want = 404
			}
			w := f.do(r)
			if w.Code != want {
				t.Errorf("%s with Host %q, Origin %q: %d, want %d", path, tt.host, tt.origin, w.Code, want)
			}
			if want == 403 && !strings.Contains(w.Body.String(), "hint: ") {
				t.Errorf("refused with %q, want a hint", w.Body)
			}
		}
	}
}

func TestMethods(t *testing.T) {
	f := newFixture(t)
	for _, method := range []string{"POST", "PUT", "DELETE"} {
		if w := f.do(httptest.NewRequest(method, "http://localhost/livez", nil)); w.Code != http.StatusMethodNotAllowed {
			t.Errorf("%s /livez: %d, want 405", method, w.Code)
		}
	}
	for _, path := range []string{"/livez", "/readyz", "/nodes"} { // load balancers check with HEAD
		if w := f.do(httptest.NewRequest(http.MethodHead, "http://localhost"+path, nil)); w.Code != 200 {
			t.Errorf("HEAD %s: %d, want 200", path, w.Code)
		}
	}
	for _, path := range []string{"/", "/livez/", "/nodes/n1", "//livez", "/LIVEZ"} {
		if w := f.get(path); w.Code != http.StatusNotFound {
			t.Errorf("%s: %d, want 404", path, w.Code)
		}
	}
}
