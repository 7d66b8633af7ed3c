package manager

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"time"

	"github.com/msmd/msmd/pkg/nodes"
	"github.com/msmd/msmd/pkg/transcoder"
)

// store is the protocol between sessions and nodes, without HTTP: load and, in
// store.go, create, update, destroy and rotate. The order in which it writes
// and the rule by which it settles ties are what keeps every acknowledged
// change; they are explained and were model-checked in docs/ARCHITECTURE.md.
// Change nothing of them without the checker.
type store struct {
	pool     *nodes.Pool
	copies   int // nodes that hold a session
	prefix   string
	tcID     byte
	maxSize  int
	timeout  time.Duration
	strict   bool // nothing is used or acknowledged with less than all copies
	primary  bool // reads ask the home alone
	inFlight *queue
	gone     *gone
	grace    time.Duration // how long an id that was rotated still reads
	log      *slog.Logger
	stats    *Stats
}

// change makes the next version's content of a record in place. It is called
// again, on the newer record, after a conflict. An error ends the operation
// with nothing stored.
type change func(*transcoder.Record) error

// outcome is how a write to a session's members ended.
type outcome byte

const (
	acknowledged outcome = iota // stored on at least one member, refused by none
	conflicted                  // a member has something else by now
	unreachable                 // no member took it; it may land yet
)

// successor returns rec's next version, not yet changed.
func successor(rec *transcoder.Record, now time.Time) transcoder.Record {
	next := *rec
	next.Version++
	next.PushTag(newTag())
	if now.After(next.Accessed) {
		next.Accessed = now
	}
	return next
}

func newTag() uint64 {
	for {
		if t := rand.Uint64(); t != 0 {
			return t
		}
	}
}

// update stores the session's next version. It returns nil once the change is
// on its nodes, errVanished if the session is gone, errUnavailable if that
// cannot be found out or done within the store's timeout, and change's error.
func (s *store) update(ctx context.Context, v *view, apply change) error {
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	t, err := s.enter(ctx, v)
	if err != nil {
		return err
	}
	defer s.inFlight.leave(v.key, t)
	var mine []uint64
	for {
		if wrote(&v.rec, mine) {
			return nil
		}
		if err := v.usable(); err != nil {
			return err
		}
		next := successor(&v.rec, time.Now())
		if err := apply(&next); err != nil {
			return err
		}
		mine = append(mine, next.Tag)
		if s.settle(ctx, v, &next) {
			return nil
		}
		if ctx.Err() != nil {
			return fmt.Errorf("%w: no end within %v", errUnavailable, s.timeout)
		}
	}
}

// freshFor is how long the CAS numbers of a load are used. memcached counts them
// anew after a restart: if both nodes were restarted and healed while a slow
// request ran, its old numbers could fit values that it never saw.
const freshFor = time.Second

// enter waits for the session's turn to be changed, and loads it anew if it
// may have changed meanwhile or if some of its nodes failed.
func (s *store) enter(ctx context.Context, v *view) (*turn, error) {
	t, waited := s.inFlight.enter(v.key, s.timeout)
	if t == nil {
		return nil, fmt.Errorf("%w: other requests of the session took more than %v", errUnavailable, s.timeout)
	}
	t.loaded = nil // not for those who come to read what is changed now
	if waited || v.partial || v.anyFailed() || time.Since(v.asked) > freshFor {
		s.load(ctx, v, true)
	}
	return t, nil
}

// settle writes next and reports whether it is acknowledged. If not, it has
// loaded the session anew.
func (s *store) settle(ctx context.Context, v *view, next *transcoder.Record) bool {
	result := s.write(ctx, v, next)
	if s.strict && result == acknowledged && v.stored() < s.copies {
		result = unreachable // it is stored, but not as the promise has it
	}
	switch result {
	case acknowledged:
		if v.stored() < s.copies {
			// One member less: a further copy goes to a spare, by repair.
			s.stats.Degraded.Add(1)
			if len(v.spares) > 0 {
				s.load(ctx, v, true)
			}
		}
		v.rec = *next
		return true
	case conflicted:
		s.stats.Conflicts.Add(1)
		pause(ctx)
	}
	s.load(ctx, v, true)
	return false
}

// wrote reports whether rec is, or came after, a write with one of the tags.
func wrote(rec *transcoder.Record, tags []uint64) bool {
	for _, t := range tags {
		if rec.HasTag(t) {
			return true
		}
	}
	return false
}

// write stores next on the members, the home LAST: cas where the load found
// the version before, add where it found none. It stops at the first member
// that has something else.
func (s *store) write(ctx context.Context, v *view, next *transcoder.Record) outcome {
	now := time.Now()
	value := next.Append(make([]byte, 0, transcoder.HeaderLen+len(next.Payload)))
	exptime := nodes.Expiry(life(next, now), now)
	result := unreachable
	for i := len(v.members) - 1; i >= 0; i-- {
		m := &v.members[i]
		var err error
		switch {
		case m.answer == hit:
			err = m.node.CAS(ctx, v.key, value, m.cas, exptime)
		case m.answer == miss && !s.outside(v, i):
			err = m.node.Add(ctx, v.key, value, exptime)
		default:
			continue
		}
		switch {
		case err == nil:
			m.answer, m.rec, m.cas = hit, *next, 0
			result = acknowledged
		case errors.Is(err, nodes.ErrConflict), errors.Is(err, nodes.ErrNotFound):
			return conflicted
		default:
			m.answer = failed
		}
	}
	return result
}
