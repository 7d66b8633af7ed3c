package manager

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/msmd/msmd/pkg/nodes"
	"github.com/msmd/msmd/pkg/sessionid"
	"github.com/msmd/msmd/pkg/transcoder"
)

const (
	quickRounds = 3 // of reading and repairing, before a load pauses between them
	clockSkew   = 5 * time.Second
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
	inFlight *queue
	log      *slog.Logger
	stats    *Stats
}

// answer is what a node said about a key.
type answer byte

const (
	unasked answer = iota
	hit
	miss
	failed  // no answer, or one that the node could not take part with
	corrupt // bytes that are no record of this session: kept, never overwritten
	taken   // a key that should be new is there already
)

// member is one node of a session's set, with its answer.
type member struct {
	node   *nodes.Node
	answer answer
	rec    transcoder.Record // with hit
	cas    uint64            // with hit
}

// presence is what a load found out.
type presence byte

const (
	absent  presence = iota // every copy holder answered, none has it; or destroyed
	present                 // rec holds the newest version
	unknown                 // it cannot be decided now
)

// view is what a load knows of a session. members stand in rank order: the
// home first, then the copies, then spares that were asked.
type view struct {
	id       sessionid.ID
	key      string
	fp       uint64
	presence presence
	rec      transcoder.Record // with present, and a tombstone with absent
	members  []member
	spares   []*nodes.Node // not asked yet
}

// newView returns the view of id before anything was asked.
func (s *store) newView(id sessionid.ID) *view {
	v := &view{id: id}
	v.key, v.fp = id.Key(s.prefix)
	order := s.pool.Order(id.Base)
	v.members = make([]member, s.copies, s.copies+1)
	for i := range v.members {
		v.members[i].node = order[i]
	}
	v.spares = order[s.copies:]
	// The id's node is a hint: if it names a spare, the session was stored
	// there while its own nodes were down.
	for i, n := range v.spares {
		if id.Node != "" && n.ID() == id.Node {
			v.members = append(v.members, member{node: n})
			v.spares = append(append([]*nodes.Node{}, v.spares[:i]...), v.spares[i+1:]...)
			break
		}
	}
	return v
}

// find loads the session for a request. Requests that wait while another loads
// the same session share the next load, one that begins after they came: an
// earlier one may have missed a change that was acknowledged before they came.
func (s *store) find(ctx context.Context, id sessionid.ID) *view {
	came := time.Now()
	v := s.newView(id)
	t, waited := s.inFlight.enter(v.key, s.timeout)
	if t != nil {
		defer s.inFlight.leave(v.key, t)
		if waited && t.loaded != nil && t.loaded.id == id && t.began.After(came) {
			return t.loaded.clone()
		}
	}
	began := time.Now()
	// Others may share the outcome: it must not depend on this client's staying.
	s.load(context.WithoutCancel(ctx), v, false)
	if t != nil {
		t.loaded, t.began = v.clone(), began
	}
	return v
}

func (v *view) clone() *view {
	c := *v
	c.members = slices.Clone(v.members)
	c.spares = slices.Clone(v.spares)
	return &c
}

// load asks the session's nodes in parallel, settles differences between them
// and writes the newest version back where it is missing or old, before anyone
// uses it. It marks v.members that fail and does not ask them again.
//
// With widen set, spares take the places of members that failed, so that a
// change gets as many copies as there should be. Without it they are asked
// only when no member has the session and some member could not say.
func (s *store) load(ctx context.Context, v *view, widen bool) {
	deadline := time.Now().Add(s.timeout)
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

// widen adds spares until copies members can take part, and reports whether it
// added one.
func (v *view) widen(copies int) (added bool) {
	able := 0
	for i := range v.members {
		if a := v.members[i].answer; a != failed && a != corrupt {
			able++
		}
	}
	for ; able < copies && len(v.spares) > 0; able++ {
		v.members = append(v.members, member{node: v.spares[0]})
		v.spares = v.spares[1:]
		added = true
	}
	return added
}

// askSpares makes all spares members.
func (v *view) askSpares() {
	for _, n := range v.spares {
		v.members = append(v.members, member{node: n})
	}
	v.spares = nil
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
	value, cas, err := m.node.Get(ctx, v.key)
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

// newest returns the member with the newest version, -1 if none has the
// session. Of equal versions the one nearer to the home wins: the home is
// written last, so what it holds was, or is about to be, acknowledged.
func (v *view) newest() int {
	best := -1
	for i := range v.members {
		m := &v.members[i]
		if m.answer == hit && (best < 0 || m.rec.Version > v.members[best].rec.Version) {
			best = i
		}
	}
	return best
}

func (v *view) anyFailed() bool {
	for i := range v.members {
		if v.members[i].answer == failed {
			return true
		}
	}
	return false
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
	default:
		v.rec = v.members[best].rec
		v.presence = present
		if v.rec.Tombstone || expired(&v.rec, time.Now()) {
			v.presence = absent
		}
	}
}

// refreshAfter is how old a session's stored last access may get before an
// unmodified session is stored again: a minute, or less for short idle limits.
func refreshAfter(idle time.Duration) time.Duration { return min(time.Minute, idle/10) }

// expired enforces the limits from the record's own times, even where
// memcached keeps the item longer.
func expired(r *transcoder.Record, now time.Time) bool {
	if r.Idle > 0 && now.After(r.Accessed.Add(r.Idle+refreshAfter(r.Idle)+clockSkew)) {
		return true
	}
	return r.Absolute > 0 && now.After(r.Created.Add(r.Absolute+clockSkew))
}

// life is what is left of a record's life in memcached. A tombstone outlives
// every copy of the session that may come back.
func life(r *transcoder.Record, now time.Time) time.Duration {
	left := r.Accessed.Add(r.Idle + refreshAfter(r.Idle)).Sub(now)
	if r.Absolute > 0 {
		left = min(left, r.Created.Add(r.Absolute).Sub(now))
	}
	if r.Tombstone {
		left = r.Accessed.Add(r.Idle + time.Minute + clockSkew).Sub(now)
	}
	return max(left, time.Second) // less would remove what this msmd's fast clock takes for old
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
