//go:build faults

package faults

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/msmd/msmd/internal/memcached/memcachedtest"
	"github.com/msmd/msmd/internal/relay"
	"github.com/msmd/msmd/pkg/manager"
	"github.com/msmd/msmd/pkg/nodes"
	"github.com/msmd/msmd/pkg/sessionid"
)

const (
	nodeCount = 3
	idle      = "120s" // so that the tombstones of a long run do not fill the nodes

	// maxConns is maxNodeConnections. With it, and what the test itself opens,
	// a node never has more connections.
	maxConns = 32
)

// world is the processes of a run. Each msmd reaches each node through a relay
// of its own.
type world struct {
	t      testing.TB
	opt    options
	nodes  []*memcachedtest.Node
	raws   []*raw
	specs  []nodes.Spec
	relays [][]*relay.Relay // by msmd, by node
	msmds  []*server
	app    *process
}

// server is an msmd that may be killed and started again on its address.
type server struct {
	process *process
	file    string // of its configuration
	addr    string
	admin   string
}

// needReal skips a test where memcached is only imitated: what a real one does
// when it is killed, stopped or full is the point.
func needReal(t testing.TB) {
	t.Helper()
	backend, reason, err := memcachedtest.Backend()
	switch {
	case err != nil:
		t.Fatal(err)
	case backend != memcachedtest.InProcess:
	case os.Getenv("MSMD_TEST_REQUIRE_REAL") != "":
		t.Fatalf("faults need a real memcached; there is %s", reason)
	default:
		t.Skipf("faults need a real memcached; there is %s", reason)
	}
}

// newWorld starts everything. It is stopped when the test ends.
func newWorld(t testing.TB, opt options) *world {
	t.Helper()
	w := &world{t: t, opt: opt, nodes: memcachedtest.StartN(t, nodeCount, "-M", "-m", "8")}
	for i, n := range w.nodes {
		w.specs = append(w.specs, nodes.Spec{ID: fmt.Sprintf("n%d", i+1), Addr: n.Addr()})
		w.raws = append(w.raws, &raw{addr: n.Addr()})
		t.Cleanup(w.raws[i].close)
	}
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	if w.app, err = startProcess("app", []string{appVariable + "=1"}, exe); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.app.stop(t) })
	app, err := w.app.find(`app on (http://\S+)`)
	if err != nil {
		t.Fatal(err)
	}
	for i := range opt.msmds {
		w.addMsmd(i, app)
	}
	if err := w.awaitUp(); err != nil {
		t.Fatal(err)
	}
	return w
}

// addMsmd makes the relays and the configuration of an msmd and starts it.
func (w *world) addMsmd(i int, app string) {
	w.t.Helper()
	var list []string
	var relays []*relay.Relay
	for _, spec := range w.specs {
		r, err := relay.New(spec.Addr)
		if err != nil {
			w.t.Fatal(err)
		}
		w.t.Cleanup(r.Close)
		relays = append(relays, r)
		list = append(list, spec.ID+":"+r.Addr())
	}
	w.relays = append(w.relays, relays)
	s := &server{addr: freeAddr(w.t), admin: freeAddr(w.t)}
	s.file = filepath.Join(w.t.TempDir(), fmt.Sprintf("msmd%d.yaml", i+1))
	text := fmt.Sprintf("listen: %s\nadminListen: %s\nmemcachedNodes: %s\napps: [app=%s]\noperationTimeout: %v\nrotateGrace: %v\n"+
		"maxInactiveInterval: %s\nmaxNodeConnections: %d\nlogFormat: json\n%s\n",
		s.addr, s.admin, strings.Join(list, ","), app, w.opt.timeout, w.opt.grace, idle, maxConns, w.opt.config)
	if err := os.WriteFile(s.file, []byte(text), 0o600); err != nil {
		w.t.Fatal(err)
	}
	w.msmds = append(w.msmds, s)
	if err := w.startMsmd(i); err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { s.process.stop(w.t) })
}

// startMsmd starts msmd i, for the first time or after it was killed, and
// returns when it serves.
func (w *world) startMsmd(i int) error {
	s := w.msmds[i]
	p, err := startProcess(fmt.Sprintf("msmd%d", i+1), nil, w.opt.binary, "serve", "--config", s.file)
	if err != nil {
		return err
	}
	s.process = p
	_, err = p.find(`"msg":"(msmd serves)"`)
	return err
}

// freeAddr returns an address that was free a moment ago.
func freeAddr(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().String()
}

// pair returns the indices of a session's home and copy.
func (w *world) pair(base string) (home, backup int) {
	order := nodes.Rank(base, w.specs)
	return order[0], order[1]
}

// key returns the storage key of an id's base, and the fingerprint of its
// record.
func key(base string) (string, uint64) {
	return sessionid.ID{Base: base}.Key(manager.DefaultKeyPrefix)
}

// nodeState is what msmd's /nodes says of a node.
type nodeState struct {
	ID    string
	Up    bool
	Stats map[string]int
}

// states asks msmd i for the states of its nodes.
func (w *world) states(i int) ([]nodeState, error) {
	var list []nodeState
	err := getJSON("http://"+w.msmds[i].admin+"/nodes", &list)
	return list, err
}

// awaitUp waits until every msmd sees every node up.
func (w *world) awaitUp() error {
	return waitUntil("all msmds see all nodes up", func() bool {
		for i := range w.msmds {
			list, err := w.states(i)
			if err != nil || len(list) != len(w.nodes) {
				return false
			}
			for _, n := range list {
				if !n.Up {
					return false
				}
			}
		}
		return true
	})
}
