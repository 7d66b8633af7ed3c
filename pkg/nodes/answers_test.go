package nodes_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/msmd/msmd/pkg/nodes"
)

// scripted is a server that answers every line that looks like a command with
// the same text, "" being no answer at all and "close" the end of the
// connection. version gets memcached's answer.
func scripted(t *testing.T, answer string) (addr string, conns *atomic.Int32) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	conns = new(atomic.Int32)
	var wg sync.WaitGroup
	t.Cleanup(func() { ln.Close(); wg.Wait() })
	wg.Go(func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			conns.Add(1)
			wg.Go(func() { answerAll(c, answer) })
		}
	})
	return ln.Addr().String(), conns
}

func answerAll(c net.Conn, answer string) {
	defer c.Close()
	lines := bufio.NewScanner(c)
	for lines.Scan() {
		command, _, _ := strings.Cut(lines.Text(), " ")
		switch command {
		case "version":
			fmt.Fprint(c, "VERSION 1.6.0\r\n")
		case "gets", "add", "cas":
			if answer == "close" {
				return
			}
			fmt.Fprint(c, answer)
		}
	}
}

// open returns a pool of nodes n1, n2, ... at the addresses.
func open(t *testing.T, cfg nodes.Config, addrs ...string) *nodes.Pool {
	t.Helper()
	for i, addr := range addrs {
		cfg.Nodes = append(cfg.Nodes, nodes.Spec{ID: fmt.Sprintf("n%d", i+1), Addr: addr})
	}
	pool, err := nodes.Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	return pool
}

func get(n *nodes.Node) error {
	_, _, err := n.Get(context.Background(), "a")
	return err
}

func add(n *nodes.Node) error { return n.Add(context.Background(), "a", []byte("v"), 0) }
func cas(n *nodes.Node) error { return n.CAS(context.Background(), "a", []byte("v"), 1, 0) }

// kind is an answer of a memcached to an operation, and what becomes of it.
type kind struct {
	name   string
	answer string
	op     func(n *nodes.Node) error
	want   error
}

func kinds() []kind {
	return []kind{
		{"miss", "END\r\n", get, nodes.ErrNotFound},
		{"hit", "VALUE a 0 1 5\r\nx\r\nEND\r\n", get, nil},
		{"add stored", "STORED\r\n", add, nil},
		{"add refused", "NOT_STORED\r\n", add, nodes.ErrConflict},
		{"cas stored", "STORED\r\n", cas, nil},
		{"cas changed", "EXISTS\r\n", cas, nodes.ErrConflict},
		{"cas missing", "NOT_FOUND\r\n", cas, nodes.ErrNotFound},
		{"add too large", "SERVER_ERROR object too large for cache\r\n", add, nodes.ErrTooLarge},
		{"cas too large", "SERVER_ERROR object too large for cache\r\n", cas, nodes.ErrTooLarge},
		{"add no memory", "SERVER_ERROR out of memory storing object\r\n", add, nodes.ErrNoMemory},
		{"cas no memory", "SERVER_ERROR out of memory storing object\r\n", cas, nodes.ErrNoMemory},
		{"get no memory", "SERVER_ERROR out of memory writing get response\r\n", get, nodes.ErrNoMemory},
		{"unknown command", "ERROR\r\n", get, nodes.ErrBroken},
		{"client error", "CLIENT_ERROR unauthenticated\r\n", get, nodes.ErrBroken},
		{"server error", "SERVER_ERROR busy\r\n", add, nodes.ErrBroken},
		{"web server", "HTTP/1.1 400 Bad Request\r\n\r\n", get, nodes.ErrBroken},
		{"broken value", "VALUE a 0 1 5\r\nxyz\r\nEND\r\n", get, nodes.ErrBroken},
		{"broken line", "VALUE a\r\n", get, nodes.ErrBroken},
		{"negative length", "VALUE a 0 -5 5\r\n", get, nodes.ErrBroken},
		{"closed", "close", get, nodes.ErrBroken},
		{"no answer", "", get, nodes.ErrTimeout},
		{"half an answer", "VALUE a 0 100 5\r\nx", get, nodes.ErrTimeout},
	}
}

