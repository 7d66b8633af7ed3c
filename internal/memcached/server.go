// Package memcached is a memcached in process: the classic text protocol
// over an in-memory store, with hooks that make it fail on demand.
//
// It exists for two readers. The demo starts a few of these instead of
// asking its user to install memcached, and tests start one in
// microseconds, stop it, hang it, slow it down and look inside. It is not
// a replacement for memcached in production: one mutex guards the store
// and values live on the Go heap.
//
// # Usage
//
//	s := memcached.New(memcached.Config{MaxBytes: 8 << 20})
//	if err := s.Start("127.0.0.1:0"); err != nil {
//		...
//	}
//	defer s.Close()
//	client := memcache.New(s.Addr())
//
// Serve takes any net.Listener, so that a server can live in a
// testing/synctest bubble behind net.Pipe.
//
// # Protocol
//
// The commands are get, gets, gat, gats, set, add, replace, append,
// prepend, cas, touch, delete, incr, decr, flush_all, version, verbosity,
// stats and quit, with noreply. Answers, error lines included, are those
// of memcached 1.6.18; one conformance table runs against both. "stats
// settings" names only the settings that exist here, "stats items" and
// "stats slabs" answer just END.
//
// Everything else (the meta commands, lru, slabs, watch, shutdown, the
// binary protocol) is answered ERROR and counted in Stats.Unknown, as is
// a command with a wrong number of arguments. A fake that swallows what it
// does not understand hides bugs, so tests should assert Unknown == 0.
//
// # Differences from memcached
//
// Memory is counted per item (key, value and memcached's item header), not
// in slab pages, and eviction is strictly least recently used. Expiry has
// the resolution of Config.Now, not of a second. A multi-get line may have
// 64 KiB, not any length. A delayed flush_all drops what is there when its
// time has come.
package memcached

import (
	"errors"
	"fmt"
	"net"
	"sync"
	"time"
)

// Defaults of Config.
const (
	// DefaultMaxBytes is the default memory limit, as memcached -m 64.
	DefaultMaxBytes = 64 << 20
	// DefaultMaxItemSize is the default item limit, as memcached -I 1m.
	DefaultMaxItemSize = 1 << 20
)

// Version is what the version command answers. The suffix tells operators
// that they do not look at a real memcached.
const Version = "1.6.18-msmd"

// ErrRunning is returned by Start and Serve while the server is running.
var ErrRunning = errors.New("memcached: already running")

// Config sets the limits of a Server. The zero value is usable.
type Config struct {
	// MaxBytes is the memory limit for items, like -m.
	// If zero, DefaultMaxBytes is used.
	MaxBytes int64

	// MaxItemSize is the largest item in bytes, like -I. As in memcached
	// it includes the key and about 56 bytes of header.
	// If zero, DefaultMaxItemSize is used.
	MaxItemSize int

	// NoEvict refuses items with "SERVER_ERROR out of memory storing
	// object" when memory is full, like -M. If false, the least recently
	// used items are evicted.
	NoEvict bool

	// Now is the clock for expiry and uptime. If nil, time.Now is used.
	Now func() time.Time
}

// Server is one memcached node. Its methods may be called concurrently.
// The data outlives Stop; only Empty drops it.
type Server struct {
	cfg Config

	dataMu sync.Mutex // guards store, faults and Stats counters
	store  *store
	faults faults

	mu   sync.Mutex // guards run and addr; taken before dataMu, never after
	run  *run       // nil while stopped
	addr string
}

// run is the time between Start and Stop: what Stop has to end.
type run struct {
	ln   net.Listener
	stop chan struct{}  // closed first, frees goroutines that wait in a fault
	wg   sync.WaitGroup // accept loop and connections

	mu    sync.Mutex // guards conns
	conns map[net.Conn]struct{}
}

