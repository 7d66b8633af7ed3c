//go:build faults

package faults

import (
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/msmd/msmd/pkg/transcoder"
)

// parallel is how many sessions are looked at at once.
const parallel = 4

// healTries is how often that is repeated.
const healTries = 10

// heal waits until all msmds use all nodes again, and reads every session that
// is alive, and every id that died not long ago, once through msmd. It does so
// again if a node failed meanwhile, which a busy machine suffices for.
func (r *run) heal() error {
	for range healTries {
		if err := r.world.awaitUp(); err != nil {
			return err
		}
		r.mu.Lock()
		if n := len(r.windows); n > 0 && r.windows[n-1].whole == 0 {
			r.windows[n-1].whole = r.now()
		}
		turn := len(r.windows)
		r.mu.Unlock()
		before := r.failures()
		r.inParallel(len(r.browsers), func(i int) { r.browsers[i].look((i + turn) % r.opt.msmds) })
		r.probeGraves()
		if total(r.failures()) == total(before) {
			return nil
		}
	}
	return nil // the failures are counted
}

// inParallel calls f with 0 to n-1, some at once.
func (r *run) inParallel(n int, f func(i int)) {
	var work sync.WaitGroup
	for part := range parallel {
		work.Go(func() {
			for i := part; i < n; i += parallel {
				f(i)
			}
		})
	}
	work.Wait()
}

// look reads the browser's session while none of its requests is under way,
// and compares that with what home and copy hold.
func (b *browser) look(server int) {
	b.gate.Lock()
	defer b.gate.Unlock()
	l, id, _, ok := b.live()
	if !ok {
		return // it is about to end, or has not begun
	}
	problem := ""
	err := waitUntil("home and copy agree with what msmd reads", func() bool {
		o, _ := b.do(read, b.number*tabs, server)
		if !o.answered {
			return false
		}
		if !o.alive {
			return true // the checks say whether that was right
		}
		problem = b.r.compare(base(id), l, o.saw)
		return problem == ""
	})
	if err != nil {
		b.r.violation(differ, l, "%v: %s", err, problem)
	}
}

// compare reads both copies of a session past msmd and says what is wrong with
// them, nothing if both are there and have exactly the tokens of want.
func (r *run) compare(base string, l *lineage, want set) string {
	k, fingerprint := key(base)
	home, backup := r.world.pair(base)
	var recs []transcoder.Record
	for _, node := range []int{home, backup} {
		value, err := r.world.raws[node].get(k)
		if err != nil {
			return err.Error()
		}
		if value == nil {
			return fmt.Sprintf("n%d does not have it", node+1)
		}
		rec, err := transcoder.Parse(value, fingerprint)
		if err != nil {
			return fmt.Sprintf("n%d: %v", node+1, err)
		}
		if rec.Tombstone {
			return fmt.Sprintf("n%d has a tombstone of version %d", node+1, rec.Version)
		}
		attrs, err := transcoder.NewCBOR().Attributes(rec.Payload)
		if err != nil {
			return fmt.Sprintf("n%d: %v", node+1, err)
		}
		var names []string
		for _, a := range attrs {
			names = append(names, a.Name)
		}
		if got, foreign := l.parse(names); got != want || foreign != "" {
			return fmt.Sprintf("n%d has version %d with %v, foreign %q; msmd read %v", node+1, rec.Version, got, foreign, want)
		}
		recs = append(recs, rec)
	}
	if !recs[0].Same(&recs[1]) {
		return fmt.Sprintf("version %d on n%d, %d on n%d, or other tags", recs[0].Version, home+1, recs[1].Version, backup+1)
	}
	return ""
}

// probeGraves asks for the ids that died last, each under a route that nobody
// used, so that no msmd answers from its memory of ids that are gone. Nobody
// else asks for a dead id, and a tombstone that is lost on one node is written
// back like any other record only when it is asked for.
func (r *run) probeGraves() {
	r.mu.Lock()
	graves := slices.Clone(r.graves)
	r.mu.Unlock()
	r.inParallel(len(graves), func(i int) { r.probe(graves[i], i%r.opt.msmds) })
}

// probe asks one msmd for a dead id.
func (r *run) probe(g grave, server int) {
	for !r.stopped() {
		call := r.now()
		a := r.request(server, pathRead, "", fmt.Sprintf("%s.probe%d", g.id, call))
		if a.state == "ok" && r.mustBeDead(g, call) {
			r.violation(resurrected, g.line, "lineage %d, id %d, dead since %v, gives %v", g.line.number, g.gen, time.Duration(g.died), a.tokens)
			r.writeEvidence(g.line)
		}
		if a.state == "ok" || a.state == "none" {
			return
		}
	}
}

// mustBeDead reports whether a dead id gave a session, at a time, that it must
// not give any more. It waits for requests that are under way, for they may
// have rotated it.
func (r *run) mustBeDead(g grave, at int64) bool {
	g.of.gate.Lock()
	defer g.of.gate.Unlock()
	g.line.mu.Lock()
	defer g.line.mu.Unlock()
	return at > r.deadFrom(g.line.ops, g.gen, g.died)
}

// finalLook reads all sessions that are left, at each msmd and on both nodes,
// and hands them to the checks.
func (r *run) finalLook() {
	if err := r.heal(); err != nil {
		r.t.Errorf("seed %d, at the end: %v", r.opt.seed, err)
	}
	for _, b := range r.browsers {
		if b.line == nil {
			continue
		}
		for server := range r.opt.msmds {
			b.over = false // nobody else uses the browser any more
			b.look(server)
		}
		r.retire(b.line)
	}
}
