//go:build faults

package faults

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/anishathalye/porcupine"
)

const (
	checkTime   = 20 * time.Second // for porcupine, for one session
	maxEvidence = 10               // violations that are told of at once
	maxFiles    = 60               // sessions with violations that are written down
)

// check looks through the history of a lineage that has ended.
func (r *run) check(l *lineage) {
	l.mu.Lock()
	ops := append([]op(nil), l.ops...)
	l.mu.Unlock()
	for _, c := range ops {
		switch {
		case c.kind == change && c.result == done:
			r.checkKept(l, ops, c)
		case c.kind == destroy && c.result == done || c.result == moved:
			r.checkDead(l, ops, c)
		}
	}
	for _, o := range ops {
		if o.answered && !o.alive && !ended(ops, o.gen, o.ret) {
			r.violation(falseLogout, l, "no session, and nobody ended it: %v", o)
		}
		if extra := o.saw.without(sent(ops, o.ret)); extra != 0 {
			r.violation(wrongSession, l, "it saw %v, which nobody had sent: %v", extra, o)
		}
	}
	r.checkLegal(l)
	r.mu.Lock()
	r.figures.histories++
	for _, base := range l.bases {
		delete(r.owners, base)
	}
	r.mu.Unlock()
	r.writeEvidence(l)
}

// checkKept: whoever asks after the answer to a change sees it, unless the
// change met the end of its id and may have been dropped.
func (r *run) checkKept(l *lineage, ops []op, c op) {
	if ended(ops, c.gen, c.ret) {
		return
	}
	var last *op
	for i := range ops {
		o := &ops[i]
		if !o.alive || o.call <= c.ret || ended(ops, o.gen, o.ret) {
			continue // what an id shows that was rotated is the model's business
		}
		if last == nil || o.call > last.call {
			last = o
		}
		if !o.saw.has(c.token) {
			r.violation(stale, l, "token %d, acknowledged at %v, not seen: %v", c.token, time.Duration(c.ret), *o)
		}
	}
	if last != nil && !last.saw.has(c.token) {
		r.violation(lost, l, "token %d, acknowledged at %v: %v", c.token, time.Duration(c.ret), *last)
	}
}

// checkDead: an id that was destroyed or rotated stays dead, after a rotation
// once the grace is over.
func (r *run) checkDead(l *lineage, ops []op, end op) {
	from := r.deadFrom(ops, end.gen, end.ret)
	for _, o := range ops {
		if o.alive && o.gen == end.gen && o.call > from {
			r.violation(resurrected, l, "id %d was dead since %v: %v", end.gen, time.Duration(end.ret), o)
		}
	}
}

// deadFrom returns from when on an id must be dead that was rotated or destroyed
// at a time. If it was both, at once, the rotation may have won: then it shows
// its snapshot until the grace is over.
func (r *run) deadFrom(ops []op, gen int, at int64) int64 {
	for _, o := range ops {
		if o.gen == gen && o.kind == rotate && (o.result == moved || o.result == unknown) {
			at = max(at, o.ret+int64(r.opt.grace))
		}
	}
	return at
}

// ended reports whether a rotation or destruction of an id was asked for
// before a time, whatever its outcome.
func ended(ops []op, gen int, before int64) bool {
	for _, o := range ops {
		if (o.kind == rotate || o.kind == destroy) && o.result != nothing && o.gen == gen && o.call <= before {
			return true
		}
	}
	return false
}

// sent returns the tokens that were sent before a time. The first one came
// with the creation.
func sent(ops []op, before int64) set {
	s := set(0).with(0)
	for _, o := range ops {
		if o.kind == change && o.call <= before {
			s = s.with(o.token)
		}
	}
	return s
}

// checkLegal asks porcupine whether the history could have happened with a
// session that is one thing in one place.
func (r *run) checkLegal(l *lineage) {
	l.mu.Lock()
	events := l.events()
	l.mu.Unlock()
	m := model(r.opt.grace > 0)
	switch porcupine.CheckOperationsTimeout(m, events, checkTime) {
	case porcupine.Unknown:
		r.mu.Lock()
		r.figures.undecided++
		r.mu.Unlock()
	case porcupine.Illegal:
		r.violation(illegal, l, "lineage %d, %d operations", l.number, len(events))
		if r.enough() {
			return
		}
		_, info := porcupine.CheckOperationsVerbose(m, events, checkTime)
		file := filepath.Join(r.opt.out, fmt.Sprintf("seed%d-lineage%d.html", r.opt.seed, l.number))
		if err := porcupine.VisualizePath(m, info, file); err != nil {
			r.t.Logf("no picture of the history: %v", err)
		}
	}
}

// enough reports whether there is evidence of enough sessions.
func (r *run) enough() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.written >= maxFiles
}

// mark notes a violation, for the evidence.
func (l *lineage) mark(text string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.marks = append(l.marks, text)
}

// writeEvidence writes down what is known of a lineage with a violation.
func (r *run) writeEvidence(l *lineage) {
	l.mu.Lock()
	defer l.mu.Unlock()
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(l.marks) == 0 || r.written >= maxFiles {
		return
	}
	r.written++
	var b strings.Builder
	fmt.Fprintf(&b, "seed %d, lineage %d, born %v\n", r.opt.seed, l.number, time.Duration(l.born))
	for gen, base := range l.bases {
		home, backup := r.world.pair(base)
		fmt.Fprintf(&b, "id %d: %s, home n%d, copy n%d\n", gen, base, home+1, backup+1)
	}
	for _, text := range l.marks {
		fmt.Fprintln(&b, "VIOLATION", text)
	}
	for _, w := range r.windows {
		if len(l.ops) > 0 && w.end >= l.born-int64(10*time.Second) && w.begin <= l.ops[len(l.ops)-1].ret {
			fmt.Fprintln(&b, "fault", w)
		}
	}
	for _, o := range l.ops {
		fmt.Fprintln(&b, o)
	}
	file := filepath.Join(r.opt.out, fmt.Sprintf("seed%d-lineage%d.txt", r.opt.seed, l.number))
	if err := os.WriteFile(file, []byte(b.String()), 0o600); err != nil {
		r.t.Logf("no evidence: %v", err)
		return
	}
	r.t.Logf("seed %d: evidence in %s", r.opt.seed, file)
}
