package e2e

import (
	"encoding/json"
	"net/http"
	"testing"
	"time"
)

// slowAnswer is what no answer may take, however busy the machine is. On a quiet
// one the slowest takes about operationTimeout.
const slowAnswer = 5 * time.Second

// nodeState is what /nodes of the admin listener says.
type nodeState struct {
	ID string
	Up bool
}

// nodesUp reports whether the msmd at the admin address sees all nodes up.
func (w *world) nodesUp(admin string) bool {
	w.t.Helper()
	res, err := http.Get(admin + "/nodes")
	if err != nil {
		w.t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	var nodes []nodeState
	if err := json.NewDecoder(res.Body).Decode(&nodes); err != nil || len(nodes) == 0 {
		w.t.Fatalf("GET /nodes: %s, %v", res.Status, err)
	}
	for _, n := range nodes {
		if !n.Up {
			return false
		}
	}
	return true
}

// waitNodesUp visits the site, which must go on working, until all its msmds
// see all nodes up.
func (s *site) waitNodesUp(visit func()) {
	s.t.Helper()
	for _, server := range s.servers {
		waitUntil(s.t, server.name+" sees all nodes up", func() bool {
			visit()
			return s.nodesUp(server.admin)
		})
	}
}

// TestHungNode hangs a node that keeps its connections: every request is
// answered in bounded time, nothing is lost, and the state that the node had
// when it hung is never seen again. It measures time, so it runs alone.
func TestHungNode(t *testing.T) {
	for _, home := range []bool{true, false} {
		name := map[bool]string{true: "home", false: "copy"}[home]
		t.Run(name, func(t *testing.T) {
			s := newSite(t)
			v := s.visitor()
			hung, healthy := s.node(v.cookie())
			if !home {
				hung, healthy = healthy, hung
			}
			v.use("before")
			hung.Pause()
			slowest := s.visitSlowNode(v)
			t.Logf("slowest answer with a hung node: %v", slowest)
			hung.Resume()
			for range 10 {
				v.check("just resumed")
			}
			s.waitNodesUp(func() { v.check("resumed") })
			v.check("all up")
			v.check("all up")
			healthy.Kill() // so the node that hung must have the newest state
			v.use("the other node killed")
			v.wantCookies("hung node, then the other killed", 2)
		})
	}
}

func (s *site) visitSlowNode(v *visitor) (slowest time.Duration) {
	s.t.Helper()
	for range 10 {
		start := time.Now()
		v.check("node hangs")
		read := time.Since(start)
		start = time.Now()
		v.set("last", start.String())
		wrote := time.Since(start)
		slowest = max(slowest, read, wrote)
		if read > slowAnswer || wrote > slowAnswer {
			s.t.Errorf("with a hung node: read took %v, change %v; want at most %v", read, wrote, slowAnswer)
		}
	}
	return slowest
}
