package manager

import (
	"sync"
	"time"
)

const (
	goneFor = 2 * time.Second // an id that no copy holds is not asked for again
	goneMax = 8192            // ids remembered
)

// gone remembers ids that were found absent, briefly, so that a page's worth of
// requests with a dead cookie costs one load. That cannot hide a session: ids
// are never used again, so what is absent stays so. It is bounded; the oldest
// entries go first.
type gone struct {
	mu    sync.Mutex           // guards what follows
	until map[string]time.Time // by id, node included
	ring  []string             // in order of their coming
	next  int
}

func newGone() *gone { return &gone{until: map[string]time.Time{}} }

func (g *gone) has(id string, now time.Time) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	until, ok := g.until[id]
	return ok && now.Before(until)
}

func (g *gone) add(id string, now time.Time) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if _, ok := g.until[id]; ok {
		g.until[id] = now.Add(goneFor)
		return
	}
	if len(g.ring) < goneMax {
		g.ring = append(g.ring, id)
	} else {
		delete(g.until, g.ring[g.next])
		g.ring[g.next] = id
		g.next = (g.next + 1) % goneMax
	}
	g.until[id] = now.Add(goneFor)
}
