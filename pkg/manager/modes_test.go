package manager_test

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/bradfitz/gomemcache/memcache"

	"github.com/msmd/msmd/pkg/manager"
)

// TestStrict: nothing is answered with one copy; both are back, all is well.
func TestStrict(t *testing.T) {
	t.Parallel()
	for _, which := range []int{0, 1} {
		c := newCluster(t, 3)
		s := c.newSite(t, func(cfg *manager.Config) { cfg.Strict = true }, nil)
		b := newBrowser(t)
		b.set(s, "a", "1")
		node := c.holders(t, b.id)[which]
		node.Pause()
		if a := b.do("GET", s.url+"/state"); a.body != "unavailable" {
			t.Errorf("holder %d hangs: state = %q, want unavailable", which, a.body)
		}
		if a := b.do("POST", s.url+"/set?a=2"); a.status != http.StatusServiceUnavailable {
			t.Errorf("holder %d hangs: POST = %d, want 503", which, a.status)
		}
		other := newBrowser(t) // a new session takes the nodes that are up
		eventually(t, "new sessions", func() bool {
			a, err := other.try("POST", s.url+"/set?a=1")
			return err == nil && a.status == http.StatusOK
		})
		node.Resume()
		eventually(t, "the node is up again", func() bool { return allUp(s) })
		b.set(s, "b", "3")
		b.want(s, "a", "1")
		b.want(s, "b", "3")
	}
}

// TestReadPrimary: a read asks the home alone; a change still loads and stores
// both; the copy answers when the home cannot.
func TestReadPrimary(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 2)
	s := c.newSite(t, func(cfg *manager.Config) { cfg.ReadPrimary = true }, nil)
	b := newBrowser(t)
	b.set(s, "a", "1")
	before := s.operations()
	b.want(s, "a", "1")
	if got := s.operations() - before; got != 1 {
		t.Errorf("a read cost %d operations, want 1", got)
	}
	b.set(s, "a", "2")
	holders := c.holders(t, b.id)
	holders[0].Kill()
	b.want(s, "a", "2")
	holders[0].Restart()
	eventually(t, "the home is up again", func() bool { return allUp(s) })
	b.want(s, "a", "2") // and writes it back
	holders[1].Kill()
	b.set(s, "b", "3")
	b.want(s, "a", "2")
}

// TestStaleReadLosesNoChange: with ReadPrimary a request may see an old home,
// but what it changes is applied to the newest version.
func TestStaleReadLosesNoChange(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 2)
	primary := c.newSite(t, func(cfg *manager.Config) { cfg.ReadPrimary = true }, nil)
	both := c.newSite(t, nil, nil)
	b := newBrowser(t)
	b.set(both, "a", "1")
	key, _ := parseID(t, b.id).Key(manager.DefaultKeyPrefix)
	home := raw(t, c.holders(t, b.id)[0])
	old, err := home.Get(key)
	if err != nil {
		t.Fatal(err)
	}
	b.set(both, "b", "2")
	// As a home that was cut off comes back.
	if err := home.Set(&memcache.Item{Key: key, Value: old.Value}); err != nil {
		t.Fatal(err)
	}
	b.set(primary, "c", "3")
	for k, v := range map[string]string{"a": "1", "b": "2", "c": "3"} {
		b.want(both, k, v)
	}
}

// TestAbsentIDsAreRemembered: a page full of requests with a dead cookie costs
// one load, and the memory for such ids is bounded.
func TestAbsentIDsAreRemembered(t *testing.T) {
	t.Parallel()
	s := newCluster(t, 2).newSite(t, nil, nil)
	b := newBrowser(t)
	b.id = "mfrggzdfmztwq2lknnwg23tpob-n1"
	for range 10 {
		b.do("GET", s.url+"/state")
	}
	if got := s.operations(); got != 2 {
		t.Errorf("10 requests with a dead id cost %d operations, want 2", got)
	}
	for i := range 100 { // forged ones, each another
		b.id = fmt.Sprintf("mfrggzdfmztwq2lknnwg23%c%c%c%c-n%d", 'a'+i%26, 'a'+i/26, 'a', 'b', i)
		b.do("GET", s.url+"/state")
	}
	if got := s.operations() - 2; got != 200 {
		t.Errorf("100 forged ids cost %d operations, want 200", got)
	}
}

// TestRotateGrace: for a while the old id shows the session as it was before
// the rotation, read-only and without what came later.
func TestRotateGrace(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 2)
	s := c.newSite(t, func(cfg *manager.Config) { cfg.RotateGrace = time.Hour }, nil)
	ended := c.newSite(t, func(cfg *manager.Config) { cfg.RotateGrace = time.Nanosecond }, nil)
	b := newBrowser(t)
	b.set(s, "a", "1")
	tab := *b // with the old id
	b.do("POST", s.url+"/renew?a=2")
	b.set(s, "user", "ann")
	tab.want(s, "a", "1")
	tab.want(s, "user", "")
	tab.sets = 0
	for _, path := range []string{"/set?a=evil", "/renew", "/get?a="} {
		if a := tab.do("POST", s.url+path); a.status != http.StatusOK || tab.sets != 0 {
			t.Errorf("POST %s with the old id = %d, %d Set-Cookies, want 200 without one", path, a.status, tab.sets)
		}
	}
	tab.want(s, "a", "1")
	b.want(s, "a", "1")
	b.want(s, "user", "ann")
	if a := tab.do("GET", ended.url+"/state"); a.body != "none" {
		t.Errorf("after the grace the old id's state is %q, want none", a.body)
	}
	// A node that lost the snapshot gets it back, not the session.
	c.holders(t, tab.id)[0].Flush()
	tab.want(s, "user", "")
	tab.want(s, "a", "1")
}
