package nodes_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"math"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/msmd/msmd/pkg/nodes"
)

// network is a network of two nodes, "up:1", which always answers "END", and
// "odd:1", which does as the test says. It is in memory, so that the time of a
// synctest bubble goes with it.
type network struct {
	refuse, hang atomic.Bool
	mu           sync.Mutex // guards dials and servers
	dials        []time.Time
	servers      sync.WaitGroup
}

func (w *network) dial(_ context.Context, _, addr string) (net.Conn, error) {
	odd := addr == "odd:1"
	if odd {
		w.mu.Lock()
		w.dials = append(w.dials, time.Now())
		w.mu.Unlock()
		if w.refuse.Load() {
			return nil, &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}
		}
	}
	client, server := net.Pipe()
	w.servers.Go(func() { w.serve(server, odd) })
	return client, nil
}

func (w *network) serve(c net.Conn, odd bool) {
	defer c.Close()
	buf := make([]byte, 1024)
	for {
		n, err := c.Read(buf)
		if err != nil {
			return
		}
		answer := "END\r\n"
		if strings.HasPrefix(string(buf[:n]), "version") {
			answer = "VERSION 1\r\n"
		}
		if odd && w.hang.Load() {
			continue
		}
		if _, err := c.Write([]byte(answer)); err != nil {
			return
		}
	}
}

// takeDials returns when the odd node was dialed, as the time since start.
func (w *network) takeDials(start time.Time) []time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	var since []time.Duration
	for _, at := range w.dials {
		since = append(since, at.Sub(start))
	}
	w.dials = nil
	return since
}

// bubble runs f in a synctest bubble with a pool of both nodes, n1 being up
// and n2 odd.
func bubble(t *testing.T, cfg nodes.Config, f func(t *testing.T, w *network, pool *nodes.Pool)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := &network{}
		cfg.Dial = w.dial
		cfg.Nodes = []nodes.Spec{{ID: "n1", Addr: "up:1"}, {ID: "n2", Addr: "odd:1"}}
		pool, err := nodes.Open(cfg)
		if err != nil {
			t.Fatal(err)
		}
		f(t, w, pool)
		pool.Close()
		pool.Close() // safe twice
		w.servers.Wait()
	})
}

// advance lets time pass in the bubble.
func advance(d time.Duration) {
	<-time.After(d)
	synctest.Wait()
}

// timed returns how long f took.
func timed(f func() error) (time.Duration, error) {
	start := time.Now()
	err := f()
	return time.Since(start), err
}

func TestProbesOfANodeThatIsDown(t *testing.T) {
	var log bytes.Buffer
	cfg := nodes.Config{Logger: slog.New(slog.NewTextHandler(&log, nil))}
	bubble(t, cfg, func(t *testing.T, w *network, pool *nodes.Pool) {
		start := time.Now()
		w.refuse.Store(true)
		n := pool.Node("n2")
		advance(time.Minute)
		up, since, cause := n.State()
		if up || n.Up() || !since.Equal(start) || !errors.Is(cause, syscall.ECONNREFUSED) {
			t.Errorf("State = %v, %v, %v; want down since the first check at %v, refused", up, since, cause, start)
		}
		dials := w.takeDials(start)
		if len(dials) < 8 || dials[0] != 0 {
			t.Fatalf("probes at %v, want one at once and more later", dials)
		}
		for i := range dials[1:] {
			gap := (dials[i+1] - dials[i]).Seconds()
			want := min(0.5*math.Pow(1.5, float64(i)), 10)
			if gap < 0.8*want-1e-6 || gap > 1.2*want+1e-6 {
				t.Errorf("probe %d came %.3f s after the one before, want %.3f within 20 %%", i, gap, want)
			}
		}
		if took, err := timed(func() error { return get(n) }); !errors.Is(err, nodes.ErrDown) || took != 0 {
			t.Errorf("get from a node that is down: %v after %v, want ErrDown at once", err, took)
		}
		w.refuse.Store(false)
		advance(12 * time.Second) // the longest delay, with jitter
		if up, since, cause := n.State(); !up || since.Equal(start) || cause != nil {
			t.Errorf("State = %v, %v, %v after the node came back", up, since, cause)
		}
		if err := get(n); !errors.Is(err, nodes.ErrNotFound) {
			t.Errorf("get after the node came back: %v", err)
		}
		if got := n.Stats().Opened.Load(); got != 1 {
			t.Errorf("Opened = %d, want 1", got)
		}
	})
	if down, up := strings.Count(log.String(), "node down"), strings.Count(log.String(), "up again"); down != 1 || up != 1 {
		t.Errorf("logged down %d times, up %d times; want once each\n%s", down, up, &log)
	}
}

