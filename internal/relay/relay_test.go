package relay

import (
	"bytes"
	"errors"
	"io"
	"net"
	"sync"
	"syscall"
	"testing"
	"time"
)

func TestPass(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	c := dial(t, newRelay(t, s.addr))
	send(t, c, "question")
	s.want("question")
	s.answer("answer")
	receive(t, c, "answer")
	_ = c.Close()
	waitUntil(t, "the server sees the end", func() bool { return s.ended() == 1 })
}

// TestHoldForTheServer: bytes arrive after the client has gone.
func TestHoldForTheServer(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	r := newRelay(t, s.addr)
	c := dial(t, r)
	send(t, c, "early ")
	s.want("early ")
	r.Set(Hold(), Pass())
	s.answer("ready")
	receive(t, c, "ready") // the other direction is not held
	send(t, c, "late")
	_ = c.Close()
	stays(t, "held", func() bool { return s.text() == "early " && s.ended() == 0 })
	r.Pass()
	s.want("early late")
	waitUntil(t, "the server sees the end", func() bool { return s.ended() == 1 })
}

func TestHoldForTheClient(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	r := newRelay(t, s.addr)
	r.Set(Pass(), Hold())
	c := dial(t, r)
	send(t, c, "question")
	s.want("question")
	s.answer("answer")
	_ = c.SetReadDeadline(time.Now().Add(50 * time.Millisecond))
	if n, err := c.Read(make([]byte, 1)); err == nil {
		t.Fatalf("received %d bytes while held", n)
	}
	_ = c.SetReadDeadline(time.Now().Add(patience))
	r.Pass()
	receive(t, c, "answer")
}

// TestDrop: a connection that lost bytes never carries any again, a new one
// does.
func TestDrop(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	r := newRelay(t, s.addr)
	c := dial(t, r)
	r.Set(Drop(), Pass())
	send(t, c, "lost")
	stays(t, "dropped", func() bool { return s.text() == "" })
	r.Pass()
	send(t, c, "lost too")
	stays(t, "dropped", func() bool { return s.text() == "" })
	send(t, dial(t, r), "found")
	s.want("found")
}

// TestReset: so many bytes pass, then the connection is cut on both sides.
func TestReset(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	r := newRelay(t, s.addr)
	c := dial(t, r)
	send(t, c, "question")
	s.want("question")
	r.Set(Pass(), Reset(3))
	s.answer("answer")
	receive(t, c, "ans")
	if _, err := c.Read(make([]byte, 1)); !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("read = %v, want %v", err, syscall.ECONNRESET)
	}
	waitUntil(t, "the server sees the end", func() bool { return s.ended() == 1 })
}

func TestCut(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	r := newRelay(t, s.addr)
	c := dial(t, r)
	send(t, c, "question")
	s.want("question")
	r.Cut()
	if _, err := c.Read(make([]byte, 1)); !errors.Is(err, syscall.ECONNRESET) {
		t.Errorf("read = %v, want %v", err, syscall.ECONNRESET)
	}
	send(t, dial(t, r), " again")
	s.want("question again")
}

func TestDelay(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	r := newRelay(t, s.addr)
	const d = 60 * time.Millisecond
	r.Set(Delay(d), Pass())
	c := dial(t, r)
	began := time.Now()
	send(t, c, "late")
	s.want("late")
	if took := time.Since(began); took < d {
		t.Errorf("arrived after %v, want at least %v", took, d)
	}
}

func TestThrottle(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	r := newRelay(t, s.addr)
	r.Set(Throttle(100_000), Pass())
	c := dial(t, r)
	text := string(bytes.Repeat([]byte("x"), 10_000))
	began := time.Now()
	send(t, c, text)
	s.want(text)
	if took := time.Since(began); took < 80*time.Millisecond {
		t.Errorf("10 kB at 100 kB/s took %v, want about 100ms", took)
	}
}

func TestRefuse(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	r := newRelay(t, s.addr)
	c := dial(t, r)
	send(t, c, "early ") // until it arrives, the connection may be one that nobody has accepted
	s.want("early ")
	r.Refuse()
	r.Refuse()
	if _, err := net.DialTimeout("tcp", r.Addr(), patience); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("dial = %v, want %v", err, syscall.ECONNREFUSED)
	}
	send(t, c, "open ")
	s.want("early open ")
	for range 2 {
		if err := r.Accept(); err != nil {
			t.Fatal(err)
		}
	}
	send(t, dial(t, r), "again")
	s.want("early open again")
}

// TestServerGone: the client is told, also if it was to get nothing.
func TestServerGone(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r := newRelay(t, l.Addr().String())
	c := dial(t, r)
	conn, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	_ = conn.Close()
	if _, err := c.Read(make([]byte, 1)); err == nil || errors.Is(err, net.ErrClosed) {
		t.Errorf("read = %v, want the end", err)
	}
	_ = l.Close()
	late, err := net.DialTimeout("tcp", r.Addr(), patience) // may see the end at once
	if err == nil {
		defer func() { _ = late.Close() }()
		_, err = late.Read(make([]byte, 1))
	}
	if err == nil {
		t.Error("read from a server that is not there gave bytes")
	}
}

// TestClose: with bytes held, with a port closed, and twice.
func TestClose(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	r := newRelay(t, s.addr)
	r.Set(Hold(), Hold())
	c := dial(t, r)
	send(t, c, "held")
	r.Close()
	r.Close()
	if err := r.Accept(); err != nil {
		t.Errorf("Accept after Close = %v, want nothing done", err)
	}
	if _, err := c.Read(make([]byte, 1)); err == nil {
		t.Error("read after Close gave bytes")
	}
	if got := s.text(); got != "" {
		t.Errorf("the server got %q, want what was held not forwarded", got)
	}
}

// TestAtOnce changes the behaviour while connections come, talk and go.
func TestAtOnce(t *testing.T) {
	t.Parallel()
	s := newServer(t)
	r := newRelay(t, s.addr)
	var work sync.WaitGroup
	stop := make(chan struct{})
	for range 4 {
		work.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				if c, err := net.Dial("tcp", r.Addr()); err == nil {
					_, _ = io.WriteString(c, "x")
					_ = c.Close()
				}
			}
		})
	}
	for _, b := range []Behaviour{Hold(), Drop(), Reset(0), Delay(time.Millisecond), Throttle(1000), Pass()} {
		for range 20 {
			r.Set(b, b)
			r.Refuse()
			r.Cut()
			if err := r.Accept(); err != nil {
				t.Error(err)
			}
		}
	}
	close(stop)
	work.Wait()
	r.Close()
}
