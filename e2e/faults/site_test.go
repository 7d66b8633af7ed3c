//go:build faults

package faults

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/msmd/msmd/internal/memcached/memcachedtest"
	"github.com/msmd/msmd/internal/relay"
	"github.com/msmd/msmd/pkg/manager"
	"github.com/msmd/msmd/pkg/nodes"
	"github.com/msmd/msmd/pkg/transcoder"
)

// stepTimeout is operationTimeout where one step meets one fault.
const stepTimeout = 300 * time.Millisecond

// duo is two nodes that the sites of a test share.
type duo struct {
	specs []nodes.Spec
	raws  []*raw
}

func newDuo(t testing.TB) *duo {
	t.Helper()
	d := &duo{}
	for i, n := range memcachedtest.StartN(t, 2) {
		d.specs = append(d.specs, nodes.Spec{ID: fmt.Sprintf("n%d", i+1), Addr: n.Addr()})
		d.raws = append(d.raws, &raw{addr: n.Addr()})
		t.Cleanup(d.raws[i].close)
	}
	return d
}

// site is a manager in this process, in front of a handler that adds the
// attribute of the query and answers with the names of those that it saw.
type site struct {
	t      testing.TB
	pool   *nodes.Pool
	url    string
	inside atomic.Pointer[func()] // called by the handler: after the load, before the commit
}

func (d *duo) newSite(t testing.TB, specs []nodes.Spec, timeout time.Duration) *site {
	t.Helper()
	pool, err := nodes.Open(nodes.Config{Nodes: specs, OperationTimeout: timeout})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	m, err := manager.New(manager.Config{Nodes: pool, CommitTimeout: 10 * timeout})
	if err != nil {
		t.Fatal(err)
	}
	s := &site{t: t, pool: pool}
	srv := httptest.NewServer(m.Handler(http.HandlerFunc(s.serve)))
	t.Cleanup(srv.Close)
	s.url = srv.URL
	return s
}

func (s *site) serve(w http.ResponseWriter, r *http.Request) {
	session := manager.FromContext(r.Context())
	seen := strings.Join(session.Names(), " ")
	if f := s.inside.Swap(nil); f != nil {
		(*f)()
	}
	for name, values := range r.URL.Query() {
		if err := session.Set(name, values[0]); err != nil {
			s.t.Error(err)
		}
	}
	_, _ = io.WriteString(w, seen)
}

// send sends a request and wants 200. It returns the names that the handler
// saw, and the id to go on with.
func (s *site) send(id, method, query string, body io.Reader) (seen, next string) {
	s.t.Helper()
	req, err := http.NewRequest(method, s.url+"/"+query, body)
	if err != nil {
		s.t.Fatal(err)
	}
	if id != "" {
		req.Header.Set("Cookie", manager.DefaultCookieName+"="+id)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		s.t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	text, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != http.StatusOK {
		s.t.Errorf("%s %s: %s, %v: %s; want 200", method, query, res.Status, err, text)
	}
	for _, c := range res.Cookies() {
		id = c.Value
	}
	return string(text), id
}

// set adds an attribute to the session and wants the handler to have seen
// those of want.
func (s *site) set(id, name, want string) (next string) {
	s.t.Helper()
	seen, next := s.send(id, http.MethodPost, "?"+name+"=1", nil)
	if seen != want {
		s.t.Errorf("the request that sets %s saw %q, want %q", name, seen, want)
	}
	return next
}

// want reads the session.
func (s *site) want(id, want string) {
	s.t.Helper()
	if seen, _ := s.send(id, http.MethodGet, "", nil); seen != want {
		s.t.Errorf("a read saw %q, want %q", seen, want)
	}
}

// crossing is a site whose way to the nodes goes through relays, one of which is to
// misbehave, and another site without.
type crossing struct {
	t       testing.TB
	duo     *duo
	relays  []*relay.Relay
	through *site
	direct  *site
	id      string
	order   []int   // of the session's nodes: home, copy
	faulty  [2]bool // nodes whose relay was made to misbehave
}

// newCrossing makes a session with the attribute a, which both sites have read.
func newCrossing(t testing.TB, d *duo) *crossing {
	t.Helper()
	s := &crossing{t: t, duo: d, direct: d.newSite(t, d.specs, stepTimeout)}
	s.through, s.relays = d.newRelayed(t, stepTimeout)
	s.id = s.direct.set("", "a", "")
	s.order = nodes.Rank(base(s.id), d.specs)
	s.through.want(s.id, "a")
	return s
}

// newRelayed makes a site that reaches each node through a relay.
func (d *duo) newRelayed(t testing.TB, timeout time.Duration) (s *site, relays []*relay.Relay) {
	t.Helper()
	specs := slices.Clone(d.specs)
	for i := range specs {
		r, err := relay.New(specs[i].Addr)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(r.Close)
		relays = append(relays, r)
		specs[i].Addr = r.Addr()
	}
	return d.newSite(t, specs, timeout), relays
}

// fault returns a function that makes the relay to the session's home (0) or
// copy (1) misbehave.
func (s *crossing) fault(role int, up, down relay.Behaviour) func() {
	s.faulty[s.order[role]] = true
	return func() { s.relays[s.order[role]].Set(up, down) }
}

// record reads what a node holds.
func (s *crossing) record(node int) (transcoder.Record, string, error) {
	k, fingerprint := key(base(s.id))
	value, err := s.duo.raws[node].get(k)
	if err != nil {
		return transcoder.Record{}, "", err
	}
	rec, err := transcoder.Parse(value, fingerprint)
	if err != nil {
		return rec, "", err
	}
	attrs, err := transcoder.NewCBOR().Attributes(rec.Payload)
	var names []string
	for _, a := range attrs {
		names = append(names, a.Name)
	}
	return rec, strings.Join(names, " "), err
}

// wantBoth wants both nodes to hold the version with the names, once the
// session was read, and to keep it for a while: what comes late must not win.
func (s *crossing) wantBoth(version uint64, names string) {
	s.t.Helper()
	for _, n := range s.through.pool.Nodes() {
		if err := waitUntil(n.ID()+" is up", n.Up); err != nil {
			s.t.Fatal(err)
		}
	}
	s.through.want(s.id, names)
	s.direct.want(s.id, names)
	until := time.NewTimer(50 * time.Millisecond)
	defer until.Stop()
	ticker := time.NewTicker(tick)
	defer ticker.Stop()
	for {
		for role, node := range s.order {
			rec, got, err := s.record(node)
			if err != nil || rec.Version != version || got != names {
				s.t.Fatalf("%s has version %d with %q, %v; want version %d with %q",
					[]string{"home", "copy"}[role], rec.Version, got, err, version, names)
			}
		}
		select {
		case <-until.C:
			return
		case <-ticker.C:
		}
	}
}
