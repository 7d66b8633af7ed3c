package manager_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/bradfitz/gomemcache/memcache"

	"github.com/msmd/msmd/pkg/manager"
)

// TestEitherNodeMayDie kills each node, changes the session meanwhile, brings
// the node back empty and kills the other.
func TestEitherNodeMayDie(t *testing.T) {
	t.Parallel()
	for _, first := range []int{0, 1} { // 0 is the home
		t.Run(fmt.Sprint("first", first), func(t *testing.T) {
			t.Parallel()
			c := newCluster(t, 2)
			sites := []*site{c.newSite(t, nil, nil), c.newSite(t, nil, nil)}
			b := newBrowser(t)
			b.set(sites[0], "a", "1")
			base := parseID(t, b.id).Base
			holders := c.holders(t, b.id)
			holders[first].Kill()
			for i, s := range sites {
				b.want(s, "a", "1")
				b.set(s, fmt.Sprint("b", i), "2")
			}
			holders[first].Restart()
			for _, s := range sites {
				eventually(t, "the node is up again", func() bool { return allUp(s) })
			}
			b.want(sites[0], "b0", "2") // writes the copy back
			holders[1-first].Kill()
			for _, s := range sites {
				b.want(s, "a", "1")
				b.want(s, "b0", "2")
				b.want(s, "b1", "2")
			}
			if got := parseID(t, b.id).Base; got != base {
				t.Error("the base of the id changed")
			}
			if b.sets > 3 { // creation and at most one relocation for each death
				t.Errorf("%d Set-Cookies, want at most 3", b.sets)
			}
		})
	}
}

func allUp(s *site) bool {
	for _, n := range s.pool.Nodes() {
		if !n.Up() {
			return false
		}
	}
	return true
}

// TestRelocation: when the node that the id names dies, the id names the other
// one from the next response on, once.
func TestRelocation(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 2)
	s := c.newSite(t, nil, nil)
	b := newBrowser(t)
	b.set(s, "a", "1")
	before := parseID(t, b.id)
	c.node(t, before.Node).Kill()
	for range 10 {
		b.want(s, "a", "1")
	}
	after := parseID(t, b.id)
	if after.Base != before.Base || after.Node == before.Node || b.sets != 2 {
		t.Errorf("node %s became %s with %d Set-Cookies, want the other node and 2", before.Node, after.Node, b.sets)
	}
}

// TestHungNode: a node that hangs costs a bounded time and comes back without
// bringing old data with it.
func TestHungNode(t *testing.T) {
	t.Parallel()
	for _, which := range []int{0, 1} {
		t.Run(fmt.Sprint("holder", which), func(t *testing.T) {
			t.Parallel()
			c := newCluster(t, 2)
			s := c.newSite(t, nil, nil)
			b := newBrowser(t)
			b.set(s, "n", "0")
			node := c.holders(t, b.id)[which]
			node.Pause()
			for i := range 8 {
				b.set(s, "n", fmt.Sprint(i+1))
				b.want(s, "n", fmt.Sprint(i+1))
			}
			node.Resume()
			eventually(t, "the node is up again", func() bool { return allUp(s) })
			for range 20 {
				b.want(s, "n", "8")
			}
		})
	}
}

// TestUnknownIsNotAbsent: while no node answers nobody is logged out.
func TestUnknownIsNotAbsent(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 2)
	s := c.newSite(t, nil, nil)
	b := newBrowser(t)
	b.set(s, "a", "1")
	for _, n := range c.nodes {
		n.Pause()
	}
	if a := b.do("GET", s.url+"/state"); a.status != http.StatusOK || a.body != "unavailable" || a.header.Get("Set-Cookie") != "" {
		t.Errorf("GET = %d %q, Set-Cookie %v, want 200, unavailable, none", a.status, a.body, a.header["Set-Cookie"] != nil)
	}
	if a := b.do("POST", s.url+"/set?a=2"); a.status != http.StatusServiceUnavailable || a.header.Get("Retry-After") == "" || a.header.Get("Set-Cookie") != "" {
		t.Errorf("POST = %d, header %v, want 503 with Retry-After and no cookie", a.status, a.header)
	}
	if a := b.do("GET", s.url+"/set?a=2"); a.status != http.StatusOK {
		t.Errorf("GET that changes = %d, want the app's 200", a.status)
	}
	if a := b.do("GET", s.url+"/invalidate"); a.status != http.StatusServiceUnavailable {
		t.Errorf("GET that destroys = %d, want 503", a.status)
	}
	for _, n := range c.nodes {
		n.Resume()
	}
	eventually(t, "the nodes are up again", func() bool { return allUp(s) })
	b.want(s, "a", "1")
	if b.sets != 1 {
		t.Errorf("%d Set-Cookies, want 1", b.sets)
	}
}

func TestRejectUnavailable(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 1)
	s := c.newSite(t, func(cfg *manager.Config) { cfg.RejectUnavailable = true }, nil)
	b := newBrowser(t)
	b.set(s, "a", "1")
	c.nodes[0].Kill()
	if a := b.do("GET", s.url+"/get?a="); a.status != http.StatusServiceUnavailable {
		t.Errorf("status %d, want 503", a.status)
	}
}

func TestCommitFailurePolicies(t *testing.T) {
	t.Parallel()
	for policy, want := range map[manager.CommitFailure][2]int{
		manager.CommitFailureAuto:  {200, 503},
		manager.CommitFailureFail:  {503, 503},
		manager.CommitFailureServe: {200, 200},
	} {
		c := newCluster(t, 1)
		s := c.newSite(t, func(cfg *manager.Config) { cfg.CommitFailure = policy }, nil)
		c.nodes[0].Kill()
		b := newBrowser(t)
		for i, method := range []string{"GET", "POST"} {
			if a := b.do(method, s.url+"/set?a=1"); a.status != want[i] || b.id != "" {
				t.Errorf("%s: %s = %d, cookie %v, want %d without a cookie", policy, method, a.status, b.id != "", want[i])
			}
		}
	}
}

