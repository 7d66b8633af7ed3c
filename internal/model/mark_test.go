//go:build model

package model

// This file is the proposal for spares: a version that is not on all of the
// session's own nodes is marked, and only copies of marked versions count when
// a spare alone has the session. See doc.go.

// pairAble reports whether all of the session's own nodes take part, and all
// spares do.
func (w *world) pairAble(i int) (pair, spares bool) {
	pair, spares = true, true
	for rank := range w.r.scenario.order[i] {
		a := w.clients[i].seats[rank].ans
		switch {
		case rank < int(w.r.copies[i]):
			pair = pair && a != failed
		default:
			spares = spares && (a == hit || a == miss)
		}
	}
	return pair, spares
}

// marks reports whether the successor of base is to be marked.
func (w *world) marks(i int, base record) bool {
	if w.r.spares != marked || len(w.r.scenario.order[i]) == int(w.r.copies[i]) {
		return false
	}
	pair, spares := w.pairAble(i)
	return !pair || base.mark && !spares
}

// version returns what the member with the rank is sent. A spare gets the mark
// only once one of the session's own nodes has it: else nobody who does not ask
// the spare would know that its copy counts.
func (w *world) version(i, rank int) recID {
	c := &w.clients[i]
	rec := w.r.recs[c.next]
	if rank >= int(w.r.copies[i]) && rec.mark && c.flags&flagAnnounced == 0 {
		rec.mark = false
		return w.r.id(rec)
	}
	return c.next
}

// counts reports whether an attempt that was stored on that member is stored.
func (w *world) counts(i, rank int) bool {
	return w.r.spares != marked || rank < int(w.r.copies[i]) || w.r.recs[w.clients[i].next].mark && w.clients[i].flags&flagAnnounced != 0
}

// unannounced reports whether the attempt's version still has to be marked, or
// its copies on spares.
func (w *world) unannounced(i int) bool {
	if w.r.spares != marked || len(w.r.scenario.order[i]) == int(w.r.copies[i]) {
		return false
	}
	c := &w.clients[i]
	pair, _ := w.pairAble(i)
	return !pair && !w.r.recs[c.next].mark || w.r.recs[c.next].mark && c.flags&flagAnnounced == 0
}

// afterDegraded goes on after the load that follows a degraded write: what was
// written without the mark, as the node failed only then, is written again
// with it.
func (w *world) afterDegraded(i int, p presence, id recID) {
	rec := w.r.recs[id]
	pair, _ := w.pairAble(i)
	if w.r.spares == marked && p == present && !pair && !rec.mark && w.clients[i].tries < w.r.tries+1 {
		w.startWrite(i, rec)
		return
	}
	w.acknowledge(i)
}