func TestHungNodeOpensAfterThreeTimeouts(t *testing.T) {
	bubble(t, nodes.Config{}, func(t *testing.T, w *network, pool *nodes.Pool) {
		synctest.Wait() // the first check
		w.hang.Store(true)
		n := pool.Node("n2")
		for i := range 3 {
			if !n.Up() {
				t.Fatalf("down after %d timeouts", i)
			}
			if took, err := timed(func() error { return get(n) }); !errors.Is(err, nodes.ErrTimeout) || took != nodes.DefaultOperationTimeout {
				t.Errorf("get %d: %v after %v, want ErrTimeout after %v", i, err, took, nodes.DefaultOperationTimeout)
			}
		}
		for _, op := range []func(*nodes.Node) error{get, add, cas} {
			if took, err := timed(func() error { return op(n) }); !errors.Is(err, nodes.ErrDown) || took != 0 {
				t.Errorf("then: %v after %v, want ErrDown at once", err, took)
			}
		}
		if st := n.Stats(); st.Timeouts.Load() != 3 || st.Skipped.Load() != 3 || st.Opened.Load() != 1 {
			t.Errorf("Timeouts %d, Skipped %d, Opened %d; want 3, 3, 1", st.Timeouts.Load(), st.Skipped.Load(), st.Opened.Load())
		}
		if err := get(pool.Node("n1")); !errors.Is(err, nodes.ErrNotFound) || !pool.Node("n1").Up() {
			t.Errorf("the other node: %v", err)
		}
		w.hang.Store(false)
		advance(2 * time.Second)
		if !n.Up() {
			t.Error("still down 2 s after the node answers again")
		}
	})
}

// TestIdleNodeIsChecked: an msmd without traffic learns that a node is gone.
func TestIdleNodeIsChecked(t *testing.T) {
	bubble(t, nodes.Config{}, func(t *testing.T, w *network, pool *nodes.Pool) {
		advance(time.Minute)
		if st := pool.Node("n2").Stats(); !pool.Node("n2").Up() || st.Timeouts.Load() != 0 {
			t.Error("a node that answers is taken for down")
		}
		w.hang.Store(true)
		advance(10 * time.Second)
		if pool.Node("n2").Up() {
			t.Error("a hung node is still up after 10 s without requests")
		}
		if !pool.Node("n1").Up() {
			t.Error("the other node went down with it")
		}
	})
}

// TestWaitForASlot: with all connections of a node busy, others wait their
// operation timeout and no longer, or until their context ends.
func TestWaitForASlot(t *testing.T) {
	cfg := nodes.Config{MaxConns: 2, OperationTimeout: time.Second}
	bubble(t, cfg, func(t *testing.T, w *network, pool *nodes.Pool) {
		synctest.Wait()
		w.hang.Store(true)
		n := pool.Node("n2")
		var wg sync.WaitGroup
		for range 2 {
			wg.Go(func() { _ = get(n) })
		}
		synctest.Wait()
		ctx, cancel := context.WithTimeout(context.Background(), 300*time.Millisecond)
		defer cancel()
		took, err := timed(func() error { return n.Add(ctx, "a", nil, 0) })
		if !errors.Is(err, nodes.ErrTimeout) || !errors.Is(err, context.DeadlineExceeded) || took != 300*time.Millisecond {
			t.Errorf("with a context of 300 ms: %v after %v", err, took)
		}
		if took, err = timed(func() error { return n.Add(ctx, "a", nil, 0) }); !errors.Is(err, nodes.ErrTimeout) || took != 0 {
			t.Errorf("with a context that has ended: %v after %v", err, took)
		}
		if got := n.Stats().Timeouts.Load(); got != 0 {
			t.Errorf("Timeouts = %d: waiting for a slot says nothing about the node", got)
		}
		wg.Wait()
		w.hang.Store(false)
	})
}

// TestAllDownIsFailOpen: with every node down each is asked again, since
// asking costs less than refusing everybody.
func TestAllDownIsFailOpen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &network{}
		w.refuse.Store(true)
		pool, err := nodes.Open(nodes.Config{Nodes: []nodes.Spec{{Addr: "odd:1"}}, Dial: w.dial})
		if err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		n := pool.Node("")
		if n.Up() {
			t.Fatal("up after a refused check")
		}
		if err := get(n); !errors.Is(err, syscall.ECONNREFUSED) {
			t.Errorf("get: %v, want the refusal of a new connection", err)
		}
		w.refuse.Store(false)
		if err := get(n); !errors.Is(err, nodes.ErrNotFound) {
			t.Errorf("get: %v, want the node's answer before any probe", err)
		}
		if st := n.Stats(); st.Skipped.Load() != 0 {
			t.Errorf("Skipped = %d, want 0", st.Skipped.Load())
		}
		pool.Close()
		w.servers.Wait()
	})
}
