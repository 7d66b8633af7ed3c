//go:build faults

package faults

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/msmd/msmd/internal/relay"
	"github.com/msmd/msmd/pkg/manager"
)

// TestSteps meets loading and storing, at the home and at the copy, with each
// thing that a network can do to the request or its answer. The change that
// meets it is acknowledged all the same, applied once, seen by another msmd at
// once, and neither it nor what arrives late overwrites that msmd's change.
func TestSteps(t *testing.T) {
	needReal(t)
	t.Parallel()
	d := newDuo(t)
	for _, mode := range []struct {
		name string
		b    relay.Behaviour
	}{
		{"hold", relay.Hold()},
		{"drop", relay.Drop()},
		{"reset", relay.Reset(0)},
		{"reset in the middle", relay.Reset(10)},
		{"delay, just under the timeout", relay.Delay(stepTimeout * 6 / 10)},
		{"delay, just over the timeout", relay.Delay(stepTimeout * 12 / 10)},
		{"throttle", relay.Throttle(100)},
	} {
		for role, roleName := range []string{"home", "copy"} {
			for _, when := range []string{"load", "commit"} {
				for way, wayName := range []string{"requests", "answers"} {
					name := strings.Join([]string{mode.name, roleName, when, wayName}, "/")
					t.Run(name, func(t *testing.T) {
						t.Parallel()
						up, down := mode.b, relay.Pass()
						if way == 1 {
							up, down = down, up
						}
						steady(t, d, func(s *crossing) {
							s.meet(when, s.fault(role, up, down))
							s.relays[s.order[role]].Pass()
							s.wantBoth(3, "a b c")
						})
					})
				}
			}
		}
	}
}

// meet changes the session while the fault is there from the load or from the
// commit on, and then, at the other site, again.
func (s *crossing) meet(when string, fault func()) {
	s.t.Helper()
	if when == "load" {
		fault()
	} else {
		s.through.inside.Store(&fault)
	}
	began := time.Now()
	s.through.set(s.id, "b", "a")
	if took, most := time.Since(began), 8*stepTimeout; took > most {
		s.t.Errorf("the change took %v, want at most %v", took, most)
	}
	s.direct.want(s.id, "a b")
	s.direct.set(s.id, "c", "a b")
}

// TestDelayUnderTheTimeout: a node that is only slow is used like any other.
func TestDelayUnderTheTimeout(t *testing.T) {
	needReal(t)
	t.Parallel()
	steady(t, newDuo(t), func(s *crossing) {
		for role := range s.order {
			s.relays[s.order[role]].Set(relay.Pass(), relay.Delay(stepTimeout/5))
		}
		s.through.set(s.id, "b", "a")
		s.direct.want(s.id, "a b")
		for _, n := range s.through.pool.Nodes() {
			if got := n.Stats().Timeouts.Load(); got != 0 || !n.Up() {
				s.t.Errorf("%s: %d timeouts, up %t; want 0, true", n.ID(), got, n.Up())
			}
		}
		s.wantBoth(2, "a b")
	})
}

// TestLargeSession stores 300 KB over a line that takes longer for it than the
// timeout, to the home or to the copy, and over one that does not.
func TestLargeSession(t *testing.T) {
	needReal(t)
	t.Parallel()
	d := newDuo(t)
	large := "?a=" + strings.Repeat("x", 300<<10)
	for name, tt := range map[string]struct {
		role      int
		perSecond int
	}{
		"home too slow": {0, 200 << 10},
		"copy too slow": {1, 200 << 10},
		"fast enough":   {0, 16 << 20},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			steady(t, d, func(s *crossing) {
				s.fault(tt.role, relay.Throttle(tt.perSecond), relay.Throttle(tt.perSecond))()
				s.through.send(s.id, http.MethodPost, large, nil)
				s.direct.set(s.id, "b", "a")
				s.through.want(s.id, "a b")
				s.relays[s.order[tt.role]].Pass()
				s.wantBoth(3, "a b")
			})
		})
	}
}

// TestLateChange holds a change on its way to both nodes, which is therefore
// not acknowledged, and lets it go after another msmd's: it may come too late,
// but must not win.
func TestLateChange(t *testing.T) {
	needReal(t)
	t.Parallel()
	steady(t, newDuo(t), func(s *crossing) {
		home, backup := s.fault(0, relay.Hold(), relay.Pass()), s.fault(1, relay.Hold(), relay.Pass())
		hold := func() {
			home()
			backup()
		}
		s.through.inside.Store(&hold)
		if status := s.through.status(s.id, "?late=1"); status != http.StatusServiceUnavailable {
			s.t.Errorf("a change that reaches no node: %d, want 503", status)
		}
		s.direct.set(s.id, "c", "a")
		for _, r := range s.relays {
			r.Pass()
		}
		s.wantBoth(2, "a c")
	})
}

// status posts and returns the answer's status.
func (s *site) status(id, query string) int {
	s.t.Helper()
	req, err := http.NewRequest(http.MethodPost, s.url+"/"+query, nil)
	if err != nil {
		s.t.Fatal(err)
	}
	req.Header.Set("Cookie", manager.DefaultCookieName+"="+id)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		s.t.Fatal(err)
	}
	_ = res.Body.Close()
	return res.StatusCode
}
