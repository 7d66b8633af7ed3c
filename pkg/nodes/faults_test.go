package nodes_test

import (
	"context"
	"errors"
	"net"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/msmd/msmd/internal/memcached/memcachedtest"
	"github.com/msmd/msmd/pkg/nodes"
)

// atMost is what one operation may cost with a node that hangs: bounded, with
// room for a busy machine. What it does cost is measured, not asserted.
const atMost = 5 * time.Second

func TestKilledNode(t *testing.T) {
	servers := memcachedtest.StartN(t, 2)
	pool := open(t, nodes.Config{OperationTimeout: 10 * time.Second}, servers[0].Addr(), servers[1].Addr())
	dead, other := pool.Node("n1"), pool.Node("n2")
	check(t, "add", add(dead), nil)
	servers[0].Kill()
	took, err := timed(func() error { return get(dead) })
	check(t, "first get", err, nodes.ErrDown)
	if took > atMost || dead.Up() {
		t.Errorf("first get took %v, Up %v; want an answer at once and the breaker open", took, dead.Up())
	}
	check(t, "add", add(dead), nodes.ErrDown)
	check(t, "cas", cas(dead), nodes.ErrDown)
	check(t, "get from the other node", get(other), nodes.ErrNotFound)
	if !other.Up() || other.Stats().Skipped.Load() != 0 {
		t.Error("the other node is affected")
	}
	servers[0].Restart()
	waitUntil(t, "a probe closes the breaker", dead.Up)
	check(t, "get from the restarted node", get(dead), nodes.ErrNotFound)
	if st := dead.Stats(); st.Opened.Load() != 1 {
		t.Errorf("Opened = %d, want 1", st.Opened.Load())
	}
}

// TestRestartCostsNoError: after a restart every pooled connection is dead.
// gomemcache would give one error for each.
func TestRestartCostsNoError(t *testing.T) {
	const idle = 20
	server := memcachedtest.Start(t)
	var dialer counter
	n := open(t, nodes.Config{OperationTimeout: 20 * time.Second, Dial: dialer.dial}, server.Addr()).Node("n1")
	parallel := func() {
		var wg sync.WaitGroup
		for range idle {
			wg.Go(func() { check(t, "get", get(n), nodes.ErrNotFound) })
		}
		wg.Wait()
	}
	server.Pause() // so that they are under way at once
	var wg sync.WaitGroup
	wg.Go(parallel)
	waitUntil(t, "all have their connection", func() bool { return dialer.open() >= idle })
	server.Resume()
	wg.Wait()
	server.Restart()
	parallel() // at once
	server.Restart()
	for range idle { // and one by one
		check(t, "get", get(n), nodes.ErrNotFound)
		check(t, "cas", cas(n), nodes.ErrNotFound)
	}
	if !n.Up() {
		t.Error("the node counts as down")
	}
}

func TestHungMemcached(t *testing.T) {
	servers := memcachedtest.StartN(t, 2)
	pool := open(t, nodes.Config{}, servers[0].Addr(), servers[1].Addr())
	hung := pool.Node("n1")
	check(t, "get", get(hung), nodes.ErrNotFound)
	servers[0].Pause()
	for i := 0; hung.Up(); i++ {
		took, err := timed(func() error { return get(hung) })
		if !errors.Is(err, nodes.ErrTimeout) || took > atMost {
			t.Fatalf("get %d: %v after %v, want ErrTimeout within %v", i, err, took, atMost)
		}
		if i >= 3 {
			t.Fatalf("the breaker is not open after %d timeouts", i+1)
		}
	}
	took, err := timed(func() error { return get(hung) })
	if !errors.Is(err, nodes.ErrDown) || took > atMost {
		t.Errorf("then: %v after %v, want ErrDown at once", err, took)
	}
	waitUntil(t, "the other node answers", func() bool { return errors.Is(get(pool.Node("n2")), nodes.ErrNotFound) })
	servers[0].Resume()
	waitUntil(t, "a probe closes the breaker", hung.Up)
	check(t, "get", get(hung), nodes.ErrNotFound)
}

