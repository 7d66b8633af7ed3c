package relay

import (
	"bytes"
	"io"
	"net"
	"sync"
	"testing"
	"time"
)

const patience = 10 * time.Second

// server collects what it gets and can answer on the newest connection.
type server struct {
	t    *testing.T
	addr string

	mu    sync.Mutex // guards what follows
	got   bytes.Buffer
	ends  int // connections that ended
	conns []net.Conn
}

func newServer(t *testing.T) *server {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &server{t: t, addr: l.Addr().String()}
	var work sync.WaitGroup
	work.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			s.mu.Lock()
			s.conns = append(s.conns, c)
			s.mu.Unlock()
			work.Go(func() { s.collect(c) })
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		s.mu.Lock()
		for _, c := range s.conns {
			_ = c.Close()
		}
		s.mu.Unlock()
		work.Wait()
	})
	return s
}

func (s *server) collect(c net.Conn) {
	buf := make([]byte, 1<<10)
	for {
		n, err := c.Read(buf)
		s.mu.Lock()
		s.got.Write(buf[:n])
		if err != nil {
			s.ends++
			s.mu.Unlock()
			return
		}
		s.mu.Unlock()
	}
}

func (s *server) text() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.got.String()
}

func (s *server) ended() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.ends
}

func (s *server) answer(text string) {
	s.t.Helper()
	waitUntil(s.t, "a connection", func() bool { s.mu.Lock(); defer s.mu.Unlock(); return len(s.conns) > 0 })
	s.mu.Lock()
	c := s.conns[len(s.conns)-1]
	s.mu.Unlock()
	if _, err := io.WriteString(c, text); err != nil {
		s.t.Error(err)
	}
}

func (s *server) want(text string) {
	s.t.Helper()
	waitUntil(s.t, "the server gets "+text, func() bool { return s.text() == text })
}

func waitUntil(t *testing.T, what string, ok func() bool) {
	t.Helper()
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-deadline.C:
			t.Fatalf("still not: %s", what)
		case <-tick.C:
		}
	}
}

// stays fails the test if ok turns false within a moment.
func stays(t *testing.T, what string, ok func() bool) {
	t.Helper()
	deadline := time.NewTimer(50 * time.Millisecond)
	defer deadline.Stop()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for {
		if !ok() {
			t.Fatalf("no longer: %s", what)
		}
		select {
		case <-deadline.C:
			return
		case <-tick.C:
		}
	}
}

func newRelay(t *testing.T, target string) *Relay {
	t.Helper()
	r, err := New(target)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Close)
	return r
}

func dial(t *testing.T, r *Relay) *net.TCPConn {
	t.Helper()
	c, err := net.DialTimeout("tcp", r.Addr(), patience)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	_ = c.SetDeadline(time.Now().Add(patience))
	return c.(*net.TCPConn)
}

func send(t *testing.T, c net.Conn, text string) {
	t.Helper()
	if _, err := io.WriteString(c, text); err != nil {
		t.Fatal(err)
	}
}

func receive(t *testing.T, c net.Conn, want string) {
	t.Helper()
	got := make([]byte, len(want))
	if _, err := io.ReadFull(c, got); err != nil || string(got) != want {
		t.Fatalf("received %q, %v, want %q", got, err, want)
	}
}