// TestSpares: with three nodes, a session whose home died has two copies again
// after its next change, so that its copy may die too.
func TestSpares(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 3)
	s := c.newSite(t, nil, nil)
	b := newBrowser(t)
	b.set(s, "a", "1")
	holders := c.holders(t, b.id)
	holders[0].Kill()
	b.set(s, "a", "2")
	holders[1].Kill()
	b.want(s, "a", "2")
	b.set(s, "a", "3")
	holders[0].Restart()
	holders[1].Restart()
	eventually(t, "the nodes are up again", func() bool { return allUp(s) })
	b.want(s, "a", "3") // the id names the spare, which still has it
	holders[2].Kill()
	b.want(s, "a", "3")
}

// TestCreationAvoidsDeadNodes: with a dead node among three, every new session
// has two copies at once.
func TestCreationAvoidsDeadNodes(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 3)
	s := c.newSite(t, nil, nil)
	c.nodes[0].Kill()
	eventually(t, "the node is known to be down", func() bool { return !s.pool.Node("n1").Up() })
	for range 20 {
		b := newBrowser(t)
		b.set(s, "a", "1")
		for _, n := range c.holders(t, b.id)[:2] {
			if n == c.nodes[0] {
				t.Error("a session was created with a dead node")
			}
		}
	}
	if got := s.Stats().Degraded.Load(); got != 0 {
		t.Errorf("%d sessions with one copy, want 0", got)
	}
}

// TestPoisonedCopy: bytes that are no record are not used, and are kept.
func TestPoisonedCopy(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 2)
	s := c.newSite(t, nil, nil)
	b := newBrowser(t)
	b.set(s, "a", "1")
	id := parseID(t, b.id)
	key, _ := id.Key(manager.DefaultKeyPrefix)
	holders := c.holders(t, b.id)
	poison := func(i int) {
		if err := raw(t, holders[i]).Set(&memcache.Item{Key: key, Value: []byte("junk")}); err != nil {
			t.Fatal(err)
		}
	}
	kept := func(i int) {
		t.Helper()
		item, err := raw(t, holders[i]).Get(key)
		if err != nil || string(item.Value) != "junk" {
			t.Errorf("the junk on holder %d was touched: %v", i, err)
		}
	}
	poison(0)
	b.want(s, "a", "1")
	b.set(s, "a", "2")
	b.want(s, "a", "2")
	kept(0)
	poison(1)
	if a := b.do("GET", s.url+"/state"); a.body != "none" {
		t.Errorf("state with two unreadable copies = %q, want none", a.body)
	}
	old := b.id
	b.set(s, "a", "3")
	if b.id == old {
		t.Error("an unreadable session's id was used again")
	}
	kept(0)
	kept(1)
}

// TestForeignRecord: another session's record under this one's key is not
// accepted.
func TestForeignRecord(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 1)
	s := c.newSite(t, nil, nil)
	ann, bob := newBrowser(t), newBrowser(t)
	ann.set(s, "user", "ann")
	bob.set(s, "user", "bob")
	client := raw(t, c.nodes[0])
	annKey, _ := parseID(t, ann.id).Key(manager.DefaultKeyPrefix)
	bobKey, _ := parseID(t, bob.id).Key(manager.DefaultKeyPrefix)
	item, err := client.Get(annKey)
	if err != nil {
		t.Fatal(err)
	}
	if err := client.Set(&memcache.Item{Key: bobKey, Value: item.Value}); err != nil {
		t.Fatal(err)
	}
	if a := bob.do("GET", s.url+"/get?user="); strings.Contains(a.body, "ann") {
		t.Error("bob sees ann's session")
	}
}

// TestVanished: a session that is gone when its request ends is not created
// again.
func TestVanished(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 2)
	b := newBrowser(t)
	s := c.newSite(t, nil, map[string]http.HandlerFunc{"/slow": func(_ http.ResponseWriter, r *http.Request) {
		for _, n := range c.nodes {
			if err := raw(t, n).DeleteAll(); err != nil {
				t.Error(err)
			}
		}
		if err := manager.FromContext(r.Context()).Set("a", "2"); err != nil {
			t.Error(err)
		}
	}})
	b.set(s, "a", "1")
	if a := b.do("POST", s.url+"/slow"); a.status != http.StatusOK || a.header.Get("Set-Cookie") != "" {
		t.Errorf("status %d, Set-Cookie %v, want the app's answer without a cookie", a.status, a.header["Set-Cookie"] != nil)
	}
	if got := s.Stats().Vanished.Load(); got != 1 {
		t.Errorf("Vanished = %d, want 1", got)
	}
	if a := b.do("GET", s.url+"/state"); a.body != "none" {
		t.Errorf("state = %q, want none", a.body)
	}
}

// TestNodesDownAtStart: msmd serves before its nodes do.
func TestNodesDownAtStart(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 2)
	for _, n := range c.nodes {
		n.Kill()
	}
	began := time.Now()
	s := c.newSite(t, nil, nil)
	b := newBrowser(t)
	if a := b.do("GET", s.url+"/state"); a.body != "none" {
		t.Errorf("state without a cookie = %q, want none", a.body)
	}
	if d := time.Since(began); d > 10*time.Second {
		t.Errorf("the first answer took %v", d)
	}
	for _, n := range c.nodes {
		n.Restart()
	}
	eventually(t, "the nodes are up", func() bool { return allUp(s) })
	b.set(s, "a", "1")
	b.want(s, "a", "1")
}
