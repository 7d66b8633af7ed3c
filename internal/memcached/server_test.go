package memcached_test

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/bradfitz/gomemcache/memcache"

	"github.com/msmd/msmd/internal/memcached"
)

func TestGomemcache(t *testing.T) {
	s := startServer(t, memcached.Config{})
	c := memcache.New(s.Addr())
	t.Cleanup(func() { c.Close() })
	check := func(what string, got, want error) {
		t.Helper()
		if !errors.Is(got, want) {
			t.Errorf("%s = %v, want %v", what, got, want)
		}
	}
	check("Ping", c.Ping(), nil)
	_, err := c.Get("a")
	check("Get of nothing", err, memcache.ErrCacheMiss)
	check("Add", c.Add(&memcache.Item{Key: "a", Value: []byte("1"), Flags: 7}), nil)
	check("Add again", c.Add(&memcache.Item{Key: "a", Value: []byte("2")}), memcache.ErrNotStored)

	first, err := c.Get("a")
	check("Get", err, nil)
	second, err := c.Get("a")
	check("Get", err, nil)
	if !bytes.Equal(first.Value, []byte("1")) || first.Flags != 7 {
		t.Errorf("Get = %q flags %d, want \"1\" flags 7", first.Value, first.Flags)
	}
	first.Value = []byte("10")
	check("Touch", c.Touch("a", 100), nil)
	check("CompareAndSwap", c.CompareAndSwap(first), nil)
	check("CompareAndSwap of a stale item", c.CompareAndSwap(second), memcache.ErrCASConflict)
	n, err := c.Increment("a", 5)
	check("Increment", err, nil)
	if n != 15 {
		t.Errorf("Increment = %d, want 15", n)
	}
	n, err = c.Decrement("a", 20)
	check("Decrement", err, nil)
	if n != 0 {
		t.Errorf("Decrement = %d, want 0", n)
	}
	check("Append", c.Append(&memcache.Item{Key: "a", Value: []byte("x")}), nil)
	both, err := c.GetMulti([]string{"a", "b"})
	check("GetMulti", err, nil)
	if len(both) != 1 || string(both["a"].Value) != "0 x" {
		t.Errorf("GetMulti = %v, want a alone, \"0 x\"", both)
	}
	touched, err := c.GetAndTouch("a", 100)
	check("GetAndTouch", err, nil)
	if string(touched.Value) != "0 x" {
		t.Errorf("GetAndTouch = %q, want \"0 x\"", touched.Value)
	}
	check("Delete", c.Delete("a"), nil)
	check("Delete again", c.Delete("a"), memcache.ErrCacheMiss)
	check("Touch of nothing", c.Touch("a", 1), memcache.ErrCacheMiss)
	check("DeleteAll", c.DeleteAll(), nil)
	if got := s.Stats().Unknown; got != 0 {
		t.Errorf("Unknown = %d, want 0", got)
	}
}

func TestStopKeepsDataAndAddress(t *testing.T) {
	s := startServer(t, memcached.Config{})
	addr := s.Addr()
	nc := dial(t, addr)
	if got := exchange(t, nc, "set a 0 0 1\r\n1\r\n"); got != "STORED" {
		t.Fatalf("set = %q", got)
	}
	if err := s.Start("127.0.0.1:0"); !errors.Is(err, memcached.ErrRunning) {
		t.Errorf("Start while running = %v, want ErrRunning", err)
	}
	s.Stop()
	s.Stop()
	if s.Running() || s.Addr() != addr {
		t.Errorf("after Stop: Running = %v, Addr = %q, want false, %q", s.Running(), s.Addr(), addr)
	}
	if _, err := nc.Read(make([]byte, 1)); err == nil {
		t.Error("connection survived Stop")
	}
	if c, err := net.DialTimeout("tcp", addr, time.Second); err == nil {
		c.Close()
		t.Error("dial of a stopped server succeeded")
	}
	if err := s.Start(addr); err != nil {
		t.Fatalf("Start on the same address: %v", err)
	}
	runScript(t, target{addr: addr}, "> gets a\n< VALUE a 0 1 1\n< 1\n< END")
	s.Empty() // while running
	runScript(t, target{addr: addr}, "> get a\n< END\n> set a 0 0 1\n> 2\n< STORED\n> gets a\n< VALUE a 0 1 1\n< 2\n< END")
	if err := s.Close(); err != nil {
		t.Errorf("Close = %v", err)
	}
	if err := s.Close(); err != nil {
		t.Errorf("second Close = %v", err)
	}
}

// TestEmptyDuringSet empties the server between a command and its data: the
// reservation belongs to the store that is gone.
func TestEmptyDuringSet(t *testing.T) {
	s := startServer(t, memcached.Config{MaxBytes: 100, NoEvict: true})
	nc := dial(t, s.Addr())
	if _, err := nc.Write([]byte("set a 0 0 30\r\n")); err != nil {
		t.Fatal(err)
	}
	waitFor(t, "set received", func() bool { return s.Stats().Commands["set"] == 1 })
	s.Empty()
	if got := exchange(t, nc, "123456789012345678901234567890\r\n"); got != "STORED" {
		t.Errorf("set = %q, want STORED", got)
	}
	if got := exchange(t, nc, "set b 0 0 30\r\n123456789012345678901234567890\r\n"); got != "SERVER_ERROR out of memory storing object" {
		t.Errorf("second set = %q, want out of memory", got)
	}
}

func TestServeListenerFails(t *testing.T) {
	s := memcached.New(memcached.Config{})
	l := newPipeListener()
	served := make(chan error)
	go func() { served <- s.Serve(l) }()
	nc := l.dial()
	defer nc.Close()
	if got := exchange(t, nc, "version\r\n"); got != "VERSION "+memcached.Version {
		t.Errorf("version = %q", got)
	}
	l.Close() // someone else's close, no Stop: that is an error
	if err := <-served; !errors.Is(err, net.ErrClosed) || s.Running() {
		t.Errorf("Serve = %v, Running = %v, want net.ErrClosed, false", err, s.Running())
	}
}

func TestConcurrentClients(t *testing.T) {
	s := startServer(t, memcached.Config{MaxBytes: 20_000})
	c := memcache.New(s.Addr())
	c.Timeout = patience
	t.Cleanup(func() { c.Close() })
	if err := c.Set(&memcache.Item{Key: "n", Value: []byte("0")}); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			for i := range 100 {
				if _, err := c.Increment("n", 1); err != nil {
					t.Errorf("Increment: %v", err)
				}
				key := fmt.Sprintf("k%d-%d", g, i)
				if err := c.Set(&memcache.Item{Key: key, Value: make([]byte, 100)}); err != nil {
					t.Errorf("Set: %v", err)
				}
			}
		})
	}
	wg.Wait()
	it, err := c.Get("n")
	if err != nil || string(it.Value) != "800" {
		t.Errorf("n = %v, %v, want 800", it, err)
	}
	if got := s.Stats(); got.Evictions == 0 || got.Bytes > 20_000 || got.Unknown != 0 {
		t.Errorf("Stats = %+v, want evictions, at most 20000 bytes and nothing unknown", got)
	}
}
