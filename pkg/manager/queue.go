package manager

import (
	"context"
	"sync"
)

// queue lets one commit per session at a time run in this process, first come
// first served, so that requests of one page rarely conflict at the nodes. It
// holds an entry only for sessions with a commit under way.
type queue struct {
	mu    sync.Mutex // guards turns
	turns map[string]*turn
}

type turn struct {
	users int           // holding or waiting; guarded by queue.mu
	held  chan struct{} // full while somebody holds it; waiting senders are served in order
}

func newQueue() *queue { return &queue{turns: map[string]*turn{}} }

// enter waits for the key's turn. It reports whether it had to wait, in which
// case the session may have changed. leave must be called if err is nil.
func (q *queue) enter(ctx context.Context, key string) (waited bool, err error) {
	q.mu.Lock()
	t := q.turns[key]
	if t == nil {
		t = &turn{held: make(chan struct{}, 1)}
		q.turns[key] = t
	}
	t.users++
	q.mu.Unlock()
	select {
	case t.held <- struct{}{}:
		return false, nil
	default:
	}
	select {
	case t.held <- struct{}{}:
		return true, nil
	case <-ctx.Done():
		q.drop(key, t)
		return true, ctx.Err()
	}
}

func (q *queue) leave(key string) {
	q.mu.Lock()
	t := q.turns[key]
	q.mu.Unlock()
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
