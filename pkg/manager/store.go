package manager

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/msmd/msmd/pkg/nodes"
	"github.com/msmd/msmd/pkg/sessionid"
	"github.com/msmd/msmd/pkg/transcoder"
)

// drawTries is how many ids are drawn in search of one whose nodes are up.
const drawTries = 32

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

// enter waits for the session's turn to be changed, and loads it anew if it
// may have changed meanwhile or if some of its nodes failed.
func (s *store) enter(ctx context.Context, v *view) (*turn, error) {
	t, waited := s.inFlight.enter(v.key, s.timeout)
	if t == nil {
		return nil, fmt.Errorf("%w: other requests of the session took more than %v", errUnavailable, s.timeout)
	}
	t.loaded = nil // not for those who come to read what is changed now
	if waited || v.anyFailed() {
		s.load(ctx, v, true)
	}
	return t, nil
}

// settle writes next and reports whether it is acknowledged. If not, it has
// loaded the session anew.
func (s *store) settle(ctx context.Context, v *view, next *transcoder.Record) bool {
	switch s.write(ctx, v, next) {
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

func (v *view) usable() error {
	switch v.presence {
	case absent:
		return errVanished
	case unknown:
		return fmt.Errorf("%w: its nodes do not answer", errUnavailable)
	default:
		return nil
	}
}

// stored counts the members that hold what was written last.
func (v *view) stored() int {
	n := 0
	for i := range v.members {
		if v.members[i].answer == hit {
			n++
		}
	}
	return n
}

// serving returns the node that the id should name: the one it names if that is
// one of the session's first copies nodes and up, else the first member that
// holds the session. A node that missed one answer but is not down keeps its
// sessions' ids: they would only change to and fro.
func (v *view) serving(copies int) string {
	first := v.id.Node
	found := false
	for i := range v.members {
		m := &v.members[i]
		if m.node.ID() == v.id.Node && i < copies && (m.answer == hit || m.node.Up()) {
			return v.id.Node
		}
		if !found && m.answer == hit {
			first, found = m.node.ID(), true
		}
	}
	return first
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

// create stores rec under a new id and returns its view. Nobody else knows the
// id yet, so the copies are written in parallel.
func (s *store) create(ctx context.Context, rec transcoder.Record, route string) (*view, error) {
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	for ctx.Err() == nil {
		v := s.draw(route)
		rec.Fingerprint = v.fp
		if !s.addAll(ctx, v, &rec) {
			continue // the key is taken, by a try of ours that timed out and landed
		}
		best := v.newest()
		if best < 0 {
			return nil, fmt.Errorf("%w: no node took the new session", errUnavailable)
		}
		if v.stored() < s.copies {
			s.stats.Degraded.Add(1)
		}
		v.rec, v.presence = rec, present
		v.id = v.id.WithNode(v.members[best].node.ID())
		return v, nil
	}
	return nil, fmt.Errorf("%w: no end within %v", errUnavailable, s.timeout)
}

// draw returns a fresh id whose nodes are up, if there are such nodes.
func (s *store) draw(route string) *view {
	for try := 1; ; try++ {
		v := s.newView(sessionid.New("", route))
		up := 0
		for i := range v.members {
			if v.members[i].node.Up() {
				up++
			}
		}
		if up == len(v.members) || try == drawTries {
			return v
		}
	}
}

// addAll adds rec on all members and, for those that fail, on spares. It
// returns false if a node has the key already.
func (s *store) addAll(ctx context.Context, v *view, rec *transcoder.Record) bool {
	now := time.Now()
	value := rec.Append(nil)
	exptime := nodes.Expiry(life(rec, now), now)
	for {
		var wg sync.WaitGroup
		for i := range v.members {
			if m := &v.members[i]; m.answer == unasked {
				wg.Go(func() { m.answer, m.rec = added(m.node.Add(ctx, v.key, value, exptime)), *rec })
			}
		}
		wg.Wait()
		for i := range v.members {
			if v.members[i].answer == taken {
				return false
			}
		}
		if !v.widen(s.copies) {
			return true
		}
	}
}

func added(err error) answer {
	switch {
	case err == nil:
		return hit
	case errors.Is(err, nodes.ErrConflict):
		return taken
	default:
		return failed
	}
}

// destroy puts a tombstone in the session's place, which no late write, repair
// or returning node gets past. A session that is gone already is fine.
func (s *store) destroy(ctx context.Context, v *view) error {
	err := s.update(ctx, v, entomb)
	if errors.Is(err, errVanished) {
		return nil
	}
	return err
}

func entomb(r *transcoder.Record) error {
	r.Tombstone, r.Payload, r.Subject = true, nil, 0
	return nil
}

// rotate stores the session's next version under a new id, then puts a
// tombstone over the old one. Of several that rotate at once the one whose
// tombstone wins goes on; the others get errVanished.
func (s *store) rotate(ctx context.Context, old *view, apply change) (*view, error) {
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	t, err := s.enter(ctx, old)
	if err != nil {
		return nil, err
	}
	defer s.inFlight.leave(old.key, t)
	var fresh *view
	var mine []uint64
	for {
		if fresh != nil && wrote(&old.rec, mine) {
			return fresh, nil
		}
		err := old.usable()
		if err == nil && ctx.Err() != nil {
			err = fmt.Errorf("%w: no end within %v", errUnavailable, s.timeout)
		}
		if err == nil {
			fresh, err = s.place(ctx, fresh, old, apply)
		}
		if err != nil {
			if fresh != nil {
				s.discard(ctx, fresh)
			}
			return nil, err
		}
		tomb := successor(&old.rec, time.Now())
		_ = entomb(&tomb) // never fails
		mine = append(mine, tomb.Tag)
		if s.settle(ctx, old, &tomb) {
			return fresh, nil
		}
	}
}

// place stores what is to stand under the new id: at first by creating it,
// after a conflict over the old id by updating it.
func (s *store) place(ctx context.Context, fresh, old *view, apply change) (*view, error) {
	next := successor(&old.rec, time.Now())
	if err := apply(&next); err != nil {
		return fresh, err
	}
	if fresh == nil {
		return s.create(ctx, next, old.id.Route)
	}
	return fresh, s.update(ctx, fresh, func(r *transcoder.Record) error {
		r.Payload, r.Version = next.Payload, max(r.Version, next.Version)
		return nil
	})
}

// discard destroys the new id of a rotation that failed. Nobody was given it;
// if this fails too, it ends with its idle limit.
func (s *store) discard(ctx context.Context, v *view) {
	if err := s.destroy(context.WithoutCancel(ctx), v); err != nil {
		s.log.Debug("could not remove the new id of a failed rotation", "cause", err.Error())
	}
}