// New returns a stopped server with cfg.
func New(cfg Config) *Server {
	if cfg.MaxBytes == 0 {
		cfg.MaxBytes = DefaultMaxBytes
	}
	if cfg.MaxItemSize == 0 {
		cfg.MaxItemSize = DefaultMaxItemSize
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	return &Server{cfg: cfg, store: newStore(cfg)}
}

// Start listens on the TCP address addr and serves in the background until
// Stop. "127.0.0.1:0" picks a free port; after Stop, Start(s.Addr())
// listens on the same address again. It returns ErrRunning if the server
// is running.
func (s *Server) Start(addr string) error {
	if s.Running() {
		return ErrRunning
	}
	ln, err := net.Listen("tcp", addr)
	if err != nil {
		return fmt.Errorf("memcached: %w", err)
	}
	r, err := s.begin(ln)
	if err != nil {
		return errors.Join(err, ln.Close())
	}
	go s.acceptAll(r)
	return nil
}

// Serve serves connections of ln until Stop, then returns nil. It closes
// ln. It returns ErrRunning if the server is running, leaving ln open, and
// the error of Accept if ln fails or is closed by someone else.
func (s *Server) Serve(ln net.Listener) error {
	r, err := s.begin(ln)
	if err != nil {
		return err
	}
	return s.acceptAll(r)
}

// Addr returns the address of the last listener, "" before the first.
func (s *Server) Addr() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.addr
}

// Running reports whether the server has a listener.
func (s *Server) Running() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.run != nil
}

// Stop closes the listener and all connections and waits for their
// goroutines. Commands that wait in a fault are dropped. The data stays, as
// in a process that still holds its memory behind a partition, and so do
// faults. Stop is safe to call twice.
func (s *Server) Stop() {
	s.mu.Lock()
	r := s.run
	s.run = nil
	s.mu.Unlock()
	if r == nil {
		return
	}
	r.shut()
	r.wg.Wait()
}

// Empty drops all items and resets the CAS counter, the counters of
// Stats and the uptime, as a crashed and restarted memcached would. It
// works whether the server is running or not. Stats.Unknown is kept: it is
// the alarm of the test, not a number of the process.
func (s *Server) Empty() {
	s.dataMu.Lock()
	defer s.dataMu.Unlock()
	unknown, current := s.store.count.Unknown, s.store.count.CurrConnections
	s.store = newStore(s.cfg)
	s.store.count.Unknown, s.store.count.CurrConnections = unknown, current
}

// Close is Stop, for use as an io.Closer. It always returns nil.
func (s *Server) Close() error {
	s.Stop()
	return nil
}

// begin makes ln the current run, with its accept loop already counted, so
// that a Stop right after it waits for the loop.
func (s *Server) begin(ln net.Listener) (*run, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.run != nil {
		return nil, ErrRunning
	}
	r := &run{ln: ln, stop: make(chan struct{}), conns: make(map[net.Conn]struct{})}
	r.wg.Add(1)
	s.run, s.addr = r, ln.Addr().String()
	return r, nil
}

// acceptAll gives each connection a goroutine until the run ends.
func (s *Server) acceptAll(r *run) error {
	defer r.wg.Done()
	for {
		nc, err := r.ln.Accept()
		if err != nil {
			return s.acceptFailed(r, err)
		}
		if !r.add(nc) {
			_ = nc.Close() // stopped between Accept and add
			continue
		}
		go func() {
			defer r.wg.Done()
			defer r.remove(nc)
			newConn(s, r.stop, nc).serve()
		}()
	}
}

// acceptFailed tells a Stop, which is no error, from a broken listener,
// which ends the run.
func (s *Server) acceptFailed(r *run, err error) error {
	select {
	case <-r.stop:
		return nil
	default:
	}
	s.mu.Lock()
	if s.run == r {
		s.run = nil
	}
	s.mu.Unlock()
	r.shut()
	return fmt.Errorf("memcached: accept: %w", err)
}

// add registers nc for shut and counts its goroutine. It reports false if
// the run has ended.
func (r *run) add(nc net.Conn) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.conns == nil {
		return false
	}
	r.conns[nc] = struct{}{}
	r.wg.Add(1)
	return true
}

// remove closes nc and forgets it.
func (r *run) remove(nc net.Conn) {
	_ = nc.Close() // a second close, or a peer that has gone: nothing to do
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.conns, nc)
}

// shut closes everything the run owns. Only the first call does anything.
func (r *run) shut() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.conns == nil {
		return
	}
	close(r.stop)
	_ = r.ln.Close()
	for nc := range r.conns {
		_ = nc.Close()
	}
	r.conns = nil
}
