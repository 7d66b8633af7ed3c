package manager_test

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/msmd/msmd/pkg/manager"
)

func TestLifeOfASession(t *testing.T) {
	t.Parallel()
	s := newCluster(t, 2).newSite(t, nil, nil)
	b := newBrowser(t)
	b.do("GET", s.url+"/get?a=")
	if b.id != "" || s.operations() != 0 {
		t.Fatalf("a request that writes nothing: cookie %v, %d operations, want none", b.id != "", s.operations())
	}
	b.set(s, "a", "1")
	first := b.id
	b.want(s, "a", "1")
	b.set(s, "b", "2")
	b.want(s, "a", "1")
	b.do("POST", s.url+"/del?a=")
	b.want(s, "a", "")
	b.want(s, "b", "2")
	if b.id != first || b.sets != 1 {
		t.Errorf("%d Set-Cookies, id changed %v, want one Set-Cookie", b.sets, b.id != first)
	}
	b.do("POST", s.url+"/invalidate")
	if b.id != "" {
		t.Error("the cookie is still there after Invalidate")
	}
	b.id = first
	if a := b.do("GET", s.url+"/state"); a.body != "none" {
		t.Errorf("state of an invalidated id = %q, want none", a.body)
	}
	b.set(s, "a", "3")
	if b.id == first {
		t.Error("an invalidated id was adopted")
	}
}

func TestReadCostsTwoGetsAndChangeTwoCAS(t *testing.T) {
	t.Parallel()
	s := newCluster(t, 2).newSite(t, nil, nil)
	b := newBrowser(t)
	b.set(s, "a", "1")
	if got := s.operations(); got != 2 {
		t.Errorf("creating cost %d operations, want 2", got)
	}
	b.want(s, "a", "1")
	if got := s.operations(); got != 4 {
		t.Errorf("after a read %d operations, want 4", got)
	}
	b.set(s, "a", "2")
	if got := s.operations(); got != 8 {
		t.Errorf("after a change %d operations, want 8", got)
	}
	b.set(s, "a", "2")
	if got := s.operations(); got != 10 {
		t.Errorf("after setting the same value %d operations, want 10", got)
	}
}

func TestIgnoredRequest(t *testing.T) {
	t.Parallel()
	s := newCluster(t, 2).newSite(t, nil, nil)
	b := newBrowser(t)
	b.set(s, "a", "1")
	before := s.operations()
	for _, path := range []string{"/logo.png", "/logo.png?v=1", "/x/y.css"} {
		a := b.do("GET", s.url+path)
		if a.body != "no session handling" || a.header.Get("Set-Cookie") != "" || a.header.Get("Vary") != "" {
			t.Errorf("GET %s = %q, header %v, want it untouched", path, a.body, a.header)
		}
	}
	if got := s.operations() - before; got != 0 {
		t.Errorf("ignored requests cost %d operations, want 0", got)
	}
}

func TestMalformedAndUnknownIDs(t *testing.T) {
	t.Parallel()
	s := newCluster(t, 2).newSite(t, nil, nil)
	b := newBrowser(t)
	for _, id := range []string{"x", "mfrggzdfmztwq2lknnwg23tpob-n1%0d%0aset", strings.Repeat("a", 300), "MFRGGZDFMZTWQ2LKNNWG23TPOB-n1", `"quoted"`} {
		b.id = id
		b.do("GET", s.url+"/get?a=")
	}
	if s.operations() != 0 || s.Stats().Malformed.Load() != 5 {
		t.Errorf("malformed ids cost %d operations, %d counted, want 0 and 5", s.operations(), s.Stats().Malformed.Load())
	}
	b.id = "mfrggzdfmztwq2lknnwg23tpob-n77"
	b.set(s, "a", "1")
	if b.id == "mfrggzdfmztwq2lknnwg23tpob-n77" {
		t.Error("an unknown id was adopted")
	}
}

func TestSeveralCookiesOfTheName(t *testing.T) {
	t.Parallel()
	s := newCluster(t, 2).newSite(t, nil, nil)
	b := newBrowser(t)
	b.set(s, "a", "1")
	live := b.id
	dead := "mfrggzdfmztwq2lknnwg23tpob-n1"
	b.id = dead + "; other=1; msmid=bad; msmid=" + live
	b.want(s, "a", "1")
	b.id = strings.Repeat(dead+"; msmid=", 4) + live // the fifth is not tried
	b.want(s, "a", "")
}

func TestRoundRobinOverManagers(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 2)
	sites := []*site{c.newSite(t, nil, nil), c.newSite(t, nil, nil)}
	b := newBrowser(t)
	for i := range 100 {
		s := sites[i%2]
		b.set(s, "n", fmt.Sprint(i))
		b.want(sites[(i+1)%2], "n", fmt.Sprint(i))
	}
	if b.sets != 1 {
		t.Errorf("%d Set-Cookies in 200 requests, want 1", b.sets)
	}
}

// TestConcurrentChanges: 200 changes of 200 attributes through two managers
// all stay.
func TestConcurrentChanges(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 2)
	sites := []*site{c.newSite(t, nil, nil), c.newSite(t, nil, nil)}
	b := newBrowser(t)
	b.set(sites[0], "k", "0")
	var wg sync.WaitGroup
	for i := range 200 {
		wg.Go(func() {
			tab := *b
			a, err := tab.try("POST", fmt.Sprintf("%s/set?k%d=%d", sites[i%2].url, i, i))
			if err != nil || a.status != http.StatusOK {
				t.Errorf("change %d: status %d, %v", i, a.status, err)
			}
		})
	}
	wg.Wait()
	for i := range 200 {
		b.want(sites[i%2], fmt.Sprintf("k%d", i), fmt.Sprint(i))
	}
}

