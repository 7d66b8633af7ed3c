package manager

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/msmd/msmd/pkg/nodes"
	"github.com/msmd/msmd/pkg/transcoder"
)

// quickRounds is how many rounds of reading and repairing a load makes before
// it pauses between them.
const quickRounds = 3

// load asks the session's nodes in parallel, settles differences between them
// and writes the newest version back where it is missing or old, before anyone
// uses it. It marks v.members that fail and does not ask them again.
//
// With widen set, spares take the places of members that failed, so that a
// change gets as many copies as there should be. Without it they are asked
// only when no member has the session and some member could not say.
func (s *store) load(ctx context.Context, v *view, widen bool) {
	deadline := time.Now().Add(s.timeout)
	v.partial, v.asked = false, time.Now()
	widen = widen && !s.strict // with strict, spares do not count
	for round := 0; round == 0 || time.Now().Before(deadline); round++ {
		if round >= quickRounds {
			pause(ctx) // others are changing the session under our hands
		}
		if widen {
			v.widen(s.copies)
		}
		s.read(ctx, v)
		best := v.newest()
		if best < 0 {
			if v.anyFailed() && len(v.spares) > 0 {
				v.askSpares()
				continue
			}
			if v.insist(s.copies) {
				continue
			}
			s.conclude(v, best)
			return
		}
		if widen && v.widen(s.copies) {
			continue // a member failed in this round
		}
		if !s.repair(ctx, v, best) {
			s.conclude(v, best)
			return
		}
	}
	v.presence = unknown
}

// read asks all members that have not failed, in parallel.
func (s *store) read(ctx context.Context, v *view) {
	var wg sync.WaitGroup
	for i := len(v.members) - 1; i >= 0; i-- {
		m := &v.members[i]
		if m.answer == failed || m.answer == corrupt {
			continue
		}
		if i == 0 {
			s.readOne(ctx, v, m) // the last of them on this goroutine
			break
		}
		wg.Go(func() { s.readOne(ctx, v, m) })
	}
	wg.Wait()
}

func (s *store) readOne(ctx context.Context, v *view, m *member) {
	get := m.node.Get
	if m.insist {
		get = m.node.GetAnyway
	}
	value, cas, err := get(ctx, v.key)
	m.passed, m.slow = errors.Is(err, nodes.ErrSkipped), errors.Is(err, nodes.ErrTimeout)
	switch {
	case errors.Is(err, nodes.ErrNotFound):
		m.answer = miss
	case err != nil:
		m.answer = failed
	default:
		m.answer, m.cas = hit, cas
		m.rec, err = transcoder.Parse(value, v.fp)
		if err == nil && !m.rec.Tombstone && m.rec.Transcoder != s.tcID {
			err = errors.New("written by another transcoder")
		}
		if err != nil {
			m.answer = corrupt
			s.stats.Corrupt.Add(1)
			s.log.Warn("stored session is not readable; its bytes are kept and not used",
				"node", m.node.ID(), "cause", err.Error(), "hint", "does another program write to this memcached?")
		}
	}
}

// repair writes the best version to the members that miss it or have another,
// and reports whether it did, so that the caller reads again. It never uses
// plain set: a repair that loses a race must lose.
func (s *store) repair(ctx context.Context, v *view, best int) (wrote bool) {
	rec := &v.members[best].rec
	now := time.Now()
	var value []byte
	for i := range v.members {
		m := &v.members[i]
		if m.answer != miss && (m.answer != hit || m.rec.Same(rec)) {
			continue
		}
		if m.answer == miss && s.outside(v, i) {
			continue // a spare need not have it
		}
		if value == nil {
			value = rec.Append(nil)
		}
		var err error
		exptime := nodes.Expiry(life(rec, now), now)
		if m.answer == miss {
			err = m.node.Add(ctx, v.key, value, exptime)
		} else {
			err = m.node.CAS(ctx, v.key, value, m.cas, exptime)
		}
		switch {
		case err == nil:
			s.stats.Repairs.Add(1)
			wrote = true
		case errors.Is(err, nodes.ErrConflict), errors.Is(err, nodes.ErrNotFound):
			wrote = true // somebody else changed it: read again
		default:
			m.answer = failed
		}
	}
	return wrote
}

// outside reports whether member i is a spare that is not needed: enough
// members before it can take part.
func (s *store) outside(v *view, i int) bool {
	able := 0
	for j := range i {
		if a := v.members[j].answer; a == hit || a == miss {
			able++
		}
	}
	return able >= s.copies
}

// conclude sets the view's presence from its members' answers.
func (s *store) conclude(v *view, best int) {
	switch {
	case best < 0 && v.anyFailed():
		v.presence = unknown
	case best < 0:
		v.presence = absent
	case s.strict && v.lacks(s.copies):
		v.presence = unknown
	case v.anySlow(s.copies) && v.members[best].node.FailedSince(time.Now().Add(-v.members[best].rec.Idle)):
		// This node failed a while ago and may have missed changes. The one
		// that has them is slow, not gone: better no answer than an old one.
		v.presence = unknown
	default:
		v.rec = v.members[best].rec
		v.presence = present
		if now := time.Now(); ended(&v.rec, s.grace, now) {
			v.presence = absent
		}
	}
}

// pause waits a moment, at random, before a retry.
func pause(ctx context.Context) {
	timer := time.NewTimer(time.Duration(rand.Int64N(int64(5 * time.Millisecond))))
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}
