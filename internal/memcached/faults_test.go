package memcached_test

import (
	"bufio"
	"errors"
	"net"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/msmd/msmd/internal/memcached"
)

// exchange sends text on nc and returns the next line.
func exchange(t *testing.T, nc net.Conn, text string) string {
	t.Helper()
	if _, err := nc.Write([]byte(text)); err != nil {
		t.Fatalf("send %q: %v", text, err)
	}
	line, err := bufio.NewReader(nc).ReadString('\n')
	if err != nil {
		t.Fatalf("receive after %q: %v", text, err)
	}
	return strings.TrimSuffix(line, "\r\n")
}

// waitFor polls fact until it holds.
func waitFor(t *testing.T, what string, fact func() bool) {
	t.Helper()
	deadline := time.After(patience)
	for !fact() {
		select {
		case <-deadline:
			t.Fatalf("still not: %s", what)
		case <-time.After(time.Millisecond):
		}
	}
}

func TestPauseKeepsCommandsOfGoneClients(t *testing.T) {
	s := startServer(t, memcached.Config{})
	old := dial(t, s.Addr())
	if got := exchange(t, old, "set a 0 0 1\r\n1\r\n"); got != "STORED" {
		t.Fatalf("set = %q, want STORED", got)
	}
	s.Pause()
	s.Pause() // twice is once
	fresh := dial(t, s.Addr())
	for _, nc := range []net.Conn{old, fresh} {
		if _, err := nc.Write([]byte("append a 0 0 1\r\n2\r\n")); err != nil {
			t.Fatal(err)
		}
		if err := nc.SetReadDeadline(time.Now().Add(20 * time.Millisecond)); err != nil {
			t.Fatal(err)
		}
		var ne net.Error
		if n, err := nc.Read(make([]byte, 1)); !errors.As(err, &ne) || !ne.Timeout() {
			t.Fatalf("paused server answered: Read = %d, %v, want a timeout", n, err)
		}
		nc.Close()
	}
	if got := s.Stats().Commands["append"]; got != 0 {
		t.Errorf("paused server executed %d appends", got)
	}
	s.Resume()
	s.Resume()
	waitFor(t, "both appends executed", func() bool { return s.Stats().CmdSet == 3 })
	runScript(t, target{addr: s.Addr()}, "> get a\n< VALUE a 0 3\n< 122\n< END")
}

func TestPauseHoldsDataBlock(t *testing.T) {
	s := startServer(t, memcached.Config{})
	nc := dial(t, s.Addr())
	if _, err := nc.Write([]byte("set a 0 0 1\r\n")); err != nil {
		t.Fatal(err)
	}
	waitFor(t, "set received", func() bool { return s.Stats().Commands["set"] == 1 })
	s.Pause()
	if _, err := nc.Write([]byte("1\r\n")); err != nil {
		t.Fatal(err)
	}
	if got := s.Stats(); got.CmdSet != 0 || got.Items != 0 {
		t.Errorf("paused server stored: %+v", got)
	}
	s.Resume()
	waitFor(t, "set executed", func() bool { return s.Stats().Items == 1 })
}

func TestStopDropsPausedCommands(t *testing.T) {
	s := startServer(t, memcached.Config{})
	s.Pause()
	nc := dial(t, s.Addr())
	if _, err := nc.Write([]byte("set a 0 0 1\r\n1\r\n")); err != nil {
		t.Fatal(err)
	}
	waitFor(t, "connection accepted", func() bool { return s.Stats().CurrConnections == 1 })
	s.Stop()
	s.Resume()
	if got := s.Stats(); got.Items != 0 || got.CurrConnections != 0 {
		t.Errorf("after Stop and Resume: %d items, %d connections, want none", got.Items, got.CurrConnections)
	}
}

func TestRefuse(t *testing.T) {
	s := startServer(t, memcached.Config{})
	tg := target{addr: s.Addr()}
	runScript(t, tg, "> set a 0 0 1\n> 1\n< STORED")
	s.Refuse("out\r\nof luck")
	for _, verb := range []string{"set", "add", "replace", "append", "prepend"} {
		runScript(t, tg, "> "+verb+" a 0 0 1\n> 2\n< SERVER_ERROR out of luck")
	}
	runScript(t, tg, "> cas a 0 0 1 1\n> 2\n< SERVER_ERROR out of luck\n"+
		"> set a 0 0 1 noreply\n> 2\n> get a\n< VALUE a 0 1\n< 1\n< END\n> touch a 0\n< TOUCHED")
	s.Refuse("")
	runScript(t, tg, "> set a 0 0 1\n> 2\n< STORED")
}

// pipeListener is a net.Listener whose connections are net.Pipe, so that
// server and client fit into a synctest bubble.
type pipeListener struct {
	conns chan net.Conn
	done  chan struct{}
	close sync.Once
}

func newPipeListener() *pipeListener {
	return &pipeListener{conns: make(chan net.Conn), done: make(chan struct{})}
}

func (l *pipeListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}

func (l *pipeListener) Close() error {
	l.close.Do(func() { close(l.done) })
	return nil
}

func (l *pipeListener) Addr() net.Addr { return &net.UnixAddr{Name: "pipe", Net: "pipe"} }

func (l *pipeListener) dial() net.Conn {
	client, server := net.Pipe()
	l.conns <- server
	return client
}

func TestVirtualTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := memcached.New(memcached.Config{})
		l := newPipeListener()
		served := make(chan error)
		go func() { served <- s.Serve(l) }()
		nc := l.dial()
		defer nc.Close()

		// The whole command in one write: an answer before the data was
		// read would deadlock.
		if got := exchange(t, nc, "set big 0 0 1100000\r\n"+strings.Repeat("x", 1100000)+"\r\n"); !strings.Contains(got, "too large") {
			t.Errorf("oversize set = %q", got)
		}
		if got := exchange(t, nc, "set a 0 1800 1\r\n1\r\n"); got != "STORED" {
			t.Errorf("set = %q", got)
		}
		s.Delay(30*time.Minute - time.Second)
		began := time.Now()
		if got := exchange(t, nc, "get b\r\n"); got != "END" {
			t.Errorf("get = %q", got)
		}
		if got, want := time.Since(began), 30*time.Minute-time.Second; got != want {
			t.Errorf("delayed answer took %v, want %v", got, want)
		}
		s.Delay(time.Second)
		if got := exchange(t, nc, "touch a 1\r\n"); got != "TOUCHED" {
			t.Errorf("touch one second before expiry = %q", got)
		}
		s.Delay(0)
		if got := exchange(t, nc, "get a\r\n"); got != "END" {
			t.Errorf("get after expiry = %q", got)
		}

		s.Delay(time.Hour)
		if _, err := nc.Write([]byte("get a\r\n")); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		began = time.Now()
		s.Stop() // does not wait for the delay
		if err := <-served; err != nil || time.Since(began) != 0 {
			t.Errorf("Serve = %v after %v, want nil at once", err, time.Since(began))
		}
	})
}
