package nodes

import (
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"
)

const (
	softFailures  = 3                      // consecutive timeouts that open the breaker (mcrouter's timeouts-until-tko)
	checkInterval = 2 * time.Second        // between checks of a node that is up
	probeFirst    = 500 * time.Millisecond // before the first probe of a node that is down
	probeGrowth   = 1.5
	probeMax      = 10 * time.Second
	probeJitter   = 0.2 // of the delay, either way
)

// breaker says whether a node is asked at all. A refused connection opens it at
// once, timeouts after softFailures in a row. Only a probe that got an answer
// closes it, so that users' requests never test a dead node.
type breaker struct {
	open  atomic.Bool
	fails atomic.Int32 // consecutive soft failures

	mu    sync.Mutex // guards since and cause
	since time.Time  // when open last changed
	cause error      // why it opened, nil while closed
}

// success records an answer, of any kind.
func (b *breaker) success() {
	if b.fails.Load() != 0 {
		b.fails.Store(0)
	}
}

// failure records a request without an answer and reports whether it opened
// the breaker.
func (b *breaker) failure(cause error, hard bool, now time.Time) (opened bool) {
	if n := b.fails.Add(1); !hard && n < softFailures {
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