// TestLateWrite: a write that timed out may land later. It must not be able to
// replace what was written after it.
func TestLateWrite(t *testing.T) {
	ctx := context.Background()
	server := memcachedtest.Start(t)
	n := open(t, nodes.Config{}, server.Addr()).Node("n1")
	check(t, "add", n.Add(ctx, "k", []byte("1"), 0), nil)
	_, number := mustGet(t, n, "k")
	server.Pause()
	check(t, "cas to a hung node", n.CAS(ctx, "k", []byte("late"), number, 0), nodes.ErrTimeout)
	server.Resume()
	waitUntil(t, "the node answers", func() bool { return errors.Is(get(n), nodes.ErrNotFound) })
	value, number := mustGet(t, n, "k")
	if value != "1" && value != "late" {
		t.Fatalf("get = %q", value)
	}
	check(t, "cas with the number of what is there", n.CAS(ctx, "k", []byte("2"), number, 0), nil)
	if value, _ := mustGet(t, n, "k"); value != "2" {
		t.Errorf("get = %q, want 2", value)
	}
}

func TestAllNodesDown(t *testing.T) {
	servers := memcachedtest.StartN(t, 2)
	pool := open(t, nodes.Config{}, servers[0].Addr(), servers[1].Addr())
	for _, s := range servers {
		s.Kill()
	}
	for _, n := range pool.Nodes() {
		waitUntil(t, n.ID()+" is down", func() bool { _ = get(n); return !n.Up() })
	}
	n := pool.Node("n1")
	skipped := n.Stats().Skipped.Load()
	servers[0].Restart()
	// Either the breaker, open with all others, lets the request through, or
	// a probe was faster and it is closed.
	check(t, "get from the node that is back", get(n), nodes.ErrNotFound)
	if got := n.Stats().Skipped.Load(); got != skipped {
		t.Errorf("%d operations skipped with every node down, want 0", got-skipped)
	}
}

// counter counts the connections that are open, to the address only if set.
type counter struct {
	only      string
	mu        sync.Mutex // guards now and most
	now, most int
}

func (d *counter) dial(ctx context.Context, network, addr string) (net.Conn, error) {
	c, err := new(net.Dialer).DialContext(ctx, network, addr)
	if err != nil || d.only != "" && addr != d.only {
		return c, err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.now++
	d.most = max(d.most, d.now)
	return &counted{Conn: c, d: d}, nil
}

func (d *counter) open() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.now
}

type counted struct {
	net.Conn
	d    *counter
	once sync.Once
}

func (c *counted) Close() error {
	c.once.Do(func() {
		c.d.mu.Lock()
		c.d.now--
		c.d.mu.Unlock()
	})
	return c.Conn.Close()
}

// TestConnectionsAreBounded: gomemcache would open one for each caller.
func TestConnectionsAreBounded(t *testing.T) {
	const maxConns, callers = 8, 200
	servers := memcachedtest.StartN(t, 2)
	hung := counter{only: servers[0].Addr()}
	n := open(t, nodes.Config{MaxConns: maxConns, Dial: hung.dial}, servers[0].Addr(), servers[1].Addr()).Node("n1")
	servers[0].Pause()
	start := time.Now()
	var wg sync.WaitGroup
	for range callers {
		wg.Go(func() {
			took, err := timed(func() error { return get(n) })
			if !errors.Is(err, nodes.ErrTimeout) && !errors.Is(err, nodes.ErrDown) {
				t.Errorf("get: %v, want ErrTimeout or ErrDown", err)
			}
			if took > 2*atMost { // at most one timeout for a slot, one for the node; and 200 goroutines to run
				t.Errorf("get took %v", took)
			}
		})
	}
	wg.Wait()
	if took := time.Since(start); took > 3*atMost {
		t.Errorf("%d callers of a hung node took %v together", callers, took)
	}
	if hung.most > maxConns+1 {
		t.Errorf("%d connections at once, want at most %d and one for the checks", hung.most, maxConns)
	}
}

func TestCloseWaits(t *testing.T) {
	server := memcachedtest.Start(t)
	var dialer counter
	pool := open(t, nodes.Config{Dial: dialer.dial}, server.Addr(), "127.0.0.1:1")
	check(t, "get", get(pool.Node("n1")), nodes.ErrNotFound)
	pool.Close()
	if stacks := goroutines(); strings.Contains(stacks, "nodes.(*Node).watch") {
		t.Errorf("watchers run after Close:\n%s", stacks)
	}
	if got := dialer.open(); got != 0 {
		t.Errorf("%d connections open after Close", got)
	}
	pool.Close() // safe twice
}

func goroutines() string {
	buf := make([]byte, 1<<20)
	return string(buf[:runtime.Stack(buf, true)])
}
