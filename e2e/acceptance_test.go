package e2e

import (
	"testing"

	"github.com/msmd/msmd/internal/memcached/memcachedtest"
)

// seed004 is what the tutorial's Manager element has beyond the smallest
// configuration, pasted unchanged.
var seed004 = []string{
	`className: "de.javakaffee.web.msm.MemcachedBackupSessionManager"`,
	`failoverNodes: "n2"`,
	`transcoderFactoryClass: "de.javakaffee.web.msm.serializer.javolution.JavolutionTranscoderFactory"`,
}

// TestAcceptance is the run that a new user does: kill what answered, refresh,
// and find everything there, at every step.
func TestAcceptance(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name      string
		lines     []string
		homeFirst bool
	}{
		{"smallest, home dies first", nil, true},
		{"smallest, copy dies first", nil, false},
		{"seed 004, home dies first", seed004, true},
		{"seed 004, copy dies first", seed004, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, tt.lines...)
			v := s.visitor()
			if _, other := s.node(v.cookie()); tt.lines != nil && other != s.nodes[1] {
				t.Errorf("the session lives on n2, which is a failover node")
			}
			s.killAnsweringApp(v)
			s.roundRobin(v)
			first, second := s.node(v.cookie())
			if !tt.homeFirst {
				first, second = second, first
			}
			s.killNodes(v, first, second)
		})
	}
}

// killAnsweringApp is seed 003's test: set an attribute, stop the app that
// answered, refresh.
func (s *site) killAnsweringApp(v *visitor) {
	s.t.Helper()
	v.set("seed 003", "kept")
	answered := v.check("before the app dies").App
	victim := s.apps[0]
	if answered == "app2" {
		victim = s.apps[1]
	}
	victim.kill()
	for range 6 {
		if r := v.check("after the app died"); r.App == answered {
			s.t.Fatalf("%s answers after kill -9", answered)
		}
	}
	v.use("without " + answered)
	victim.restart()
	waitUntil(s.t, answered+" answers again at both msmds", func() bool {
		first, second := v.check("app back").App, v.check("app back").App // one msmd each
		return first == answered && second == answered
	})
	v.wantCookies("death of an app", 0)
}

// roundRobin is seed 004's test: round robin over the apps, and the msmds; the
// id does not change.
func (s *site) roundRobin(v *visitor) {
	s.t.Helper()
	id, answers := v.cookie(), map[string]int{}
	for range 100 {
		answers[v.check("round robin").App]++
	}
	if answers["app1"] < 30 || answers["app2"] < 30 {
		s.t.Errorf("of 100 requests the apps got %v, want about half each", answers)
	}
	if got := v.cookie(); got != id {
		s.t.Errorf("the id changed within 100 requests")
	}
	if v.given != 1 {
		s.t.Errorf("%d Set-Cookie up to here, want exactly one", v.given)
	}
}

// killNodes kills one node, brings it back empty, and kills the other.
func (s *site) killNodes(v *visitor, first, second *memcachedtest.Node) {
	s.t.Helper()
	first.Kill()
	v.use("first node killed")
	v.wantCookies("first node killed", 1)
	first.Restart()
	s.waitNodesUp(func() { v.check("first node empty") })
	v.check("first node repaired")
	v.check("first node repaired")
	if items := s.items(); items[0] == 0 || items[1] == 0 {
		s.t.Errorf("items %v after a read at each msmd, want the session on both nodes", items)
	}
	v.wantCookies("first node back", 1)
	second.Kill()
	v.use("second node killed")
	v.wantCookies("second node killed", 1)
	second.Restart()
	v.use("second node empty")
}

// TestSecondNodeDiesEarly kills the second node while msmd does not know yet
// that the first is well again. The request that finds this out has not asked
// the first node; now that all are down, all are to be asked.
func TestSecondNodeDiesEarly(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name        string
		fall, arise func(n *memcachedtest.Node)
		findsOut    int // requests until msmd takes the node for down
	}{
		{"killed", (*memcachedtest.Node).Kill, (*memcachedtest.Node).Restart, 2},
		{"hung", (*memcachedtest.Node).Pause, (*memcachedtest.Node).Resume, 4},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t)
			v := s.visitor()
			first, second := s.node(v.cookie())
			behind, ahead := newVisitorAt(v, 0), newVisitorAt(v, 1)
			tt.fall(first)
			for range tt.findsOut {
				behind.check("first node " + tt.name)
			}
			tt.arise(first)
			ahead.check("first node back") // and repaired
			second.Kill()
			behind.check("second node killed, the first not yet known to be back")
			behind.use("second node killed")
		})
	}
}
