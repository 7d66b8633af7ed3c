package manager_test

import (
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/bradfitz/gomemcache/memcache"

	"github.com/msmd/msmd/internal/memcached/memcachedtest"
	"github.com/msmd/msmd/pkg/ignore"
	"github.com/msmd/msmd/pkg/manager"
	"github.com/msmd/msmd/pkg/nodes"
	"github.com/msmd/msmd/pkg/sessionid"
)

// cluster is some memcached nodes, n1, n2 and so on, that managers share.
type cluster struct {
	nodes []*memcachedtest.Node
	specs []nodes.Spec
}

func newCluster(t testing.TB, n int) *cluster {
	t.Helper()
	c := &cluster{nodes: memcachedtest.StartN(t, n)}
	var list []string
	for i, node := range c.nodes {
		list = append(list, fmt.Sprintf("n%d:%s", i+1, node.Addr()))
	}
	var err error
	if c.specs, err = nodes.ParseList(strings.Join(list, ","), ""); err != nil {
		t.Fatal(err)
	}
	return c
}

// node returns the node with the id.
func (c *cluster) node(t testing.TB, id string) *memcachedtest.Node {
	t.Helper()
	for i, s := range c.specs {
		if s.ID == id {
			return c.nodes[i]
		}
	}
	t.Fatalf("no node %q", id)
	return nil
}

// holders returns the session's nodes in order: home, copy, spares.
func (c *cluster) holders(t testing.TB, id string) []*memcachedtest.Node {
	t.Helper()
	parsed := parseID(t, id)
	var list []*memcachedtest.Node
	for _, i := range nodes.Rank(parsed.Base, c.specs) {
		list = append(list, c.nodes[i])
	}
	return list
}

func parseID(t testing.TB, id string) sessionid.ID {
	t.Helper()
	parsed, err := sessionid.Parse(id)
	if err != nil {
		t.Fatalf("the cookie holds no id: %v", err)
	}
	return parsed
}

// raw returns a client for a node, to look at what is stored.
func raw(t testing.TB, n *memcachedtest.Node) *memcache.Client {
	t.Helper()
	c := memcache.New(n.Addr())
	c.Timeout = 5 * time.Second
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// site is a manager with a small app behind it.
type site struct {
	*manager.Manager
	pool *nodes.Pool
	url  string
}

// newSite starts a manager on the cluster. The app serves /set?k=v..., /get?k,
// /del?k, /renew, /invalidate and /state; extra adds or replaces paths.
func (c *cluster) newSite(t testing.TB, change func(*manager.Config), extra map[string]http.HandlerFunc) *site {
	t.Helper()
	pool, err := nodes.Open(nodes.Config{Nodes: c.specs, OperationTimeout: 300 * time.Millisecond}) // for busy machines
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	filter, err := ignore.Compile(`.*\.(ico|png|gif|jpg|css|js)$`, ignore.MatchPath)
	if err != nil {
		t.Fatal(err)
	}
	cfg := manager.Config{Nodes: pool, Ignore: filter, Logger: slog.New(slog.NewTextHandler(t.Output(), nil))}
	if change != nil {
		change(&cfg)
	}
	m, err := manager.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	for path, h := range extra {
		mux.HandleFunc(path, h)
	}
	mux.HandleFunc("/", app)
	srv := httptest.NewServer(m.Handler(mux))
	t.Cleanup(srv.Close)
	return &site{m, pool, srv.URL}
}

func app(w http.ResponseWriter, r *http.Request) {
	s := manager.FromContext(r.Context())
	if s == nil {
		_, _ = io.WriteString(w, "no session handling")
		return
	}
	var err error
	query := r.URL.Query()
	switch r.URL.Path {
	case "/set":
		for k, v := range query {
			if err == nil {
				err = s.Set(k, v[0])
			}
		}
	case "/del":
		for k := range query {
			err = s.Delete(k)
		}
	case "/renew":
		err = s.RenewID()
	case "/invalidate":
		err = s.Invalidate()
	case "/state":
		_, _ = io.WriteString(w, string(s.State()))
		return
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	for k := range query {
		v, err := manager.Get[string](s, k)
		_, _ = fmt.Fprintf(w, "%s=%s err=%v ", k, v, err)
	}
}

// browser keeps one cookie, as a user's browser does.
type browser struct {
	t    testing.TB
	name string
	id   string
	sets int // Set-Cookie headers seen
}

func newBrowser(t testing.TB) *browser { return &browser{t: t, name: manager.DefaultCookieName} }

// answer is a response that was read to its end.
type answer struct {
	status int
	header http.Header
	body   string
}

func (b *browser) do(method, url string, header ...string) answer {
	b.t.Helper()
	a, err := b.try(method, url, header...)
	if err != nil {
		b.t.Fatal(err)
	}
	return a
}

func (b *browser) try(method, url string, header ...string) (answer, error) {
	req, err := http.NewRequest(method, url, nil)
	if err != nil {
		return answer{}, err
	}
	for i := 0; i < len(header); i += 2 {
		req.Header.Add(header[i], header[i+1])
	}
	if b.id != "" {
		req.Header.Add("Cookie", b.name+"="+b.id)
	}
	res, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		return answer{}, err
	}
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		return answer{}, err
	}
	for _, c := range res.Cookies() {
		if c.Name != b.name {
			continue
		}
		b.sets++
		if b.id = c.Value; c.MaxAge < 0 {
			b.id = ""
		}
	}
	return answer{res.StatusCode, res.Header, string(body)}, nil
}

// set stores an attribute and wants it to work.
func (b *browser) set(s *site, k, v string) {
	b.t.Helper()
	if a := b.do("POST", s.url+"/set?"+k+"="+v); a.status != http.StatusOK {
		b.t.Fatalf("set %s=%s: status %d: %s", k, v, a.status, a.body)
	}
}

// want reads an attribute and compares it.
func (b *browser) want(s *site, k, v string) {
	b.t.Helper()
	a := b.do("GET", s.url+"/get?"+k+"=")
	if want := fmt.Sprintf("%s=%s err=<nil> ", k, v); a.body != want {
		b.t.Errorf("GET %s = %d %q, want %q", k, a.status, a.body, want)
	}
}

// eventually waits until f holds.
func eventually(t testing.TB, what string, f func() bool) {
	t.Helper()
	deadline := time.Now().Add(15 * time.Second)
	for !f() {
		if time.Now().After(deadline) {
			t.Fatalf("still not: %s", what)
		}
		tick := time.NewTimer(5 * time.Millisecond)
		<-tick.C
	}
}

// operations counts what a site asked of all nodes.
func (s *site) operations() uint64 {
	var n uint64
	for _, node := range s.pool.Nodes() {
		st := node.Stats()
		n += st.Gets.Load() + st.Adds.Load() + st.CASes.Load()
	}
	return n
}
