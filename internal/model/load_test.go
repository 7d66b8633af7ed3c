//go:build model

package model

import "fmt"

// This file follows pkg/manager/load.go; the names are the same.

// begin starts the client's next operation. hinted is a spare that the id
// names, or -1.
func (w *world) begin(i, hinted int) {
	c := &w.clients[i]
	c.mode, c.tries, c.fresh = find, 0, 0
	for rank := range w.r.copies[i] {
		c.seats[rank].ans = due
	}
	if hinted >= 0 {
		c.seats[hinted].ans = due
	}
	c.flags = 0
	if w.drained() {
		c.flags = flagProbe
	}
	w.load(i, find)
}

// load starts a load. What was acknowledged by now it must return.
func (w *world) load(i int, mode uint8) {
	c := &w.clients[i]
	c.mode = mode
	c.flags &= flagOld | flagProbe
	if mode != find {
		c.flags |= flagWiden
	}
	c.snap = w.seen
	w.round(i)
}

// round starts a round of reading.
func (w *world) round(i int) {
	c := &w.clients[i]
	c.pc, c.best, c.handled = reading, 0, 0
	c.flags &^= flagWrote
	if c.flags&flagWiden != 0 {
		w.widen(i)
	}
	for rank := range c.seats {
		if st := &c.seats[rank]; st.ans == hit || st.ans == miss {
			*st = seat{ans: due}
		}
	}
	if !w.asking(i) {
		w.decide(i)
	}
}

// mayAsk reports whether the member with the rank is to be asked now.
func (w *world) mayAsk(i, rank int) bool {
	c := &w.clients[i]
	if c.seats[rank].ans != due {
		return false
	}
	switch {
	case rank == 0:
		return true
	case w.r.homeOnly:
		return c.seats[0].ans == failed
	case w.r.readerHomeOnly && w.kind(i) == opLoad:
		return c.seats[0].ans != due && c.seats[0].ans != hit
	default:
		return true
	}
}

func (w *world) asking(i int) bool {
	for rank := range w.clients[i].seats {
		if w.mayAsk(i, rank) {
			return true
		}
	}
	return false
}

// readSteps is the rest of a round of reading. The members are asked in
// parallel, so their answers may be of different times. But it makes no
// difference when a node is read unless it changes: so the reads wait for the
// round's end, or, see early, for a change.
func (w *world) readSteps(i int, out emit) {
	t := *w
	e := event{what: "asks", client: i, node: noNode}
	for t.asking(i) {
		for rank := range w.r.scenario.order[i] {
			if t.mayAsk(i, rank) {
				t.get(i, rank)
			}
		}
	}
	if w.r.tracing {
		e.result = t.answers(i)
	}
	t.decide(i)
	out(&t, e)
}

// early calls do for each choice of those clients that read the node before it
// changes for them, while the rest of their round comes later.
func (w *world) early(node, clients uint8, do func(*world)) {
	w.earlyFrom(0, node, clients, do)
}

func (w *world) earlyFrom(i int, node, clients uint8, do func(*world)) {
	if i == maxClients {
		t := *w
		do(&t)
		return
	}
	w.earlyFrom(i+1, node, clients, do)
	rank := int(w.r.rank[i][node])
	if rank < 0 || clients&(1<<i) == 0 {
		return
	}
	read := func(t world) {
		if !t.mayAsk(i, rank) {
			return
		}
		t.get(i, rank)
		if !t.asking(i) {
			return // that is the round's end
		}
		if w.r.tracing {
			t.before += fmt.Sprintf("c%d asks %c: %s; ", i, 'A'+node, t.answer(i, rank))
		}
		t.earlyFrom(i+1, node, clients, do)
	}
	switch w.clients[i].pc {
	case reading:
		read(*w)
	case idle:
		w.beginnings(i, read)
	}
}

// beginnings calls do for each way in which the client may begin its next
// operation: its id may name a spare that some response named.
func (w *world) beginnings(i int, do func(world)) {
	t := *w
	t.begin(i, -1)
	do(t)
	if !w.named {
		return
	}
	for rank := int(w.r.copies[i]); rank < len(w.r.scenario.order[i]); rank++ {
		t := *w
		t.begin(i, rank)
		do(t)
	}
}

// widen takes spares until enough members can take part.
func (w *world) widen(i int) (added bool) {
	c := &w.clients[i]
	able := uint8(0)
	for _, st := range c.seats {
		if st.ans != outside && st.ans != failed {
			able++
		}
	}
	for rank := range w.r.scenario.order[i] {
		if able >= w.r.copies[i] {
			break
		}
		if c.seats[rank].ans == outside {
			c.seats[rank].ans = due
			able++
			added = true
		}
	}
	return added
}

// askSpares makes all spares members and reports whether there were any.
func (w *world) askSpares(i int) (added bool) {
	for rank := range w.r.scenario.order[i] {
		if st := &w.clients[i].seats[rank]; st.ans == outside {
			st.ans = due
			added = true
		}
	}
	return added
}

func (w *world) has(i int, a answer) bool {
	for rank := range w.r.scenario.order[i] {
		if w.clients[i].seats[rank].ans == a {
			return true
		}
	}
	return false
}

