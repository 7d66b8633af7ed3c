package manager

import (
	"sync"
	"time"
)

// queue lets one load or commit per session at a time run in this process,
// first come first served, so that the requests of one page neither conflict
// at the nodes nor meet each other's half-done commits. It holds an entry only
// for sessions with a load or commit under way.
type queue struct {
	mu    sync.Mutex // guards turns
	turns map[string]*turn
}

// turn is the entry of one session.
type turn struct {
	users int           // holding or waiting; guarded by queue.mu
	held  chan struct{} // full while somebody holds it; waiting senders are served in order

	// The last load under this turn, for those that were waiting when it
	// began. Only the holder touches these.
	loaded *view
	began  time.Time
}

func newQueue() *queue { return &queue{turns: map[string]*turn{}} }

// enter waits for the key's turn, at most so long as patience says. waited
// tells that somebody else had it meanwhile. If t is nil it was in vain, else
// leave must be called.
func (q *queue) enter(key string, patience time.Duration) (t *turn, waited bool) {
	q.mu.Lock()
	t = q.turns[key]
	if t == nil {
		t = &turn{held: make(chan struct{}, 1)}
		q.turns[key] = t
	}
	t.users++
	q.mu.Unlock()
	select {
	case t.held <- struct{}{}:
		return t, false
	default:
	}
	timer := time.NewTimer(patience)
	defer timer.Stop()
	select {
	case t.held <- struct{}{}:
		return t, true
	case <-timer.C:
		q.drop(key, t)
		return nil, true
	}
}

func (q *queue) leave(key string, t *turn) {
	<-t.held
	q.drop(key, t)
}

func (q *queue) drop(key string, t *turn) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if t.users--; t.users == 0 {
		delete(q.turns, key)
	}
}
