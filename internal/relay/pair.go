package relay

import (
	"net"
	"sync"
	"time"
)

const (
	readSize = 32 << 10
	maxKept  = 8 << 20               // bytes read ahead in one direction; then the sender waits
	slice    = 10 * time.Millisecond // between the parts of what is throttled
)

// pair is one client's connection and the one to the server for it.
type pair struct {
	relay          *Relay
	client, server *net.TCPConn
	dead           chan struct{}
	dying          sync.Once
}

// run forwards in both directions and returns when both are done. A client
// that goes away does not end what was sent to the server before: the server
// may get it late. A server that goes away ends the connection.
func (p *pair) run() {
	up := newStream(p, true, p.client, p.server)
	down := newStream(p, false, p.server, p.client)
	var work sync.WaitGroup
	work.Go(up.read)
	work.Go(down.read)
	work.Go(func() {
		up.write()
		_ = p.server.CloseWrite() // fails if the server has gone, too
	})
	work.Go(func() {
		down.write()
		p.close()
	})
	work.Wait()
}

// close ends both connections in the ordinary way.
func (p *pair) close() {
	p.dying.Do(func() { close(p.dead) })
	_ = p.client.Close()
	_ = p.server.Close()
}

// reset ends both connections with RST. It is safe twice. From SetLinger on
// every way to close them sends one: the writers, which find out, close them too.
func (p *pair) reset() {
	_ = p.client.SetLinger(0) // fails if it is closed
	_ = p.server.SetLinger(0)
	p.close()
}

func resetConn(c *net.TCPConn) {
	_ = c.SetLinger(0) // fails if it is closed, as does Close
	_ = c.Close()
}

// chunk is what one read gave, and when.
type chunk struct {
	data []byte
	came time.Time
}

// stream is one direction of a pair: one goroutine reads, another writes, so
// that bytes are taken from the sender whatever happens to them then.
type stream struct {
	pair     *pair
	toServer bool
	from, to *net.TCPConn
	filled   chan struct{} // tells the writer that there is something new
	emptied  chan struct{} // tells the reader that there is room

	mu     sync.Mutex // guards what follows
	chunks []chunk
	size   int
	ended  bool // the sender will send no more

	// Only the writer touches these.
	lossy bool // has dropped bytes
	quota int  // bytes that still pass before a reset, -1 before the first
}

func newStream(p *pair, toServer bool, from, to *net.TCPConn) *stream {
	return &stream{pair: p, toServer: toServer, from: from, to: to,
		filled: make(chan struct{}, 1), emptied: make(chan struct{}, 1), quota: -1}
}

func (s *stream) read() {
	for {
		buf := make([]byte, readSize)
		n, err := s.from.Read(buf)
		s.mu.Lock()
		if n > 0 {
			s.chunks = append(s.chunks, chunk{buf[:n], time.Now()})
			s.size += n
		}
		s.ended = s.ended || err != nil
		full := s.size >= maxKept
		s.mu.Unlock()
		signal(s.filled)
		if err != nil {
			return
		}
		for full {
			select {
			case <-s.emptied:
			case <-s.pair.dead:
				return
			}
			s.mu.Lock()
			full = s.size >= maxKept
			s.mu.Unlock()
		}
	}
}

// write forwards until the sender has ended and all is forwarded, or the
// receiver has gone.
func (s *stream) write() {
	for {
		b, changed := s.pair.relay.behaviour(s.toServer)
		if b.kind != reset {
			s.quota = -1
		}
		c, ok, ended := s.first()
		if !ok && ended {
			return
		}
		wait, alarm := s.due(b, c, ok)
		if wait {
			select {
			case <-s.filled:
			case <-changed:
			case <-alarm:
			case <-s.pair.dead:
				return
			}
			continue
		}
		if !s.forward(b, c) {
			return
		}
	}
}

// due reports whether the writer has to wait for a change, for bytes, or until
// alarm.
func (s *stream) due(b Behaviour, c chunk, ok bool) (wait bool, alarm <-chan time.Time) {
	if !ok {
		return true, nil
	}
	switch b.kind {
	case hold:
		return !s.lossy, nil
	case delay:
		if left := time.Until(c.came.Add(b.delay)); left > 0 {
			return true, time.After(left)
		}
	}
	return false, nil
}

// forward deals with the first chunk, or a part of it, and reports whether the
// stream goes on.
func (s *stream) forward(b Behaviour, c chunk) bool {
	n := len(c.data)
	switch {
	case s.lossy || b.kind == drop:
		s.lossy = true
		s.take(n)
		return true
	case b.kind == throttle:
		n = min(n, max(1, int(float64(b.bytes)*slice.Seconds())))
	case b.kind == reset:
		if s.quota < 0 {
			s.quota = b.bytes
		}
		if s.quota == 0 {
			s.pair.reset()
			return false
		}
		n = min(n, s.quota)
		s.quota -= n
	}
	if _, err := s.to.Write(c.data[:n]); err != nil {
		if s.toServer {
			s.pair.close() // the server has gone; the client is told
			return false
		}
		s.lossy = true // the client has gone; what it sent still counts
		return true
	}
	s.take(n)
	if b.kind == throttle {
		return s.rest(time.Duration(n) * time.Second / time.Duration(b.bytes))
	}
	return true
}

// rest pauses and reports whether the pair still lives.
func (s *stream) rest(d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-s.pair.dead:
		return false
	}
}

func (s *stream) first() (c chunk, ok, ended bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.chunks) == 0 {
		return chunk{}, false, s.ended
	}
	return s.chunks[0], true, s.ended
}

// take removes the first n bytes.
func (s *stream) take(n int) {
	s.mu.Lock()
	s.size -= n
	if c := &s.chunks[0]; n < len(c.data) {
		c.data = c.data[n:]
	} else {
		s.chunks = s.chunks[1:]
	}
	s.mu.Unlock()
	signal(s.emptied)
}

func signal(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
