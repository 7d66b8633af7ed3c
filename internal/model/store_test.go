//go:build model

package model

import "fmt"

// This file follows pkg/manager/store.go; the names are the same.

func (w *world) kind(i int) opKind { return w.r.progs[i][w.clients[i].op] }
func (w *world) bit(i int) uint8   { return w.r.bits[i][w.clients[i].op] }

// proceed goes on after a load.
func (w *world) proceed(i int, p presence, id recID) {
	c := &w.clients[i]
	c.best, c.handled = 0, 0
	switch {
	case c.mode == after:
		w.afterDegraded(i, p, id)
	case c.mode == find && (w.kind(i) == opLoad || p != present):
		w.finish(i, p != unknown)
	case c.mode == find && w.has(i, failed):
		for rank := range c.seats {
			if st := &c.seats[rank]; w.r.askAgain && st.ans == failed {
				st.ans = due
			}
		}
		w.load(i, reload)
	default:
		w.attempt(i, p, id)
	}
}

// attempt is the head of update's loop: it ends the operation, or starts to
// write the next version.
func (w *world) attempt(i int, p presence, id recID) {
	c := &w.clients[i]
	base := w.r.recs[id]
	switch {
	case p != unknown && c.tries > 0 && base.val&w.bit(i) != 0:
		w.acknowledge(i)
	case p != present || c.tries == w.r.tries:
		w.note = "gives up"
		w.finish(i, p != unknown)
	default:
		w.startWrite(i, base)
	}
}

// startWrite makes base's successor and starts to store it.
func (w *world) startWrite(i int, base record) {
	c := &w.clients[i]
	next := record{ver: base.ver + 1, val: base.val | w.bit(i), tag: w.tag(i), mark: w.marks(i, base)}
	switch w.kind(i) {
	case opDestroy, opRotate:
		next.tomb = true
		c.fresh = base.val // the new id has it by now
		w.seen |= dying
	}
	c.tries++
	c.flags &= flagOld | flagProbe
	if base.mark {
		c.flags |= flagAnnounced
	}
	for rank := range c.seats {
		c.seats[rank].rec = 0
	}
	c.pc, c.handled, c.next = writing, 0, w.r.id(next)
	w.writeNext(i)
}

// tag tells the attempt from all others.
func (w *world) tag(i int) uint8 {
	n := uint8(0)
	for b := w.bit(i); b > 1; b >>= 1 {
		n++
	}
	return n*tagTries + w.clients[i].tries + 1
}

// writable reports whether the member with the rank still has to be written.
func (w *world) writable(i, rank int) bool {
	c := &w.clients[i]
	if c.handled&(1<<rank) != 0 {
		return false
	}
	switch c.seats[rank].ans {
	case hit:
		return true
	case miss:
		return !w.outside(i, rank) || w.r.spares == marked && c.flags&flagAnnounced != 0
	case due:
		return w.r.homeOnly // written without having been read
	default:
		return false
	}
}

// writeRanks returns the ranks that may be written next.
func (w *world) writeRanks(i int) (ranks [maxNodes]int, n int) {
	for _, r := range w.r.variant.order {
		rank := int(r)
		if rank >= len(w.r.scenario.order[i]) || !w.writable(i, rank) {
			continue
		}
		ranks[n] = rank
		n++
		if !w.r.parallel {
			break
		}
	}
	return ranks, n
}

// writeNext goes on with the attempt, or ends it if there is no more to write.
func (w *world) writeNext(i int) {
	c := &w.clients[i]
	if _, n := w.writeRanks(i); n > 0 {
		return
	}
	stored := c.flags&flagStored != 0
	switch {
	case c.flags&flagConflict != 0, !stored:
		w.load(i, reload)
	case w.degraded(i):
		w.load(i, after)
	default:
		w.acknowledge(i)
	}
}

// degraded reports whether a further copy should be made.
func (w *world) degraded(i int) bool {
	c := &w.clients[i]
	if w.unannounced(i) {
		return true
	}
	stored := uint8(0)
	for _, st := range c.seats {
		if st.ans == hit {
			stored++
		}
	}
	return stored < w.r.copies[i] && w.has(i, outside)
}

// op is the write that the attempt sends to the member with the rank.
func (w *world) write(i, rank int) write {
	c := &w.clients[i]
	o := write{kind: cas, node: w.r.scenario.order[i][rank], rec: w.version(i, rank), tok: c.seats[rank].tok}
	switch {
	case w.r.plainDelete && w.kind(i) == opDestroy:
		return write{kind: del, node: o.node}
	case w.r.plainSet:
		o.kind, o.tok = set, stale
	case c.seats[rank].ans == miss:
		o.kind = add
	}
	return o
}

func (w *world) writeSteps(i int, out emit) {
	ranks, n := w.writeRanks(i)
	for _, rank := range ranks[:n] {
		o := w.write(i, rank)
		w.send(i, o, func(t *world, res outcome, text string) {
			c := &t.clients[i]
			c.handled |= 1 << rank
			switch {
			case res == lost:
				c.seats[rank] = seat{ans: failed}
				t.writeNext(i)
			case res == stored:
				c.seats[rank] = seat{ans: hit}
				if t.counts(i, rank) {
					c.flags |= flagStored
				}
				t.writeNext(i)
			case t.r.parallel:
				c.flags |= flagConflict
				t.writeNext(i)
			default:
				t.load(i, reload)
			}
			what := "stores"
			if o.kind == del {
				what = "deletes"
			}
			out(t, event{what, i, o.node, o.rec, text})
		})
	}
}

// acknowledge ends a write that was stored.
func (w *world) acknowledge(i int) {
	c := &w.clients[i]
	w.note = "acknowledged"
	w.seen |= w.bit(i) & w.r.content
	switch w.kind(i) {
	case opDestroy:
		w.seen |= dead
	case opRotate:
		w.rotated(i, c.fresh)
	}
	if w.fresh&dead != 0 && w.seen&w.r.content&^w.fresh != 0 {
		w.bad = fmt.Sprintf("changes (%06b) that were acknowledged are not under the new id", w.seen&w.r.content&^w.fresh)
	}
	w.finish(i, true)
}

// rotated ends a rotation: fresh is what stands under the new id.
func (w *world) rotated(i int, fresh uint8) {
	if w.fresh&dead != 0 {
		w.bad = fmt.Sprintf("c%d rotates the id too", i)
	}
	w.seen |= dead
	w.fresh = fresh | dead
}

// finish ends the operation. told says whether it learnt how the session is.
func (w *world) finish(i int, told bool) {
	c := &w.clients[i]
	pair, spare := false, false
	for rank, st := range c.seats {
		if st.ans == hit {
			pair = pair || rank < int(w.r.copies[i])
			spare = spare || rank >= int(w.r.copies[i])
		}
	}
	if spare && !pair {
		w.named = true // serving returns the spare
	}
	access := told && c.flags&flagProbe != 0
	*c = client{op: c.op + 1}
	if int(c.op) == len(w.r.progs[i]) {
		c.pc = finished
	}
	if access {
		w.calm = true
		w.age()
	}
}