// TestDestroyedStaysDestroyed: no parallel writer brings a session back.
func TestDestroyedStaysDestroyed(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 2)
	sites := []*site{c.newSite(t, nil, nil), c.newSite(t, nil, nil)}
	b := newBrowser(t)
	b.set(sites[0], "a", "1")
	var wg sync.WaitGroup
	for i := range 100 {
		wg.Go(func() {
			tab := *b
			if i == 50 {
				if a, err := tab.try("POST", sites[0].url+"/invalidate"); err != nil || a.status != http.StatusOK {
					t.Errorf("invalidate: status %d, %v", a.status, err)
				}
				return
			}
			// A writer that began before may win or lose; it must not fail, and
			// one that had no session must not get this one's id.
			a, err := tab.try("POST", fmt.Sprintf("%s/set?k%d=1", sites[i%2].url, i))
			if err != nil || a.status != http.StatusOK {
				t.Errorf("writer %d: status %d, %v", i, a.status, err)
			}
		})
	}
	wg.Wait()
	for _, s := range sites {
		if a := b.do("GET", s.url+"/state"); a.body != "none" {
			t.Errorf("state after destruction = %q, want none", a.body)
		}
	}
}

func TestRenewID(t *testing.T) {
	t.Parallel()
	s := newCluster(t, 2).newSite(t, nil, nil)
	b := newBrowser(t)
	b.set(s, "a", "1")
	old := b.id
	b.do("POST", s.url+"/renew")
	if b.id == old {
		t.Fatal("RenewID kept the id")
	}
	b.want(s, "a", "1")
	b.id = old
	if a := b.do("GET", s.url+"/state"); a.body != "none" {
		t.Errorf("state of the old id = %q, want none", a.body)
	}
}

// TestRenewIDRace: of several rotations of one id exactly one gives a new id.
func TestRenewIDRace(t *testing.T) {
	t.Parallel()
	c := newCluster(t, 2)
	sites := []*site{c.newSite(t, nil, nil), c.newSite(t, nil, nil)}
	b := newBrowser(t)
	b.set(sites[0], "a", "1")
	var mu sync.Mutex
	fresh := map[string]bool{}
	var wg sync.WaitGroup
	for i := range 20 {
		wg.Go(func() {
			tab := *b
			a, err := tab.try("POST", sites[i%2].url+"/renew")
			if err != nil || a.status != http.StatusOK {
				t.Errorf("renew %d: status %d, %v", i, a.status, err)
			}
			if tab.id != b.id {
				mu.Lock()
				fresh[tab.id] = true
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	if len(fresh) != 1 {
		t.Fatalf("%d new ids, want 1", len(fresh))
	}
	for id := range fresh {
		b.id = id
	}
	b.want(sites[1], "a", "1")
}

func TestTooLarge(t *testing.T) {
	t.Parallel()
	s := newCluster(t, 2).newSite(t, func(c *manager.Config) { c.MaxSessionSize = 1000 }, nil)
	b := newBrowser(t)
	b.set(s, "a", "1")
	a := b.do("POST", s.url+"/set?big="+strings.Repeat("x", 1000), "Accept", "application/json")
	if a.status != http.StatusRequestEntityTooLarge || !strings.Contains(a.body, "urn:msmd:problem:session-too-large") {
		t.Errorf("status %d, body %q, want 413 and the problem", a.status, a.body)
	}
	b.want(s, "a", "1")
	b.want(s, "big", "")
}

// TestTooManyAttributes: patches that together pass the limit are refused, or
// the session could never be read again.
func TestTooManyAttributes(t *testing.T) {
	t.Parallel()
	s := newCluster(t, 2).newSite(t, nil, map[string]http.HandlerFunc{"/many": func(_ http.ResponseWriter, r *http.Request) {
		for i := range 6000 {
			if err := manager.FromContext(r.Context()).Set(fmt.Sprint(r.URL.RawQuery, i), true); err != nil {
				t.Error(err)
			}
		}
	}})
	b := newBrowser(t)
	if a := b.do("POST", s.url+"/many?a"); a.status != http.StatusOK {
		t.Errorf("6,000 attributes: status %d, want 200", a.status)
	}
	if a := b.do("POST", s.url+"/many?b"); a.status != http.StatusRequestEntityTooLarge {
		t.Errorf("12,000 attributes: status %d, want 413", a.status)
	}
	if a := b.do("GET", s.url+"/state"); a.body != "ok" {
		t.Errorf("then the state is %q, want ok", a.body)
	}
}

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	if _, err := manager.New(manager.Config{}); err == nil {
		t.Error("New without nodes: no error")
	}
	c := newCluster(t, 1)
	pool := c.newSite(t, nil, nil).pool
	for name, cfg := range map[string]manager.Config{
		"idle":   {Nodes: pool, Idle: 1500e6},
		"prefix": {Nodes: pool, KeyPrefix: "a b"},
		"cookie": {Nodes: pool, Cookie: manager.Cookie{Name: "a b"}},
		"host":   {Nodes: pool, Cookie: manager.Cookie{Name: "__Host-a", Domain: "example.org"}},
	} {
		if _, err := manager.New(cfg); err == nil {
			t.Errorf("New with a bad %s: no error", name)
		}
	}
}
