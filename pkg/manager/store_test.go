package manager

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"time"

	"github.com/msmd/msmd/internal/memcached"
	"github.com/msmd/msmd/pkg/nodes"
	"github.com/msmd/msmd/pkg/transcoder"
)

// memStore is a store on in-process nodes, whose faults a test can set.
func memStore(t *testing.T, n int) (*store, map[string]*memcached.Server) {
	t.Helper()
	servers := map[string]*memcached.Server{}
	var specs []nodes.Spec
	for i := range n {
		s := memcached.New(memcached.Config{})
		if err := s.Start("127.0.0.1:0"); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(s.Stop)
		id := string(rune('a' + i))
		servers[id] = s
		specs = append(specs, nodes.Spec{ID: id, Addr: s.Addr()})
	}
	pool, err := nodes.Open(nodes.Config{Nodes: specs, OperationTimeout: time.Second}) // a busy machine is no fault
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	return &store{pool: pool, copies: min(2, n), prefix: "t:", tcID: 1, maxSize: 1 << 19, timeout: time.Second,
		inFlight: newQueue(), gone: newGone(), log: slog.New(slog.DiscardHandler), stats: &Stats{}}, servers
}

// created creates a session and loads it.
func created(t *testing.T, s *store) *view {
	t.Helper()
	now := time.Now()
	v, err := s.create(t.Context(), transcoder.Record{Transcoder: 1, Version: 1, Tag: newTag(), Created: now, Accessed: now,
		Idle: time.Minute, Absolute: time.Hour, Payload: []byte{0xa0}}, "")
	if err != nil {
		t.Fatal(err)
	}
	return reload(t, s, v)
}

func reload(t *testing.T, s *store, v *view) *view {
	t.Helper()
	fresh := s.newView(v.id)
	s.load(t.Context(), fresh, false)
	return fresh
}

func payload(b byte) change {
	return func(r *transcoder.Record) error { r.Payload = []byte{0x81, b}; return nil }
}

// TestHomeIsWrittenLast: a conflict at the copy stops a change before it
// reaches the home. Home-first loses acknowledged changes.
func TestHomeIsWrittenLast(t *testing.T) {
	t.Parallel()
	s, _ := memStore(t, 2)
	v := created(t, s)
	stale := reload(t, s, v)
	if err := s.update(t.Context(), v, payload(1)); err != nil {
		t.Fatal(err)
	}
	home := stale.members[0]
	next := successor(&stale.rec, time.Now())
	next.Payload = []byte{0x81, 2}
	// Take away the copy's conflict only: the home must not have been asked.
	before := home.node.Stats().CASes.Load()
	if got := s.write(context.Background(), stale, &next); got != conflicted {
		t.Errorf("write over a newer version = %v, want conflicted", got)
	}
	if got := home.node.Stats().CASes.Load() - before; got != 0 {
		t.Errorf("the home was written %d times before the copy had agreed", got)
	}
}

// TestTieGoesToTheHome: of two versions with one number the home's is used
// and written over the copy's, the one that was never acknowledged.
func TestTieGoesToTheHome(t *testing.T) {
	t.Parallel()
	s, _ := memStore(t, 2)
	v := created(t, s)
	left, right := successor(&v.rec, time.Now()), successor(&v.rec, time.Now())
	left.Payload, right.Payload = []byte{0x81, 1}, []byte{0x81, 2}
	put(t, v, 1, &left)
	put(t, v, 0, &right)
	got := reload(t, s, v)
	if got.presence != present || got.rec.Tag != right.Tag {
		t.Errorf("a tie was settled for tag %x, want the home's %x", got.rec.Tag, right.Tag)
	}
	if !got.members[1].rec.Same(&right) {
		t.Error("the copy was not repaired before use")
	}
}

// put overwrites a member's value, as another msmd does.
func put(t *testing.T, v *view, i int, rec *transcoder.Record) {
	t.Helper()
	if err := v.members[i].node.CAS(t.Context(), v.key, rec.Append(nil), v.members[i].cas, 60); err != nil {
		t.Fatal(err)
	}
}

// TestNewerCopyWins: a change that reached the copy only, because its msmd
// died, takes effect; it is not half there.
func TestNewerCopyWins(t *testing.T) {
	t.Parallel()
	s, _ := memStore(t, 2)
	v := created(t, s)
	next := successor(&v.rec, time.Now())
	put(t, v, 1, &next)
	got := reload(t, s, v)
	if got.rec.Tag != next.Tag || !got.members[0].rec.Same(&next) {
		t.Error("the newer copy was not used and written to the home")
	}
	if s.stats.Repairs.Load() != 1 {
		t.Errorf("Repairs = %d, want 1", s.stats.Repairs.Load())
	}
}

// TestOwnWriteIsFound: a change whose answers were lost is not applied twice.
func TestOwnWriteIsFound(t *testing.T) {
	t.Parallel()
	s, _ := memStore(t, 2)
	v := created(t, s)
	stale := reload(t, s, v)
	applied := 0
	err := s.update(t.Context(), stale, func(r *transcoder.Record) error {
		if applied++; applied == 1 {
			// Another msmd takes this very version from the copy, brings it
			// home and goes on, while our answers are lost.
			first := *r
			for i := range v.members {
				put(t, v, i, &first)
			}
			other := reload(t, s, v)
			if err := s.updateUnqueued(t.Context(), other, payload(9)); err != nil {
				t.Error(err)
			}
		}
		return nil
	})
	if err != nil || applied != 1 {
		t.Errorf("update applied its change %d times, error %v, want once", applied, err)
	}
	if got := reload(t, s, v); got.rec.Version != 3 || got.rec.Payload[1] != 9 {
		t.Errorf("version %d, payload %x, want version 3 with the other's change", got.rec.Version, got.rec.Payload)
	}
}

