package e2e

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/msmd/msmd/internal/memcached/memcachedtest"
)

// wantRefused fails the test unless a change is refused for now.
func wantRefused(t testing.TB, when string, p page) {
	t.Helper()
	if p.status != http.StatusServiceUnavailable || p.header.Get("Retry-After") == "" || p.header.Get("Set-Cookie") != "" {
		t.Errorf("%s: %d, Retry-After %q, Set-Cookie %q; want 503 with Retry-After and no cookie", when, p.status, p.header.Get("Retry-After"), p.header.Get("Set-Cookie"))
	}
}

// wantReadOnly fails the test unless the site can be read without a session
// and changes are refused, soon, and the cookie stays.
func (s *site) wantReadOnly(v *visitor, id string) {
	s.t.Helper()
	for range 2 * len(s.servers) {
		start := time.Now()
		if r := v.read(v.next()); r.State != "unavailable" {
			s.t.Errorf("no node answers: state %q, want unavailable", r.State)
		}
		html := v.send("GET", v.next(), "", "Accept", "text/html")
		if html.status != http.StatusOK || !strings.Contains(html.body, "read-only") {
			s.t.Errorf("no node answers: the page is %d and does not say read-only", html.status)
		}
		wantRefused(s.t, "no node answers, POST", v.form(v.next(), "dataName", "color", "dataValue", "red"))
		if took := time.Since(start); took > 3*time.Second {
			s.t.Errorf("no node answers: three requests took %v, want at most 1s each", took)
		}
		if v.cookie() != id {
			s.t.Errorf("no node answers: the cookie is %q now", v.cookie())
		}
	}
}

// TestAllNodesKilled: the session is really gone, but not before the nodes
// say so, and the user goes on without an error.
func TestAllNodesKilled(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	v := s.visitor()
	id := v.cookie()
	s.nodes[0].Kill()
	s.nodes[1].Kill()
	s.wantReadOnly(v, id)
	s.nodes[0].Restart()
	s.nodes[1].Restart()
	waitUntil(t, "both msmds know that the session is gone", func() bool {
		a, b := v.read(v.next()), v.read(v.next())
		return a.State == "none" && b.State == "none"
	})
	s.waitNodesUp(func() {}) // else a session may move once more
	given := v.given
	v.want = map[string]any{}
	v.first, v.version = report{}, 0
	v.set("color", "green")
	v.check("a new session")
	if v.given != given+1 || base(v.cookie()) == base(id) {
		t.Errorf("%d Set-Cookie, same id: %t; want one, with a fresh id", v.given-given, base(v.cookie()) == base(id))
	}
}

// TestAllNodesHung: the nodes come back with what they had.
func TestAllNodesHung(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	v := s.visitor()
	v.use("before")
	id := v.cookie()
	s.nodes[0].Pause()
	s.nodes[1].Pause()
	s.wantReadOnly(v, id)
	s.nodes[0].Resume()
	s.nodes[1].Resume()
	waitUntil(t, "both msmds have the session again", func() bool {
		a, b := v.read(v.next()), v.read(v.next())
		return a.State == "ok" && b.State == "ok"
	})
	v.use("resumed")
	if base(v.cookie()) != base(id) {
		t.Errorf("the id's base changed while the nodes hung")
	}
}

// TestNodesDownAtStart: msmd serves at once, and works when the nodes come up.
func TestNodesDownAtStart(t *testing.T) {
	t.Parallel()
	s := &site{world: newWorld(t), nodes: memcachedtest.StartN(t, 2)}
	s.apps = []*app{s.sampleApp("app1")}
	s.nodes[0].Kill()
	s.nodes[1].Kill()
	start := time.Now()
	s.servers = []*server{s.serve("msmd", s.config(s.apps[0].addr)...)}
	url := s.servers[0].url + "/"
	b := s.browser()
	if r := b.read(url); r.State != "none" {
		t.Errorf("no cookie: state %q, want none", r.State)
	}
	id := strings.Repeat("a", 26) + "-n1"
	returning := b.withID(url, id)
	if r := returning.read(url); r.State != "unavailable" {
		t.Errorf("with a cookie: state %q, want unavailable", r.State)
	}
	if took := time.Since(start); took > time.Second {
		t.Errorf("msmd was started and gave two answers in %v, want at most 1s", took)
	}
	wantRefused(t, "a first POST", b.form(url, "dataName", "color", "dataValue", "blue"))
	wantRefused(t, "a returning user's POST", returning.form(url, "dataName", "color", "dataValue", "blue"))
	if returning.id(url) != id {
		t.Errorf("the returning user's cookie is %q, want it kept", returning.id(url))
	}
	s.nodes[0].Restart()
	s.nodes[1].Restart()
	waitUntil(t, "changes are stored", func() bool {
		return b.form(url, "dataName", "color", "dataValue", "blue").status == http.StatusSeeOther
	})
	if r := b.read(url); r.State != "ok" || r.Attributes["color"] != "blue" || b.given != 1 {
		t.Errorf("state %q, attributes %v, %d Set-Cookie; want ok, color blue, 1", r.State, r.Attributes, b.given)
	}
}