// decide is what follows when all have answered.
func (w *world) decide(i int) {
	c := &w.clients[i]
	best, trusted := w.newest(i)
	switch {
	case (best < 0 || w.r.askOnFail) && w.has(i, failed) && w.askSpares(i),
		w.r.askOnMiss && w.has(i, miss) && w.askSpares(i),
		best >= 0 && w.r.spares == marked && w.rec(i, best).mark && w.askSpares(i):
		w.round(i)
	case best < 0 && w.has(i, failed), best >= 0 && !trusted:
		w.conclude(i, unknown, 0)
	case best < 0:
		w.conclude(i, absent, 0)
	case c.flags&flagWiden != 0 && w.widen(i):
		w.round(i)
	default:
		c.best = uint8(best)
		w.forget(i, best)
		w.repairNext(i)
	}
}

func (w *world) rec(i, rank int) record { return w.r.recs[w.clients[i].seats[rank].rec] }

// newest returns the member with the newest version. It is not trusted if it
// is a spare that cannot know whether the others have a newer one.
func (w *world) newest(i int) (best int, trusted bool) {
	best = -1
	for rank := range w.r.scenario.order[i] {
		if w.clients[i].seats[rank].ans != hit {
			continue
		}
		if rank < int(w.r.copies[i]) {
			trusted = true
		}
		if best < 0 || w.newer(w.rec(i, rank), w.rec(i, best)) {
			best = rank
		}
	}
	if best >= 0 && !trusted {
		trusted = w.r.spares == always || w.r.spares == marked && w.rec(i, best).mark
	}
	return best, trusted
}

func (w *world) newer(a, b record) bool {
	return a.ver > b.ver || a.ver == b.ver && w.r.tagTies && a.tag > b.tag
}

// forget drops what the client need not know any more of the other records.
func (w *world) forget(i, best int) {
	seats := &w.clients[i].seats
	for rank := range seats {
		if st := &seats[rank]; st.rec != seats[best].rec {
			st.rec = 0
		}
	}
}

// needs reports whether the member lacks the best version.
func (w *world) needs(i, rank int) bool {
	c := &w.clients[i]
	if w.r.noRepair || c.handled&(1<<rank) != 0 {
		return false
	}
	switch c.seats[rank].ans {
	case hit:
		return c.seats[rank].rec != c.seats[c.best].rec
	case miss:
		return !w.outside(i, rank)
	default:
		return false
	}
}

// outside reports whether the member is a spare that is not needed.
func (w *world) outside(i, rank int) bool {
	able := uint8(0)
	for r := range rank {
		if a := w.clients[i].seats[r].ans; a == hit || a == miss {
			able++
		}
	}
	return able >= w.r.copies[i]
}

// repairRank returns the rank to be repaired next, -1 if none.
func (w *world) repairRank(i int) int {
	for k := range maxNodes {
		rank := k
		if w.r.repairInOrder {
			rank = int(w.r.variant.order[k])
		}
		if rank < len(w.r.scenario.order[i]) && w.needs(i, rank) {
			return rank
		}
	}
	return -1
}

// repairNext goes on with the repair, or ends the load if there is no more.
func (w *world) repairNext(i int) {
	c := &w.clients[i]
	switch {
	case w.repairRank(i) >= 0:
		c.pc = repairing
	case c.flags&flagWrote != 0:
		w.round(i)
	default:
		w.conclude(i, present, c.seats[c.best].rec)
	}
}

func (w *world) repairSteps(i int, out emit) {
	c := w.clients[i]
	rank := w.repairRank(i)
	st := c.seats[rank]
	o := write{kind: cas, node: w.r.scenario.order[i][rank], rec: c.seats[c.best].rec, tok: st.tok}
	switch {
	case w.r.plainSet:
		o.kind = set
	case st.ans == miss:
		o.kind = add
	}
	w.send(i, o, func(t *world, res outcome, text string) {
		c := &t.clients[i]
		c.handled |= 1 << rank
		switch {
		case res == lost:
			c.seats[rank] = seat{ans: failed}
		case res == conflict && t.r.repairInOrder:
			t.round(i)
			out(t, event{"repairs", i, o.node, o.rec, text})
			return
		default:
			c.flags |= flagWrote
		}
		t.repairNext(i)
		out(t, event{"repairs", i, o.node, o.rec, text})
	})
}

type presence uint8

const (
	absent presence = iota
	present
	unknown
)

// conclude ends a load.
func (w *world) conclude(i int, p presence, id recID) {
	rec := w.r.recs[id]
	if rec.tomb {
		p = absent
	}
	w.check(i, p, rec)
	w.note = [...]string{"no session", "present", "unknown"}[p]
	w.proceed(i, p, id)
}

// check compares what a load found with what it had to find.
func (w *world) check(i int, p presence, rec record) {
	c := &w.clients[i]
	must := c.snap & w.r.content &^ rec.val
	switch {
	case p == present && c.snap&dead != 0:
		w.bad = fmt.Sprintf("c%d finds %v, though the session's end was acknowledged or seen before", i, rec)
	case p == present && must != 0:
		w.bad = fmt.Sprintf("c%d finds %v, without changes (%06b) that were acknowledged or seen before", i, rec, must)
	case p == present && !w.r.ackedOnly:
		w.seen |= rec.val & w.r.content
	case p == absent && w.seen&dying == 0:
		w.bad = fmt.Sprintf("c%d is told that there is no session", i)
	case p == absent && !w.r.ackedOnly:
		w.seen |= dead
	case p == unknown && w.r.noUnknown && c.mode == find:
		w.bad = fmt.Sprintf("c%d is told that it cannot be known", i)
	}
}
