package nodes_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/msmd/msmd/internal/memcached/memcachedtest"
	"github.com/msmd/msmd/pkg/nodes"
)

// mustGet returns what is stored under key, and ends the test if nothing is.
func mustGet(t *testing.T, n *nodes.Node, key string) (string, uint64) {
	t.Helper()
	value, cas, err := n.Get(context.Background(), key)
	if err != nil {
		t.Fatal(err)
	}
	return string(value), cas
}

func check(t *testing.T, what string, got, want error) {
	t.Helper()
	if !errors.Is(got, want) {
		t.Errorf("%s: error %v, want %v", what, got, want)
	}
}

func TestGetAddCAS(t *testing.T) {
	ctx := context.Background()
	n := open(t, nodes.Config{OperationTimeout: 5 * time.Second}, memcachedtest.Start(t).Addr()).Node("n1")
	_, _, err := n.Get(ctx, "k")
	check(t, "get of nothing", err, nodes.ErrNotFound)
	check(t, "cas of nothing", n.CAS(ctx, "k", []byte("x"), 1, 0), nodes.ErrNotFound)
	check(t, "add", n.Add(ctx, "k", []byte("one\r\nEND\r\n\x00"), 100), nil)
	value, first := mustGet(t, n, "k")
	if value != "one\r\nEND\r\n\x00" || first == 0 {
		t.Errorf("get = %q, %d", value, first)
	}
	check(t, "second add", n.Add(ctx, "k", []byte("two"), 100), nodes.ErrConflict)
	check(t, "cas", n.CAS(ctx, "k", []byte("three"), first, 100), nil)
	value, second := mustGet(t, n, "k")
	if value != "three" || second == first {
		t.Errorf("get = %q, %d; want three and another number than %d", value, second, first)
	}
	check(t, "cas with the old number", n.CAS(ctx, "k", []byte("lost"), first, 100), nodes.ErrConflict)
	if value, number := mustGet(t, n, "k"); value != "three" || number != second {
		t.Errorf("get = %q, %d after a refused cas; want three, %d", value, number, second)
	}
	check(t, "empty value", n.Add(ctx, "empty", nil, 100), nil)
	if value, _ := mustGet(t, n, "empty"); value != "" {
		t.Errorf("get = %q, want nothing", value)
	}
	check(t, "cas that expires at once", n.CAS(ctx, "k", []byte("x"), second, nodes.Expiry(0, time.Now())), nil)
	_, _, err = n.Get(ctx, "k")
	check(t, "get of what expired", err, nodes.ErrNotFound)
	check(t, "31 days", n.Add(ctx, "long", []byte("x"), nodes.Expiry(31*24*time.Hour, time.Now())), nil)
	mustGet(t, n, "long")

	st := n.Stats()
	got := fmt.Sprint(st.Gets.Load(), st.Adds.Load(), st.CASes.Load(), st.Misses.Load(), st.Conflicts.Load(), st.Refused.Load())
	if want := "7 4 4 3 2 0"; got != want {
		t.Errorf("gets, adds, cases, misses, conflicts, refused = %s, want %s", got, want)
	}
}

// TestParallelAddAndCAS: of many writers at once exactly one wins.
func TestParallelAddAndCAS(t *testing.T) {
	ctx := context.Background()
	n := open(t, nodes.Config{OperationTimeout: 10 * time.Second}, memcachedtest.Start(t).Addr()).Node("n1")
	wins := func(op func(value []byte) error) int {
		var mu sync.Mutex // guards won
		var won int
		var wg sync.WaitGroup
		for i := range 50 {
			wg.Go(func() {
				err := op(fmt.Appendf(nil, "%d", i))
				if err != nil && !errors.Is(err, nodes.ErrConflict) {
					t.Error(err)
				}
				if err == nil {
					mu.Lock()
					won++
					mu.Unlock()
				}
			})
		}
		wg.Wait()
		return won
	}
	if won := wins(func(v []byte) error { return n.Add(ctx, "k", v, 0) }); won != 1 {
		t.Errorf("%d adds won, want 1", won)
	}
	_, number := mustGet(t, n, "k")
	if won := wins(func(v []byte) error { return n.CAS(ctx, "k", v, number, 0) }); won != 1 {
		t.Errorf("%d cas won, want 1", won)
	}
}

func TestTooLargeKeepsTheOldValue(t *testing.T) {
	ctx := context.Background()
	n := open(t, nodes.Config{OperationTimeout: 5 * time.Second}, memcachedtest.Start(t).Addr()).Node("n1")
	check(t, "add", n.Add(ctx, "k", []byte("old"), 0), nil)
	_, number := mustGet(t, n, "k")
	large := bytes.Repeat([]byte("x"), 1<<20+1)
	check(t, "cas of 1 MiB and a byte", n.CAS(ctx, "k", large, number, 0), nodes.ErrTooLarge)
	check(t, "cas of 8 MiB", n.CAS(ctx, "k", bytes.Repeat(large, 8), number, 0), nodes.ErrTooLarge)
	check(t, "add of 1 MiB and a byte", n.Add(ctx, "other", large, 0), nodes.ErrTooLarge)
	if value, again := mustGet(t, n, "k"); value != "old" || again != number {
		t.Errorf("get = %q, %d after refused writes; want old, %d", value, again, number)
	}
	if st := n.Stats(); st.Refused.Load() != 3 || !n.Up() {
		t.Errorf("Refused = %d, Up %v; want 3 answers of a node that is up", st.Refused.Load(), n.Up())
	}
}

func TestNoMemoryKeepsTheOldValue(t *testing.T) {
	ctx := context.Background()
	n := open(t, nodes.Config{OperationTimeout: 5 * time.Second}, memcachedtest.Start(t, "-M", "-m", "2").Addr()).Node("n1")
	check(t, "add", n.Add(ctx, "k", []byte("old"), 0), nil)
	_, number := mustGet(t, n, "k")
	value := bytes.Repeat([]byte("x"), 100_000)
	var err error
	for i := 0; err == nil; i++ {
		if err = n.Add(ctx, fmt.Sprint("fill", i), value, 0); i > 1000 {
			t.Fatal("100 MB went into a node of 2 MB")
		}
	}
	check(t, "add to a full node", err, nodes.ErrNoMemory)
	check(t, "cas on a full node", n.CAS(ctx, "k", value, number, 0), nodes.ErrNoMemory)
	if got, again := mustGet(t, n, "k"); got != "old" || again != number {
		t.Errorf("get = %.20q, %d after a refused cas; want old, %d", got, again, number)
	}
	if !n.Up() {
		t.Error("a full node is taken for down")
	}
}

// TestOrder: the nodes come in the order of Rank.
func TestOrder(t *testing.T) {
	pool := open(t, nodes.Config{}, "h:1", "h:2", "h:3", "h:4")
	for _, base := range bases(50) {
		var got []string
		for _, n := range pool.Order(base) {
			got = append(got, n.ID())
		}
		if want := ranked(base, cluster(4)); strings.Join(got, " ") != strings.Join(want, " ") {
			t.Errorf("Order(%s) = %v, want %v", base, got, want)
		}
	}
	if pool.Node("n5") != nil || pool.Node("n4") != pool.Nodes()[3] || pool.Nodes()[3].Spec().Addr != "h:4" {
		t.Error("Node or Nodes are not those of the list")
	}
	if _, err := nodes.Open(nodes.Config{}); err == nil {
		t.Error("Open without nodes: no error")
	}
}
