//go:build model

package model

import (
	"fmt"
	"strings"
)

// world is a state in which a step is being taken.
type world struct {
	state
	r      *run
	bad    string // what the step broke
	note   string // what the step led to, for traces
	before string // reads that came just before it, for traces
}

const (
	noNode    = maxNodes
	everybody = 1<<maxClients - 1
)

// event is a step, for traces.
type event struct {
	what   string
	client int // -1 for none
	node   uint8
	rec    recID
	result string
}

type emit func(*world, event)

// get is a client's read of the node with the rank.
func (w *world) get(i, rank int) {
	st := &w.clients[i].seats[rank]
	n := w.r.scenario.order[i][rank]
	switch {
	case w.down&(1<<n) != 0 || w.cut[n]&(1<<i|1<<(i+blind)) != 0:
		*st = seat{ans: failed}
	case w.nodes[n] == 0:
		*st = seat{ans: miss}
	default:
		*st = seat{ans: hit, tok: valid, rec: w.nodes[n]}
	}
}

// answer is the member's answer, for traces.
func (w *world) answer(i, rank int) string {
	st := w.clients[i].seats[rank]
	if st.ans == hit {
		return w.r.recs[st.rec].String()
	}
	return [...]string{"", "not asked", "", "none", "failed"}[st.ans]
}

func (w *world) answers(i int) string {
	var all []string
	for rank, n := range w.r.scenario.order[i] {
		if a := w.answer(i, rank); a != "" {
			all = append(all, fmt.Sprintf("%c: %s", 'A'+n, a))
		}
	}
	return strings.Join(all, ", ")
}

type outcome uint8

const (
	stored outcome = iota
	conflict
	lost // no answer
)

// send is a client's write. It calls done for everything that may come of it,
// each time with a world of its own.
func (w *world) send(i int, o write, done func(*world, outcome, string)) {
	t := *w
	switch {
	case w.down&(1<<o.node) != 0 || w.cut[o.node]&(1<<(i+blind)) != 0:
		done(&t, lost, "failed")
	case w.cut[o.node]&(1<<i) != 0:
		done(&t, lost, "failed")
		w.apply(o, func(t *world, out outcome) {
			if out == stored {
				u := *t
				done(t, lost, "failed, but was stored")
				done(&u, conflict, "was stored, failed and was sent again: conflict")
			}
		})
		if !w.r.noLate && w.late.kind == nothing {
			t := *w
			t.late = o
			done(&t, lost, "failed, and may land later")
		}
	default:
		w.apply(o, func(t *world, out outcome) {
			done(t, out, [...]string{"stored", "conflict"}[out])
		})
	}
}

// apply is what the node does with a write that reaches it.
func (w *world) apply(o write, done func(*world, outcome)) {
	cur := w.nodes[o.node]
	if o.kind == cas && (cur == 0 || o.tok != valid) || o.kind == add && cur != 0 {
		t := *w
		done(&t, conflict)
		return
	}
	w.early(o.node, everybody, func(t *world) {
		t.nodes[o.node] = o.rec
		t.spoil(o.node, stale)
		if o.kind != del {
			t.revive(o.node, done)
		}
		done(t, stored)
	})
}

// revive calls done for each CAS number from before the node's last restart
// that the new item may have got: the numbers start again when the node does.
// One holder at a time is enough: of several that hold a number, the first to
// use it spoils it for the others.
func (w *world) revive(node uint8, done func(*world, outcome)) {
	w.eachToken(node, func(tok *token) {
		if *tok == former {
			*tok = valid
			t := *w
			*tok = former
			done(&t, stored)
		}
	})
}

// eachToken visits the CAS numbers of the node that are still held.
func (w *world) eachToken(node uint8, visit func(*token)) {
	for i := range w.clients {
		if rank := w.r.rank[i][node]; rank >= 0 && w.clients[i].seats[rank].ans == hit {
			visit(&w.clients[i].seats[rank].tok)
		}
	}
	if w.late.kind == cas && w.late.node == node {
		visit(&w.late.tok)
	}
}

// spoil makes the CAS numbers of the node's item worth what to says. With
// former, those of its earlier items as well.
func (w *world) spoil(node uint8, to token) {
	w.eachToken(node, func(tok *token) {
		if *tok == valid || to == former {
			*tok = to
		}
	})
}

// wipe takes everything from a node.
func (w *world) wipe(node uint8) {
	w.nodes[node] = 0
	w.spoil(node, former)
}

// land lets the write that was late arrive.
func (w *world) land(out emit) {
	if w.late.kind == nothing {
		return
	}
	t := *w
	o := t.late
	t.late = write{}
	t.apply(o, func(u *world, res outcome) {
		out(u, event{what: "late write lands", client: -1, node: o.node, rec: o.rec, result: [...]string{"stored", "conflict"}[res]})
	})
}
