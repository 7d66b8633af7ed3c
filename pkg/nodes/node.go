package nodes

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"sync/atomic"
	"time"

	"github.com/bradfitz/gomemcache/memcache"
)

// slotPatience is how many operation timeouts a request waits for a node that
// is busy.
const slotPatience = 10

// Node is one memcached node of a Pool. Its methods may be called
// concurrently.
//
// Get, Add and CAS return nil or an error that wraps one of the package's Err
// values and names the node. After ErrTimeout and ErrBroken a write may have
// landed or may land yet; load the key to find out.
type Node struct {
	spec    Spec
	client  *memcache.Client
	slots   chan struct{} // one per operation under way
	timeout time.Duration
	log     *slog.Logger
	breaker breaker
	failed  atomic.Int64 // when a request last got no answer, Unix nanoseconds, 0 for never
	stats   Stats
	wake    chan struct{} // tells the watcher that the breaker opened
	allOpen func() bool   // whether no node of the pool is up
	onState func(open bool)
}

// Stats counts what happened on one node since the start. The fields are read
// with Load.
type Stats struct {
	Gets, Adds, CASes   atomic.Uint64 // operations sent
	Misses, Conflicts   atomic.Uint64 // answers that are not failures
	Timeouts, Broken    atomic.Uint64 // no answer, or a broken one
	Refused             atomic.Uint64 // the node was full or the value too large
	Retries, Skipped    atomic.Uint64 // second tries on a fresh connection; operations not sent, the breaker being open
	Opened, WrongAnswer atomic.Uint64 // times the breaker opened; answers for another key
}

// staticAddr is a net.Addr with the unresolved host:port, so that gomemcache's
// dialer resolves it each time it connects.
type staticAddr string

func (staticAddr) Network() string  { return "tcp" }
func (a staticAddr) String() string { return string(a) }

// oneNode is a memcache.ServerSelector with one server: which node is asked is
// decided here, not by gomemcache.
type oneNode struct{ addr net.Addr }

func (s oneNode) PickServer(string) (net.Addr, error) { return s.addr, nil }
func (s oneNode) Each(f func(net.Addr) error) error   { return f(s.addr) }
func newClient(addr net.Addr, c Config) *memcache.Client {
	client := memcache.NewFromSelector(oneNode{addr})
	client.Timeout = c.OperationTimeout
	client.MaxIdleConns = c.MaxConns
	client.DialContext = c.Dial
	return client
}

// ID returns the node's id, "" for msm's unnamed single node.
func (n *Node) ID() string { return n.spec.ID }

// Spec returns the node's configuration.
func (n *Node) Spec() Spec { return n.spec }

// Up reports whether the node's breaker is closed.
func (n *Node) Up() bool { return !n.breaker.open.Load() }

// FailedSince reports whether the node left a request without an answer since
// t. What it stores may then be older than what was stored elsewhere.
func (n *Node) FailedSince(t time.Time) bool {
	last := n.failed.Load()
	return last != 0 && last >= t.UnixNano()
}

// State returns since when the node is up or down, zero if it always was up,
// and for a node that is down the failure that made it so.
func (n *Node) State() (up bool, since time.Time, cause error) {
	open, since, cause := n.breaker.state()
	return !open, since, cause
}

// Stats returns the node's counters.
func (n *Node) Stats() *Stats { return &n.stats }

// Get returns the value of key and the number to give to CAS. The value is the
// caller's. A missing or expired key is ErrNotFound. If the node is not asked
// because it counts as down, the error is ErrSkipped.
func (n *Node) Get(ctx context.Context, key string) (value []byte, cas uint64, err error) {
	if n.down() {
		return nil, 0, n.wrap("get", ErrSkipped)
	}
	return n.get(ctx, key)
}

// GetAnyway is Get for when nobody else has the answer: the node is asked even
// if it counts as down, and counts as up if it answers.
func (n *Node) GetAnyway(ctx context.Context, key string) (value []byte, cas uint64, err error) {
	value, cas, err = n.get(ctx, key)
	if (err == nil || errors.Is(err, ErrNotFound)) && n.breaker.close(time.Now()) {
		n.revived()
	}
	return value, cas, err
}

func (n *Node) get(ctx context.Context, key string) (value []byte, cas uint64, err error) {
	n.stats.Gets.Add(1)
	var item *memcache.Item
	err = n.do(ctx, func() error {
		var err error
		item, err = n.client.Get(key)
		return err
	})
	if err != nil {
		return nil, 0, n.wrap("get", err)
	}
	if item.Key != key {
		// gomemcache does not compare them. A connection that is out of step
		// would show one user another's session.
		n.stats.WrongAnswer.Add(1)
		n.client.Close()
		return nil, 0, n.wrap("get", fmt.Errorf("%w: answer for another key", ErrBroken))
	}
	return item.Value, item.CasID, nil
}

// Add stores value under key if the node has no such key, else it returns
// ErrConflict. exptime is memcached's, see Expiry.
func (n *Node) Add(ctx context.Context, key string, value []byte, exptime int32) error {
	if n.down() {
		return n.wrap("add", ErrSkipped)
	}
	n.stats.Adds.Add(1)
	item := memcache.Item{Key: key, Value: value, Expiration: exptime}
	return n.wrap("add", n.do(ctx, func() error { return n.client.Add(&item) }))
}