// TestKindsOfFailure goes through gomemcache's own errors.
func TestKindsOfFailure(t *testing.T) {
	for _, tt := range kinds() {
		t.Run(tt.name, func(t *testing.T) {
			addr, _ := scripted(t, tt.answer)
			cfg := nodes.Config{OperationTimeout: 10 * time.Second}
			if tt.want == nodes.ErrTimeout {
				cfg.OperationTimeout = 0
			}
			n := open(t, cfg, addr).Node("n1")
			err := tt.op(n)
			if !errors.Is(err, tt.want) {
				t.Fatalf("error %v, want %v", err, tt.want)
			}
			if err != nil && !errors.Is(err, nodes.ErrNotFound) && !errors.Is(err, nodes.ErrConflict) && !strings.Contains(err.Error(), "n1") {
				t.Errorf("error %q does not name the node", err)
			}
		})
	}
}

// TestConnectFailures has the ways in which connecting fails.
func TestConnectFailures(t *testing.T) {
	for name, tt := range map[string]struct{ dial, want error }{
		"refused":      {&net.OpError{Op: "dial", Err: errors.New("connection refused")}, nodes.ErrDown},
		"no such host": {&net.OpError{Op: "dial", Err: &net.DNSError{Err: "no such host", IsNotFound: true}}, nodes.ErrDown},
		"timeout":      {&net.OpError{Op: "dial", Err: os.ErrDeadlineExceeded}, nodes.ErrTimeout},
		"DNS timeout":  {&net.OpError{Op: "dial", Err: &net.DNSError{Err: "i/o timeout", IsTimeout: true}}, nodes.ErrTimeout},
		"deadline":     {context.DeadlineExceeded, nodes.ErrTimeout},
		"TLS":          {errors.New("tls: bad certificate"), nodes.ErrBroken},
	} {
		dial := func(context.Context, string, string) (net.Conn, error) { return nil, tt.dial }
		n := open(t, nodes.Config{Dial: dial}, "h:1").Node("n1")
		if err := get(n); !errors.Is(err, tt.want) {
			t.Errorf("%s: error %v, want %v", name, err, tt.want)
		}
	}
}

// TestAnswerForAnotherKey: memcached out of step, or a proxy's fault, must
// never show one user another's session.
func TestAnswerForAnotherKey(t *testing.T) {
	addr, conns := scripted(t, "VALUE b 0 6 5\r\nsecret\r\nEND\r\n")
	n := open(t, nodes.Config{OperationTimeout: 10 * time.Second}, addr).Node("n1")
	for i := range 5 {
		value, number, err := n.Get(context.Background(), "a")
		if !errors.Is(err, nodes.ErrBroken) || value != nil || number != 0 {
			t.Fatalf("get %d: %q, %d, %v; want ErrBroken alone", i, value, number, err)
		}
		if strings.Contains(err.Error(), "secret") {
			t.Errorf("error %q quotes the value", err)
		}
	}
	if got := conns.Load(); got < 5 {
		t.Errorf("%d connections for 5 wrong answers: one out of step was used again", got)
	}
	if got := n.Stats().WrongAnswer.Load(); got != 5 {
		t.Errorf("WrongAnswer = %d, want 5", got)
	}
}

// TestDialUnresolved: names are resolved at each connection, by the dialer.
func TestDialUnresolved(t *testing.T) {
	addr, _ := scripted(t, "close")
	var mu sync.Mutex // guards dialed
	var dialed []string
	dial := func(ctx context.Context, network, name string) (net.Conn, error) {
		mu.Lock()
		defer mu.Unlock()
		dialed = append(dialed, network+" "+name)
		return new(net.Dialer).DialContext(ctx, network, addr)
	}
	n := open(t, nodes.Config{Dial: dial}, "cache.invalid:11211").Node("n1")
	for range 3 {
		_ = get(n)
	}
	mu.Lock()
	defer mu.Unlock()
	if len(dialed) < 3 {
		t.Errorf("%d dials for 3 broken connections", len(dialed))
	}
	for _, d := range dialed {
		if d != "tcp cache.invalid:11211" {
			t.Errorf("dialed %q, want the name as it was configured", d)
		}
	}
}

// waitUntil waits for a fact, at most ten seconds.
func waitUntil(t *testing.T, what string, fact func() bool) {
	t.Helper()
	deadline := time.NewTimer(10 * time.Second)
	defer deadline.Stop()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for !fact() {
		select {
		case <-deadline.C:
			t.Fatalf("not after 10 s: %s", what)
		case <-tick.C:
		}
	}
}