// updateUnqueued is update from another process, which has its own queue.
func (s *store) updateUnqueued(ctx context.Context, v *view, apply change) error {
	other := *s
	other.inFlight = newQueue()
	return other.update(ctx, v, apply)
}

// TestFullNode: a node that takes no writes counts as one that fails: the
// change goes to the other one and to a spare.
func TestFullNode(t *testing.T) {
	t.Parallel()
	for i := range 2 {
		s, servers := memStore(t, 3)
		v := created(t, s)
		servers[v.members[i].node.ID()].Refuse("out of memory storing object")
		if err := s.update(t.Context(), v, payload(1)); err != nil {
			t.Fatal(err)
		}
		if got := v.stored(); got != 2 || len(v.members) != 3 {
			t.Errorf("member %d full: %d copies on %d members, want 2 with the spare", i, got, len(v.members))
		}
		if s.stats.Degraded.Load() != 1 {
			t.Errorf("Degraded = %d, want 1", s.stats.Degraded.Load())
		}
	}
}

// TestNoNodeTakesIt: nothing is acknowledged that is stored nowhere.
func TestNoNodeTakesIt(t *testing.T) {
	t.Parallel()
	s, servers := memStore(t, 2)
	v := created(t, s)
	for _, srv := range servers {
		srv.Refuse("out of memory storing object")
	}
	if err := s.update(t.Context(), v, payload(1)); !errors.Is(err, errUnavailable) {
		t.Errorf("update = %v, want errUnavailable", err)
	}
	if _, err := s.create(t.Context(), v.rec, ""); !errors.Is(err, errUnavailable) {
		t.Errorf("create = %v, want errUnavailable", err)
	}
	for _, srv := range servers {
		srv.Refuse("")
	}
	if got := reload(t, s, v); got.presence != present || got.rec.Version != 1 {
		t.Errorf("presence %v, version %d, want the old state", got.presence, got.rec.Version)
	}
}

// TestReadOnlyLoadRepairsNothingItCannot: a refused repair leaves the hit in
// use.
func TestRefusedRepair(t *testing.T) {
	t.Parallel()
	s, servers := memStore(t, 2)
	v := created(t, s)
	home := servers[v.members[0].node.ID()]
	home.Empty()
	home.Refuse("out of memory storing object")
	if got := reload(t, s, v); got.presence != present || got.members[0].answer != failed {
		t.Errorf("presence %v, home %v, want present with a failed home", got.presence, got.members[0].answer)
	}
}

func TestQueueServesInOrderAndKeepsNothing(t *testing.T) {
	t.Parallel()
	q := newQueue()
	first, waited := q.enter("k", time.Minute)
	if first == nil || waited {
		t.Fatalf("first enter: %v, waited %v", first, waited)
	}
	if turn, _ := q.enter("k", time.Microsecond); turn != nil {
		t.Error("two have the turn at once")
	}
	done := make(chan bool)
	go func() {
		second, waited := q.enter("k", time.Minute)
		q.leave("k", second)
		done <- waited
	}()
	for { // until the goroutine stands in the queue
		q.mu.Lock()
		n := q.turns["k"].users
		q.mu.Unlock()
		if n == 2 {
			break
		}
	}
	q.leave("k", first)
	if waited := <-done; !waited {
		t.Error("the second did not wait")
	}
	if len(q.turns) != 0 {
		t.Errorf("%d entries left in the queue", len(q.turns))
	}
}

// TestSharedLoad: of many requests that come while a session is being loaded,
// all share the one load that begins after they came.
func TestSharedLoad(t *testing.T) {
	t.Parallel()
	s, _ := memStore(t, 1)
	s.timeout = time.Minute
	v := created(t, s)
	turn, _ := s.inFlight.enter(v.key, time.Second)
	gets := v.members[0].node.Stats().Gets.Load()
	views := make(chan *view, 10)
	for range cap(views) {
		go func() { views <- s.find(t.Context(), v.id) }()
	}
	for { // until all stand in the queue
		s.inFlight.mu.Lock()
		n := turn.users
		s.inFlight.mu.Unlock()
		if n == 1+cap(views) {
			break
		}
	}
	s.inFlight.leave(v.key, turn)
	for range cap(views) {
		if got := <-views; got.presence != present {
			t.Errorf("presence = %v, want present", got.presence)
		}
	}
	if got := v.members[0].node.Stats().Gets.Load() - gets; got != 1 {
		t.Errorf("%d gets for 10 waiting requests, want 1", got)
	}
}

// TestOldNodeIsNoAnswer: a node that hung, missed a change and is back is not
// taken at its word while the other one, which has the change, is just slow.
func TestOldNodeIsNoAnswer(t *testing.T) {
	t.Parallel()
	s, servers := memStore(t, 2)
	v := created(t, s)
	home, other := v.members[0].node, v.members[1].node
	servers[home.ID()].Pause()
	if err := s.update(t.Context(), v, payload(1)); err != nil { // times out at the home
		t.Fatal(err)
	}
	// As if the late cas had been lost: the home comes back with what it had.
	servers[home.ID()].Refuse("lost")
	servers[home.ID()].Resume()
	servers[other.ID()].Pause()
	got := reload(t, s, v)
	if got.presence != unknown {
		t.Errorf("presence = %v, payload %x, want unknown", got.presence, got.rec.Payload)
	}
	servers[other.ID()].Resume()
	servers[home.ID()].Refuse("")
	if got = reload(t, s, v); got.presence != present || got.rec.Payload[1] != 1 {
		t.Errorf("then presence %v, payload %x, want the change", got.presence, got.rec.Payload)
	}
}