// CAS stores value under key if the node's value still is the one that Get
// returned cas with. It returns ErrConflict if it changed, ErrNotFound if it
// is gone.
func (n *Node) CAS(ctx context.Context, key string, value []byte, cas uint64, exptime int32) error {
	if n.down() {
		return n.wrap("cas", ErrSkipped)
	}
	n.stats.CASes.Add(1)
	item := memcache.Item{Key: key, Value: value, Expiration: exptime, CasID: cas}
	return n.wrap("cas", n.do(ctx, func() error { return n.client.CompareAndSwap(&item) }))
}

// do runs op when the bound on operations under way allows it, a second time if
// its connection had died in the pool, and tells the breaker.
// A second try is safe for add and cas as well: if the first one landed, the
// second gets ErrConflict, and the caller loads and finds its own write.
func (n *Node) do(ctx context.Context, op func() error) error {
	wasUp := n.Up()
	waited, err := n.acquire(ctx)
	if err != nil {
		return err
	}
	defer n.release()
	if waited && wasUp && n.down() { // those before it found out
		return ErrSkipped
	}
	err = op()
	if err != nil && stale(err) {
		n.stats.Retries.Add(1)
		n.client.Close() // the other idle connections are as dead
		err = op()
	}
	return n.record(err)
}

// down reports whether the node is not to be asked, and counts it. If no node
// of the pool is up, all are asked: a wrong verdict must not last.
func (n *Node) down() bool {
	if n.Up() || n.allOpen() || n.breaker.mayTry(time.Now()) {
		return false
	}
	n.stats.Skipped.Add(1)
	return true
}

// acquire waits for one of the node's slots. A busy node is not a hung one: on
// that, the slots come free with the first timeouts, and with them the verdict
// that the node is down. So the wait may be longer than an operation's.
func (n *Node) acquire(ctx context.Context) (waited bool, err error) {
	if err := ctx.Err(); err != nil {
		return false, fmt.Errorf("%w: %w", ErrTimeout, err)
	}
	select {
	case n.slots <- struct{}{}:
		return false, nil
	default:
	}
	timer := time.NewTimer(slotPatience * n.timeout)
	defer timer.Stop()
	select {
	case n.slots <- struct{}{}:
		return true, nil
	case <-ctx.Done():
		return true, fmt.Errorf("%w: %w", ErrTimeout, ctx.Err())
	case <-timer.C:
		return true, fmt.Errorf("%w: %d operations under way", ErrTimeout, cap(n.slots))
	}
}

func (n *Node) release() { <-n.slots }

// record counts the outcome, tells the breaker and returns the kind of error.
func (n *Node) record(err error) error {
	kind := classify(err)
	switch kind {
	case nil:
	case ErrNotFound:
		n.stats.Misses.Add(1)
	case ErrConflict:
		n.stats.Conflicts.Add(1)
	case ErrTooLarge, ErrNoMemory:
		n.stats.Refused.Add(1)
	default:
		n.fail(kind, err)
		return fmt.Errorf("%w: %w", kind, err)
	}
	if n.breaker.success(time.Now()) {
		n.revived()
	}
	return kind
}

func (n *Node) revived() {
	n.onState(false)
	n.log.Info("memcached node up again", "node", n.spec.ID, "addr", n.spec.Addr)
}

// fail tells the breaker of a request without an answer.
func (n *Node) fail(kind, err error) {
	n.failed.Store(time.Now().UnixNano())
	switch kind {
	case ErrTimeout:
		n.stats.Timeouts.Add(1)
	case ErrBroken:
		n.stats.Broken.Add(1)
	}
	n.client.Close() // idle connections would fail the same way, one request each
	if !n.breaker.failure(kind, err, time.Now()) {
		return
	}
	n.stats.Opened.Add(1)
	n.onState(true)
	n.log.Warn("memcached node down, its sessions are served from their copies",
		"node", n.spec.ID, "addr", n.spec.Addr, "cause", err.Error(),
		"hint", "is memcached running and reachable there? msmd keeps probing it")
	select {
	case n.wake <- struct{}{}:
	default:
	}
}

func (n *Node) wrap(op string, err error) error {
	if err == nil || errors.Is(err, ErrNotFound) || errors.Is(err, ErrConflict) {
		return err // the everyday answers, without the cost of wrapping
	}
	return fmt.Errorf("memcached %s on %s: %w", op, n.name(), err)
}

func (n *Node) name() string {
	if n.spec.ID == "" {
		return n.spec.Addr
	}
	return n.spec.ID
}

// watch checks the node until stop is closed: at intervals while it is up, so
// that an idle msmd knows too, and with growing delays while it is down.
func (n *Node) watch(stop <-chan struct{}) {
	timer := time.NewTimer(0) // the first check, at once
	defer timer.Stop()
	probes := 0
	for {
		select {
		case <-stop:
			return
		case <-n.wake:
			probes = 0
			timer.Reset(probeDelay(0, rand.Float64()))
			continue
		case <-timer.C:
		}
		if n.check(); n.Up() {
			probes = 0
			timer.Reset(jitter(checkInterval))
			continue
		}
		probes++
		timer.Reset(probeDelay(probes, rand.Float64()))
	}
}

// check asks the node for its version. An answer is needed: a hung memcached
// still accepts connections.
func (n *Node) check() {
	err := n.client.Ping()
	if err != nil && stale(err) {
		n.client.Close()
		err = n.client.Ping()
	}
	if err != nil {
		n.fail(classify(err), err)
		return
	}
	if n.breaker.close(time.Now()) {
		n.revived()
	}
}
