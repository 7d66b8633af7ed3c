package nodes

import (
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"
)

const (
	softFailures  = 3                      // failures in a row that open the breaker (mcrouter's timeouts-until-tko)
	checkInterval = 2 * time.Second        // between checks of a node that is up
	probeFirst    = 500 * time.Millisecond // before the first probe of a node that is down
	probeGrowth   = 1.5
	probeMax      = 10 * time.Second
	probeJitter   = 0.2 // of the delay, either way

	trialSpacing = time.Millisecond // between requests that try a node which refused connections
)

// breaker says whether a node is asked at all. A refused connection opens it at
// once, timeouts after softFailures in a row. An answer closes it: after
// timeouts only a probe's, so that no user waits for a hung node. But a refusal
// costs next to nothing, and a memcached that was restarted, empty, should get
// its copies back with the very next requests, before the other node dies. So
// after a refusal, or a connection that broke, requests may try the node too, one
// a millisecond.
type breaker struct {
	open  atomic.Bool
	cheap atomic.Bool  // the last failure cost no time: a refused or broken connection
	fails atomic.Int32 // failures in a row
	trial atomic.Int64 // when a request last tried the node though it was open, Unix nanoseconds

	mu    sync.Mutex // guards since and cause
	since time.Time  // when open last changed
	cause error      // why it opened, nil while closed
}

// success records an answer to a request and reports whether it closed the
// breaker.
func (b *breaker) success(now time.Time) (closed bool) {
	if b.fails.Load() != 0 {
		b.fails.Store(0)
	}
	return b.open.Load() && b.cheap.Load() && b.close(now)
}

// mayTry reports whether a request may try the node though the breaker is
// open.
func (b *breaker) mayTry(now time.Time) bool {
	last := b.trial.Load()
	return b.cheap.Load() && now.UnixNano()-last >= int64(trialSpacing) && b.trial.CompareAndSwap(last, now.UnixNano())
}

// failure records a request without an answer and reports whether it opened
// the breaker. kind is the failure's, see classify.
func (b *breaker) failure(kind, cause error, now time.Time) (opened bool) {
	b.cheap.Store(kind != ErrTimeout)
	if n := b.fails.Add(1); kind != ErrDown && n < softFailures {
		return false
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.open.Load() {
		return false
	}
	b.since, b.cause = now, cause
	b.open.Store(true)
	return true
}

// close records a probe's answer and reports whether it closed the breaker.
func (b *breaker) close(now time.Time) (closed bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.fails.Store(0)
	if !b.open.Load() {
		return false
	}
	b.since, b.cause = now, nil
	b.open.Store(false)
	return true
}

func (b *breaker) state() (open bool, since time.Time, cause error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.open.Load(), b.since, b.cause
}

// probeDelay is the time before the given probe (0 is the first) of a node
// that is down; r is a random number in [0, 1).
func probeDelay(probe int, r float64) time.Duration {
	d := float64(probeFirst)
	for range probe {
		if d *= probeGrowth; d >= float64(probeMax) {
			d = float64(probeMax)
			break
		}
	}
	return time.Duration(d * (1 - probeJitter + 2*probeJitter*r))
}

func jitter(d time.Duration) time.Duration {
	return time.Duration(float64(d) * (1 - probeJitter + 2*probeJitter*rand.Float64()))
}
