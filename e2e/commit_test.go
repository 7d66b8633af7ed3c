package e2e

import (
	"io"
	"net/http"
	"testing"
	"time"
)

// slowApp is the scripted app, but requests to it can be held up.
type slowApp struct {
	arrived, finish chan bool
}

// newSlowSite starts a site with an app whose answers change the session as
// their path says.
func newSlowSite(t testing.TB) (*site, *slowApp) {
	t.Helper()
	const patch, do = "Msm-Session-Patch", "Msm-Session-Do"
	answer := scripted(map[string][]string{
		"create": {patch, `{"n":1}`}, "patch": {patch, `{"n":2}`}, "replace": {"Msm-Session-Replace", `{"n":2}`},
		"rotate": {do, "rotate"}, "destroy": {do, "destroy"},
	})
	a := &slowApp{make(chan bool), make(chan bool)}
	s := newGoSite(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		if r.Header.Get("X-Wait") != "" {
			a.arrived <- true
			<-a.finish
		}
		answer(w, r)
	}, "operationTimeout: 250ms")
	return s, a
}

// during sends a request and calls event while the app works on it.
func (a *slowApp) during(b *browser, method, target string, event func()) page {
	b.t.Helper()
	done := make(chan page, 1)
	go func() {
		p, err := b.try(method, target, "", "X-Wait", "1")
		if err != nil {
			p.body = err.Error()
		}
		done <- p
	}()
	<-a.arrived
	event()
	a.finish <- true
	return <-done
}

// TestCommitFailure hangs the nodes while the app works, so that loading
// succeeds and storing fails: protocol.md 4. What was not acknowledged may
// still be stored when the nodes go on; what was there before is not lost.
func TestCommitFailure(t *testing.T) {
	t.Parallel()
	s, app := newSlowSite(t)
	url := s.servers[0].url + "/"
	for _, tt := range []struct {
		method, path string
		served       bool
	}{
		{"POST", "patch", false}, {"GET", "patch", true}, {"HEAD", "patch", true}, {"GET", "rotate", false},
		{"GET", "destroy", false}, {"GET", "replace", false}, {"DELETE", "patch", false}, {"POST", "nothing", true},
	} {
		what, b := tt.method+" "+tt.path, s.browser()
		b.send("POST", url+"create", "")
		id := b.id(url)
		p := app.during(b, tt.method, url+tt.path, func() {
			s.nodes[0].Pause()
			s.nodes[1].Pause()
		})
		s.nodes[0].Resume()
		s.nodes[1].Resume()
		wantCommitFailure(t, what, p, tt.served)
		if p.took > 2*time.Second || b.id(url) != id {
			t.Errorf("%s: took %v, cookie kept: %t; want about sessionBackupTimeout, 1s, true", what, p.took, b.id(url) == id)
		}
		s.waitNodesUp(func() {})
		if got := b.get(url).body; got != `{"n":1}` && got != `{"n":2}` && !(tt.path == "destroy" && got == "") {
			t.Errorf("%s: afterwards the session is %q", what, got)
		}
	}
}

// wantCommitFailure checks the answer to a request whose change was not stored.
func wantCommitFailure(t testing.TB, what string, p page, served bool) {
	t.Helper()
	if !served {
		wantRefused(t, what, p)
	}
	if served && p.status != http.StatusOK || served != (p.header.Get("X-App") != "") {
		t.Errorf("%s: %d %q, the app's answer: %t; want %t", what, p.status, p.body, p.header.Get("X-App") != "", served)
	}
}

// TestNodesKilledDuringRequest kills the nodes in the same place, and then
// asks an app that does not care for the session's state.
func TestNodesKilledDuringRequest(t *testing.T) {
	t.Parallel()
	s, app := newSlowSite(t)
	b, url := s.browser(), s.servers[0].url+"/"
	b.send("POST", url+"create", "")
	id := b.id(url)
	p := app.during(b, "POST", url+"patch", func() {
		s.nodes[0].Kill()
		s.nodes[1].Kill()
	})
	wantCommitFailure(t, "nodes killed during a POST", p, false)
	for _, tt := range []struct {
		method, path string
		served       bool
	}{
		{"POST", "patch", false}, {"GET", "patch", true}, {"GET", "", true}, {"GET", "rotate", false}, {"POST", "destroy", false}, {"POST", "", true},
	} {
		wantCommitFailure(t, "no nodes: "+tt.method+" /"+tt.path, b.send(tt.method, url+tt.path, ""), tt.served)
	}
	wantCommitFailure(t, "no nodes: a new user's POST", s.browser().send("POST", url+"create", ""), false)
	if b.id(url) != id {
		t.Errorf("the cookie did not stay")
	}
}

// TestSessionEndsDuringRequest: a slower request cannot bring a session back
// that was destroyed meanwhile, security.md 10.
func TestSessionEndsDuringRequest(t *testing.T) {
	t.Parallel()
	s, app := newSlowSite(t)
	b, url := s.browser(), s.servers[0].url+"/"
	b.send("POST", url+"create", "")
	id := b.id(url)
	tab := b.withID(url, id) // of the same browser, but for its cookies
	p := app.during(tab, "POST", url+"patch", func() { b.send("POST", url+"destroy", "") })
	if p.status != http.StatusOK || tab.given != 0 {
		t.Errorf("the slower request: %d, %d Set-Cookie; want 200 without", p.status, tab.given)
	}
	if got := tab.get(url).body; got != "" {
		t.Errorf("the destroyed session is %q", got)
	}
}
