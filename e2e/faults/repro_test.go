//go:build faults && repro

package faults

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/msmd/msmd/internal/memcached/memcachedtest"
	"github.com/msmd/msmd/internal/relay"
	"github.com/msmd/msmd/pkg/manager"
	"github.com/msmd/msmd/pkg/nodes"
)

// One request is under way while first the home and then the copy is restarted
// empty, each healed by a read before the next. memcached's CAS numbers begin
// anew with each process, so the slow request's numbers fit again.
func TestReproForgedCAS(t *testing.T) {
	ns := memcachedtest.StartN(t, 2)
	d := &duo{}
	for i, n := range ns {
		d.specs = append(d.specs, nodes.Spec{ID: fmt.Sprintf("n%d", i+1), Addr: n.Addr()})
		d.raws = append(d.raws, &raw{addr: n.Addr()})
	}
	a, b := d.newSite(t, d.specs, stepTimeout), d.newSite(t, d.specs, stepTimeout)
	id := b.set("", "one", "")
	id = b.set(id, "two", "one")
	order := nodes.Rank(base(id), d.specs)
	slow := func() {
		for _, node := range order {
			ns[node].Restart()
			if err := waitUntil("up", func() bool { return b.pool.Nodes()[node].Up() }); err != nil {
				t.Fatal(err)
			}
			b.want(id, "one two") // writes the copy back
			if v, _ := d.raws[0].get(first(key(base(id)))); v == nil {
				t.Fatal("n1 does not have it")
			}
			if v, _ := d.raws[1].get(first(key(base(id)))); v == nil {
				t.Fatal("n2 does not have it")
			}
		}
		b.set(id, "three", "one two") // acknowledged
		b.want(id, "one three two")
	}
	a.inside.Store(&slow)
	a.set(id, "zslow", "one two")
	b.want(id, "one three two zslow")
}

func first(s string, _ uint64) string { return s }

// onPartition: strict. One node stops answering between the load and the
// commit of a rotation (a login).
func TestReproStrictRotate(t *testing.T) {
	ns := memcachedtest.StartN(t, 3)
	var specs, direct []nodes.Spec
	var relays []*relay.Relay
	for i, n := range ns {
		r, err := relay.New(n.Addr())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(r.Close)
		relays = append(relays, r)
		specs = append(specs, nodes.Spec{ID: fmt.Sprintf("n%d", i+1), Addr: r.Addr()})
		direct = append(direct, nodes.Spec{ID: fmt.Sprintf("n%d", i+1), Addr: n.Addr()})
	}
	_ = direct
	pool, err := nodes.Open(nodes.Config{Nodes: specs})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	m, err := manager.New(manager.Config{Nodes: pool, Strict: true})
	if err != nil {
		t.Fatal(err)
	}
	var inside func()
	srv := httptest.NewServer(m.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s := manager.FromContext(r.Context())
		switch r.URL.Path {
		case "/set":
			_ = s.Set("a", "1")
		case "/login":
			inside()
			_ = s.RenewID()
		}
		fmt.Fprint(w, s.State())
	})))
	t.Cleanup(srv.Close)
	id := ""
	do := func(path string) (int, string) {
		req, _ := http.NewRequest("POST", srv.URL+path, nil)
		if id != "" {
			req.Header.Set("Cookie", manager.DefaultCookieName+"="+id)
		}
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(res.Body)
		_ = res.Body.Close()
		for _, c := range res.Cookies() {
			id = c.Value
		}
		return res.StatusCode, string(body)
	}
	do("/set")
	for range 20 { // until a fresh id is drawn on the two others
		order := nodes.Rank(base(id), specs)
		before := id
		inside = func() { relays[order[1]].Set(relay.Drop(), relay.Drop()) }
		status, body := do("/login")
		relays[order[1]].Pass()
		if err := waitUntil("up", func() bool {
			for _, n := range pool.Nodes() {
				if !n.Up() {
					return false
				}
			}
			return true
		}); err != nil {
			t.Fatal(err)
		}
		_, state := do("/read")
		t.Logf("login while the copy does not answer: %d %s; same id %t; afterwards the session is %q", status, body, id == before, state)
		if state != "ok" {
			t.Fatal("a login that was refused with 503 ended the session: neither the old nor a new id is alive")
		}
	}
}

