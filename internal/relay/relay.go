// Package relay stands between a client and a TCP server and misbehaves on
// demand, for tests of what a program makes of a bad network.
//
// A Relay listens on a port of its own and forwards to one address. How it
// treats the bytes may be set for each direction and changed at any time, also
// for bytes that are on their way:
//
//	Pass       forwards them
//	Hold       keeps them and forwards them when the behaviour changes, to a
//	           server also if the client has gone by then
//	Drop       swallows them; a connection that lost bytes carries none again
//	Reset      cuts the connection with RST, after so many more bytes
//	Delay      forwards them later
//	Throttle   forwards so many bytes a second
//
// Refuse closes the port, so that connecting fails as with a server that does
// not run, until Accept opens it again.
package relay

import (
	"errors"
	"fmt"
	"net"
	"sync"
	"time"
)

const (
	dialTimeout   = 5 * time.Second
	relistenTries = 200 // the port may be in use, by chance, for a moment
	relistenPause = 10 * time.Millisecond
)

// Relay forwards connections to one address. Its methods may be called
// concurrently.
type Relay struct {
	target string
	addr   string
	done   chan struct{}
	work   sync.WaitGroup // the accepting goroutine and those of connections

	mu       sync.Mutex    // guards what follows
	listener net.Listener  // nil while refusing
	up, down Behaviour     // to the server, to the client
	changed  chan struct{} // closed when up or down change
	pairs    map[*pair]struct{}
	closed   bool
}

// New returns a relay to target, host:port, that passes everything. The caller
// closes it.
func New(target string) (*Relay, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("relay: %w", err)
	}
	r := &Relay{
		target: target, addr: l.Addr().String(), done: make(chan struct{}), listener: l,
		changed: make(chan struct{}), pairs: map[*pair]struct{}{},
	}
	r.work.Go(func() { r.accept(l) })
	return r, nil
}

// Addr returns the host:port that the relay listens on. It stays the same.
func (r *Relay) Addr() string { return r.addr }

// Set sets what happens to bytes on their way to the server and to the client,
// from now on, on all connections.
func (r *Relay) Set(toServer, toClient Behaviour) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.up, r.down = toServer, toClient
	close(r.changed)
	r.changed = make(chan struct{})
}

// Pass passes everything again. What was held is forwarded.
func (r *Relay) Pass() { r.Set(Pass(), Pass()) }

// Cut resets all connections that there are now.
func (r *Relay) Cut() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for p := range r.pairs {
		p.reset()
	}
}

// Refuse closes the port. Connections that are open stay.
func (r *Relay) Refuse() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.listener != nil {
		_ = r.listener.Close() // a listener that is closed is what is wanted
		r.listener = nil
	}
}

// Accept opens the port again after Refuse. It returns an error if another
// program has taken the port meanwhile and keeps it.
func (r *Relay) Accept() error {
	var err error
	for range relistenTries {
		if err = r.listen(); err == nil {
			return nil
		}
		timer := time.NewTimer(relistenPause)
		select {
		case <-timer.C:
		case <-r.done:
			timer.Stop()
			return net.ErrClosed
		}
	}
	return fmt.Errorf("relay: %w", err)
}

func (r *Relay) listen() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed || r.listener != nil {
		return nil
	}
	l, err := net.Listen("tcp", r.addr)
	if err != nil {
		return err
	}
	r.listener = l
	r.work.Go(func() { r.accept(l) })
	return nil
}

// Close closes the port and all connections, without forwarding what is held,
// and returns when the relay's goroutines have ended. It is safe twice.
func (r *Relay) Close() {
	r.mu.Lock()
	if !r.closed {
		r.closed = true
		close(r.done)
		if r.listener != nil {
			_ = r.listener.Close()
		}
		for p := range r.pairs {
			p.reset()
		}
	}
	r.mu.Unlock()
	r.work.Wait()
}

func (r *Relay) accept(l net.Listener) {
	for {
		client, err := l.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err == nil {
			r.work.Go(func() { r.connect(client.(*net.TCPConn)) })
		}
	}
}

// connect serves one connection until both sides are done.
func (r *Relay) connect(client *net.TCPConn) {
	conn, err := net.DialTimeout("tcp", r.target, dialTimeout)
	if err != nil {
		resetConn(client) // the nearest to a refusal that is left
		return
	}
	p := &pair{relay: r, client: client, server: conn.(*net.TCPConn), dead: make(chan struct{})}
	r.mu.Lock()
	if r.closed {
		r.mu.Unlock()
		p.reset()
		return
	}
	r.pairs[p] = struct{}{}
	r.mu.Unlock()
	p.run()
	r.mu.Lock()
	delete(r.pairs, p)
	r.mu.Unlock()
}

// behaviour returns what counts now for a direction, and a channel that is
// closed when it changes.
func (r *Relay) behaviour(toServer bool) (Behaviour, <-chan struct{}) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if toServer {
		return r.up, r.changed
	}
	return r.down, r.changed
}
