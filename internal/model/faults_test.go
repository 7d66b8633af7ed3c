//go:build model

package model

import "fmt"

const (
	pending uint8 = iota
	active
	ended
)

func (w *world) phase(k int) uint8 { return w.phases >> (2 * k) & 3 }

func (w *world) setPhase(k int, to uint8) {
	w.phases = w.phases&^(3<<(2*k)) | to<<(2*k)
	if to == ended {
		w.calm = false
		w.age()
	}
}

// age marks the operations under way.
func (w *world) age() {
	for i := range w.clients {
		if c := &w.clients[i]; c.pc != idle && c.pc != finished {
			c.flags = c.flags&^flagProbe | flagOld
		}
	}
}

// busy reports whether an operation is under way.
func (w *world) busy() bool {
	for i := range w.clients {
		if pc := w.clients[i].pc; pc != idle && pc != finished {
			return true
		}
	}
	return false
}

// aged reports whether a marked operation is still under way.
func (w *world) aged() bool {
	for i := range w.clients {
		if w.clients[i].flags&flagOld != 0 {
			return true
		}
	}
	return false
}

// drained reports whether an operation that begins now may be the access
// between two faults.
func (w *world) drained() bool {
	last := -1
	for k := range w.r.faults {
		if w.phase(k) == active {
			return false
		}
		if w.phase(k) == ended {
			last = k
		}
	}
	if last < 0 || last+1 == len(w.r.faults) || w.r.faults[last+1].when > access {
		return false
	}
	return w.r.faults[last+1].when == access || !w.aged()
}

// mayBegin reports whether fault k may begin.
func (w *world) mayBegin(k int) bool {
	if w.phase(k) != pending {
		return false
	}
	if k == 0 {
		return true
	}
	before := w.phase(k - 1)
	switch w.r.faults[k].when {
	case during:
		return before != pending
	case over:
		return before == ended
	case access:
		return before == ended && w.state.calm
	default:
		return before == ended && w.state.calm && !w.aged()
	}
}

// faultSteps are what may happen to the nodes and the links.
func (w *world) faultSteps(out emit) {
	for k, f := range w.r.faults {
		switch {
		case f.quiet && w.busy():
		case f.kind == flaky:
			w.flakySteps(k, out)
		case w.mayBegin(k):
			if f.kind == evict && w.nodes[f.node] == 0 {
				break
			}
			w.earlyBoth(f, func(t *world) {
				what := t.beginFault(k)
				out(t, event{what: what, client: -1, node: f.node})
			})
		case w.phase(k) == active:
			w.earlyBoth(f, func(t *world) {
				what := t.endFault(k)
				out(t, event{what: what, client: -1, node: f.node})
			})
		}
	}
	w.noticeSteps(out)
}

// earlyBoth is early for the nodes of a fault.
func (w *world) earlyBoth(f fault, do func(*world)) {
	clients := uint8(everybody)
	if f.kind == hang {
		clients = f.mask
	}
	w.early(f.node, clients, func(t *world) {
		if f.both {
			t.early(f.other, clients, do)
			return
		}
		do(t)
	})
}

func (w *world) beginFault(k int) string {
	f := w.r.faults[k]
	switch f.kind {
	case restart:
		w.wipe(f.node)
		w.endLate(k)
		return "RESTART, empty:"
	case evict:
		w.nodes[f.node] = 0
		w.spoil(f.node, stale)
		w.setPhase(k, ended)
		return "EVICTION on"
	case crash:
		w.wipe(f.node)
		w.down |= 1 << f.node
		w.setPhase(k, active)
		return "CRASH of"
	default:
		w.cut[f.node] |= f.mask
		what := fmt.Sprintf("CUT from clients %03b:", f.mask)
		if f.both {
			w.cut[f.other] |= f.mask
			what += fmt.Sprintf(" %c and", 'A'+f.other)
		}
		w.setPhase(k, active)
		return what
	}
}

func (w *world) endFault(k int) string {
	f := w.r.faults[k]
	w.down &^= 1 << f.node
	w.cut[f.node] &^= f.mask
	if f.both {
		w.cut[f.other] &^= f.mask
	}
	w.endLate(k)
	if f.kind == crash {
		return "UP, empty:"
	}
	return "HEALED:"
}

// endLate ends a fault but for clients that do not know it yet.
func (w *world) endLate(k int) {
	w.cut[w.r.faults[k].node] |= w.r.faults[k].late << blind
	w.setPhase(k, ended)
}

// flakySteps cut clients off and let them through again one by one.
func (w *world) flakySteps(k int, out emit) {
	f := w.r.faults[k]
	for i := range w.clients {
		one := uint8(1) << i
		if f.mask&one == 0 || w.healed&one != 0 {
			continue
		}
		if w.cut[f.node]&one == 0 {
			if w.phase(k) == pending && !w.mayBegin(k) {
				continue
			}
			w.early(f.node, one, func(t *world) {
				t.phases |= active << (2 * k)
				t.cut[f.node] |= one
				out(t, event{what: "CUT from one client:", client: i, node: f.node})
			})
			continue
		}
		w.early(f.node, one, func(t *world) {
			t.cut[f.node] &^= one
			t.healed |= one
			out(t, event{what: "HEALED for one client:", client: i, node: f.node})
		})
	}
}

// noticeSteps let a client see that a node is up again.
func (w *world) noticeSteps(out emit) {
	for n := range w.cut {
		for i := range w.clients {
			if one := uint8(1) << (i + blind); w.cut[n]&one != 0 {
				w.early(uint8(n), 1<<i, func(t *world) {
					t.cut[n] &^= one
					out(t, event{what: "notices that it is up:", client: i, node: uint8(n)})
				})
			}
		}
	}
}
