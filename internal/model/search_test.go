//go:build model

package model

import (
	"fmt"
	"hash/maphash"
	"slices"
	"strings"
)

// next calls out for every step that is possible in s.
func (r *run) next(s *state, out emit) {
	w := &world{state: *s, r: r}
	w.faultSteps(out)
	w.land(out)
	for i := range w.clients {
		switch w.clients[i].pc {
		case idle:
			w.beginnings(i, func(t world) { t.readSteps(i, out) })
		case reading:
			w.readSteps(i, out)
		case repairing:
			w.repairSteps(i, out)
		case writing:
			w.writeSteps(i, out)
		}
	}
}

const chunkBits = 14

// search is a breadth-first search. The states in the order of their discovery
// are its queue.
type search struct {
	r      *run
	seed   maphash.Seed
	chunks [][]state
	parent []uint32
	table  []uint64 // open addressing; 0 is free, else half a hash and a state's number + 1
	n      int
}

func newSearch(r *run) *search {
	return &search{r: r, seed: maphash.MakeSeed(), table: make([]uint64, 1<<12)}
}

func (q *search) at(k int) *state { return &q.chunks[k>>chunkBits][k&(1<<chunkBits-1)] }

// insert adds s unless it is there.
func (q *search) insert(s *state, parent int) {
	if 3*q.n > 2*len(q.table) {
		q.grow()
	}
	hash := uint32(maphash.Comparable(q.seed, *s))
	mask := uint32(len(q.table) - 1)
	slot := hash & mask
	for ; q.table[slot] != 0; slot = (slot + 1) & mask {
		if v := q.table[slot]; uint32(v>>32) == hash && *q.at(int(uint32(v)) - 1) == *s {
			return
		}
	}
	if q.n>>chunkBits == len(q.chunks) {
		q.chunks = append(q.chunks, make([]state, 1<<chunkBits))
	}
	*q.at(q.n) = *s
	q.parent = append(q.parent, uint32(parent))
	q.n++
	q.table[slot] = uint64(hash)<<32 | uint64(q.n)
}

func (q *search) grow() {
	old := q.table
	q.table = make([]uint64, 2*len(old))
	mask := uint32(len(q.table) - 1)
	for _, v := range old {
		if v == 0 {
			continue
		}
		slot := uint32(v>>32) & mask
		for q.table[slot] != 0 {
			slot = (slot + 1) & mask
		}
		q.table[slot] = v
	}
}

// verdict is the outcome of a search.
type verdict struct {
	states int
	bad    string   // empty if nothing was broken
	trace  []string // the shortest way there
	full   bool     // the limit was reached
}

// explore visits all states, up to limit, and stops at the first step that
// breaks something: no shorter sequence of steps does.
func explore(v variant, sc scenario, limit int) verdict {
	r := newRun(v, sc)
	q := newSearch(r)
	s := r.first()
	q.insert(&s, 0)
	for head := 0; head < q.n; head++ {
		bad := ""
		s := *q.at(head)
		r.next(&s, func(w *world, _ event) {
			switch {
			case bad != "":
			case w.bad != "":
				bad = w.bad
			default:
				q.insert(&w.state, head)
			}
		})
		if bad != "" {
			last := q.step(head, func(w *world) bool { return w.bad != "" })
			return verdict{states: q.n, bad: bad, trace: append(q.trace(head), last)}
		}
		if q.n > limit {
			return verdict{states: q.n, full: true}
		}
	}
	return verdict{states: q.n}
}

// trace returns the steps that lead to state k.
func (q *search) trace(k int) []string {
	var steps []string
	for k != 0 {
		want := *q.at(k)
		k = int(q.parent[k])
		steps = append(steps, q.step(k, func(w *world) bool { return w.state == want }))
	}
	slices.Reverse(steps)
	return steps
}

// step describes the step from state k that is searched for.
func (q *search) step(k int, is func(*world) bool) (found string) {
	q.r.tracing = true
	defer func() { q.r.tracing = false }()
	q.r.next(q.at(k), func(w *world, e event) {
		if found == "" && is(w) {
			found = q.r.describe(e, w)
		}
	})
	return found
}

func (r *run) describe(e event, w *world) string {
	var b strings.Builder
	b.WriteString(w.before)
	if e.client >= 0 {
		fmt.Fprintf(&b, "c%d ", e.client)
	}
	b.WriteString(e.what)
	if e.node != noNode {
		fmt.Fprintf(&b, " %c", 'A'+e.node)
	}
	if e.rec != 0 {
		fmt.Fprintf(&b, " %v", r.recs[e.rec])
	}
	if e.result != "" {
		fmt.Fprintf(&b, ": %s", e.result)
	}
	if w.note != "" {
		fmt.Fprintf(&b, "; %s", w.note)
	}
	return b.String()
}