// A logout whose tombstones are lost one after the other, each time with all
// nodes healthy in between, comes back from a spare that got the session in an
// earlier fault. The id names the spare: it was relocated there, or somebody
// who has the old cookie wrote it in.
func TestReproSpareRevives(t *testing.T) {
	ns := memcachedtest.StartN(t, 3)
	var specs []nodes.Spec
	for i, n := range ns {
		specs = append(specs, nodes.Spec{ID: fmt.Sprintf("n%d", i+1), Addr: n.Addr()})
	}
	pool, err := nodes.Open(nodes.Config{Nodes: specs})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	m, _ := manager.New(manager.Config{Nodes: pool})
	srv := httptest.NewServer(m.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s := manager.FromContext(r.Context())
		switch r.URL.Path {
		case "/logout":
			_ = s.Invalidate()
		case "/read":
		default:
			_ = s.Set(r.URL.Path, "1")
		}
		fmt.Fprint(w, s.State(), s.Names())
	})))
	t.Cleanup(srv.Close)
	do := func(path, id string) (string, string) {
		req, _ := http.NewRequest("POST", srv.URL+path, nil)
		if id != "" {
			req.Header.Set("Cookie", manager.DefaultCookieName+"="+id)
		}
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(res.Body)
		_ = res.Body.Close()
		for _, c := range res.Cookies() {
			if c.Value != "" {
				id = c.Value
			}
		}
		return string(body), id
	}
	allUp := func() {
		_ = waitUntil("up", func() bool {
			for _, n := range pool.Nodes() {
				if !n.Up() {
					return false
				}
			}
			return true
		})
	}
	_, id := do("/secret", "")
	order := nodes.Rank(base(id), specs)
	ns[order[1]].Kill()
	do("/changed", id) // a copy on the spare
	ns[order[1]].Restart()
	allUp()
	fmt.Println(do("/read", id)) // both copies again
	fmt.Println(do("/logout", id))
	fmt.Println(do("/read", id))
	ns[order[0]].Restart() // hours apart
	allUp()
	ns[order[1]].Restart()
	allUp()
	old := base(id) + "-" + specs[order[2]].ID
	body, _ := do("/read", old)
	if body != "none[]" {
		t.Errorf("after the logout the id %s... gives %s", old[:5], body)
	}
	time.Sleep(0)
}

// small returns a manager's site with paths /set?k, /login, /logout, /read.
func small(t *testing.T, pool *nodes.Pool, cfg manager.Config) func(path, id string) (status int, body, next string, removed bool) {
	cfg.Nodes = pool
	m, err := manager.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(m.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s := manager.FromContext(r.Context())
		state, names := s.State(), s.Names()
		switch r.URL.Path {
		case "/login":
			_ = s.RenewID()
		case "/logout":
			_ = s.Invalidate()
		case "/read":
		default:
			_ = s.Set(r.URL.Path[1:], "1")
		}
		fmt.Fprint(w, state, names)
	})))
	t.Cleanup(srv.Close)
	return func(path, id string) (int, string, string, bool) {
		req, _ := http.NewRequest("POST", srv.URL+path, nil)
		if id != "" {
			req.Header.Set("Cookie", manager.DefaultCookieName+"="+id)
		}
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(res.Body)
		_ = res.Body.Close()
		removed := false
		for _, c := range res.Cookies() {
			if c.MaxAge < 0 {
				removed = true
			} else {
				id = c.Value
			}
		}
		return res.StatusCode, string(body), id, removed
	}
}

func relayed(t *testing.T, ns []*memcachedtest.Node) (*nodes.Pool, []*relay.Relay, []nodes.Spec) {
	var specs []nodes.Spec
	var relays []*relay.Relay
	for i, n := range ns {
		r, err := relay.New(n.Addr())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(r.Close)
		relays = append(relays, r)
		specs = append(specs, nodes.Spec{ID: fmt.Sprintf("n%d", i+1), Addr: r.Addr()})
	}
	pool, err := nodes.Open(nodes.Config{Nodes: specs})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	return pool, relays, specs
}

func up(pool *nodes.Pool) {
	_ = waitUntil("up", func() bool {
		for _, n := range pool.Nodes() {
			if !n.Up() {
				return false
			}
		}
		return true
	})
}

// readMode: primary. The home does not answer while a user logs out. When it is
// back, the session reads as if nothing had happened, until it expires.
func TestReproPrimaryLogout(t *testing.T) {
	pool, relays, specs := relayed(t, memcachedtest.StartN(t, 2))
	do := small(t, pool, manager.Config{ReadPrimary: true})
	_, _, id, _ := do("/secret", "")
	home := nodes.Rank(base(id), specs)[0]
	relays[home].Set(relay.Drop(), relay.Drop())
	status, body, _, removed := do("/logout", id)
	t.Logf("logout while the home hangs: %d %s, cookie removed %t", status, body, removed)
	relays[home].Pass()
	up(pool)
	for range 3 {
		if _, body, _, _ := do("/read", id); body != "none[]" {
			t.Errorf("after the logout the id reads %s", body)
		}
	}
}

// rotateGrace: what a request with the old id is told within the grace.
func TestReproGrace(t *testing.T) {
	pool, _, _ := relayed(t, memcachedtest.StartN(t, 2))
	do := small(t, pool, manager.Config{RotateGrace: 10 * time.Second})
	_, _, old, _ := do("/a", "")
	_, _, fresh, _ := do("/login", old)
	status, body, _, _ := do("/order", old)
	_, now, _, _ := do("/read", fresh)
	t.Logf("POST with the old id: the app saw %s, answer %d; the session then: %s", body, status, now)
	if status == 200 && now == "ok[a]" {
		t.Error("a change was answered 200 and dropped")
	}
	status, body, _, removed := do("/logout", old)
	_, now, _, _ = do("/read", fresh)
	t.Logf("logout with the old id: the app saw %s, answer %d, cookie removed %t; the session then: %s", body, status, removed, now)
	if status == 200 && now != "none[]" {
		t.Error("a logout was answered 200, the cookie removed, and the session lives on")
	}
}
