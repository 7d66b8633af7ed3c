//go:build model

package model

import (
	"fmt"
	"runtime"
	"testing"
	"time"
)

func three(progs [3][]opKind) scenario {
	return scenario{
		order: [3][]uint8{{0, 1, 2}, {0, 1, 2}, {0, 1, 2}}, copies: [3]uint8{2, 2, 2}, hold: [3]uint8{1, 1, 0},
		progs: progs, tries: 2,
	}
}

var limit = 12000000
var wwr = [3][]opKind{{opUpdate}, {opUpdate}, {opLoad, opLoad}}
var wr = [3][]opKind{{opUpdate}, {opLoad, opLoad}, {}}

func try(t *testing.T, v variant, name string, sc scenario, fs ...fault) {
	t.Helper()
	sc.faults = fs
	t0 := time.Now()
	r := explore(v, sc, limit)
	b := r.bad
	if r.full {
		b = "FULL"
	}
	if b == "" {
		b = "ok"
	}
	fmt.Printf("%-12.12s %-50s %9d %5.1fs %s\n", v.name, name, r.states, time.Since(t0).Seconds(), b)
	for _, l := range r.trace {
		fmt.Println("        ", l)
	}
	runtime.GC()
}

func TestA1(t *testing.T) {
	v := homeLast()
	sc := three(wwr)
	for n := uint8(0); n < 3; n++ {
		try(t, v, fmt.Sprintf("restart %c", 'A'+n), sc, fault{kind: restart, node: n})
		try(t, v, fmt.Sprintf("evict %c", 'A'+n), sc, fault{kind: evict, node: n})
		try(t, v, fmt.Sprintf("crash %c", 'A'+n), sc, fault{kind: crash, node: n})
		try(t, v, fmt.Sprintf("hang %c 7", 'A'+n), sc, fault{kind: hang, node: n, mask: 7})
		try(t, v, fmt.Sprintf("flaky %c 7", 'A'+n), sc, fault{kind: flaky, node: n, mask: 7})
	}
}

var kinds = map[faultKind]string{restart: "restart", evict: "evict", crash: "crash", hang: "hang", flaky: "flaky"}

func name(fs ...fault) (s string) {
	for _, f := range fs {
		s += fmt.Sprintf("%s %c m%03b l%03b w%d; ", kinds[f.kind], 'A'+f.node, f.mask, f.late, f.when)
	}
	return
}
func TestA2(t *testing.T) {
	v := homeLast()
	sc := three([3][]opKind{{opUpdate}, {opLoad, opLoad}, {opLoad}})
	for _, k1 := range []faultKind{crash, hang} {
		for n1 := uint8(0); n1 < 3; n1++ {
			for _, k2 := range []faultKind{crash, hang} {
				for n2 := uint8(0); n2 < 3; n2++ {
					if n1 == n2 {
						continue
					}
					fs := []fault{{kind: k1, node: n1, mask: 7}, {kind: k2, node: n2, mask: 7, when: calm}}
					try(t, v, name(fs...), sc, fs...)
				}
			}
		}
	}
}
func TestA3(t *testing.T) {
	v := homeLast()
	for _, progs := range [][3][]opKind{{{opUpdate}, {opUpdate}, {opLoad}}, {{opUpdate, opLoad}, {opUpdate}, {}}, {{opUpdate, opUpdate}, {opLoad, opLoad}}, {{opUpdate, opLoad}, {opLoad, opUpdate}, {}}} {
		sc := three(progs)
		sc.noUnknown = true
		for _, k1 := range []faultKind{crash, hang} {
			for n1 := uint8(0); n1 < 2; n1++ {
				for _, k2 := range []faultKind{crash} {
					fs := []fault{{kind: k1, node: n1, mask: 7}, {kind: k2, node: 1 - n1, mask: 7, when: calm}}
					try(t, v, name(fs...)+fmt.Sprint(progs), sc, fs...)
				}
			}
		}
	}
}
func vs() []variant {
	v := homeLast()
	v.name = "code"
	i := v
	i.name = "inOrder"
	i.repairInOrder = true
	f := i
	f.name = "whole"
	f.askOnFail = true
	f.askOnMiss = true
	n := i
	n.name = "never"
	n.spares = never
	nf := n
	nf.name = "never+whole"
	nf.askOnFail = true
	nf.askOnMiss = true
	m := i
	m.name = "marked"
	m.spares = marked
	mf := m
	mf.name = "marked+whole"
	mf.askOnFail = true
	mf.askOnMiss = true
	return []variant{v, i, f, n, nf, m, mf}
}
func TestA4(t *testing.T) {
	W := [3][]opKind{{opUpdate}, {opLoad, opLoad}, {opUpdate}}
	D := [3][]opKind{{opUpdate}, {opDestroy}, {opLoad, opLoad}}
	q := func(fs ...fault) []fault { fs[len(fs)-1].quiet = true; return fs }
	for _, x := range []struct {
		n string
		p [3][]opKind
		f []fault
	}{
		{"late0 hang-crash", W, q(fault{kind: hang, node: 0, mask: 7, late: 1}, fault{kind: crash, node: 1, mask: 7, when: calm})},
		{"late2 crash-crash", W, q(fault{kind: crash, node: 0, mask: 7, late: 4}, fault{kind: crash, node: 1, mask: 7, when: calm})},
		{"late2 crash-crash D", D, q(fault{kind: crash, node: 0, mask: 7, late: 4}, fault{kind: crash, node: 1, mask: 7, when: calm})},
		{"late1 crashB-crashA D", D, q(fault{kind: crash, node: 1, mask: 7, late: 2}, fault{kind: crash, node: 0, mask: 7, when: calm})},
		{"hangA hangA+hangB", W, q(fault{kind: hang, node: 0, mask: 7}, fault{kind: hang, node: 0, mask: 7, when: calm, both: true, other: 1})},
		{"crashA hangA+hangB", W, q(fault{kind: crash, node: 0, mask: 7}, fault{kind: hang, node: 0, mask: 7, when: calm, both: true, other: 1})},
		{"crashA hangA+hangB D", D, q(fault{kind: crash, node: 0, mask: 7}, fault{kind: hang, node: 0, mask: 7, when: calm, both: true, other: 1})},
		{"hangB hangA+hangB D", D, q(fault{kind: hang, node: 1, mask: 7}, fault{kind: hang, node: 0, mask: 7, when: calm, both: true, other: 1})},
		{"hangA crashB over", W, q(fault{kind: hang, node: 0, mask: 7, quiet: true}, fault{kind: crash, node: 1, mask: 7, when: over})},
	} {
		for _, v := range vs() {
			sc := three(x.p)
			sc.ackedOnly = true
			try(t, v, x.n, sc, x.f...)
		}
	}
}
func TestD1(t *testing.T) {
	v := homeLast()
	v.name = "code"
	o := v
	o.name = "inOrder"
	o.repairInOrder = true
	sc0 := three([3][]opKind{{opUpdate}, {opUpdate}, {opLoad, opLoad}})
	sc0.copies = [3]uint8{3, 3, 3}
	sc0.hold = [3]uint8{1, 1, 1}
	for _, v := range []variant{v, o} {
		try(t, v, "none", sc0)
		for n := uint8(0); n < 3; n++ {
			try(t, v, fmt.Sprintf("restart %c", 'A'+n), sc0, fault{kind: restart, node: n})
			try(t, v, fmt.Sprintf("evict %c", 'A'+n), sc0, fault{kind: evict, node: n})
			try(t, v, fmt.Sprintf("crash %c", 'A'+n), sc0, fault{kind: crash, node: n})
			try(t, v, fmt.Sprintf("hang %c 7", 'A'+n), sc0, fault{kind: hang, node: n, mask: 7})
		}
	}
}
func TestD2(t *testing.T) {
	v := homeLast()
	v.name = "code"
	for _, p := range [][3][]opKind{{{opUpdate}, {opUpdate}, {opLoad}}, {{opUpdate}, {opUpdate}, {}}} {
		sc0 := three(p)
		sc0.copies = [3]uint8{3, 3, 3}
		sc0.hold = [3]uint8{1, 1, 1}
		try(t, v, "none", sc0)
		for n := uint8(0); n < 3; n++ {
			try(t, v, fmt.Sprintf("restart %c", 'A'+n), sc0, fault{kind: restart, node: n})
			try(t, v, fmt.Sprintf("evict %c", 'A'+n), sc0, fault{kind: evict, node: n})
			try(t, v, fmt.Sprintf("crash %c", 'A'+n), sc0, fault{kind: crash, node: n})
			try(t, v, fmt.Sprintf("hang %c 7", 'A'+n), sc0, fault{kind: hang, node: n, mask: 7})
		}
	}
}
func dvs() []variant {
	v := homeLast()
	v.name = "code"
	o := v
	o.name = "inOrder"
	o.repairInOrder = true
	return []variant{v, o}
}
func TestD3(t *testing.T) {
	for _, p := range [][3][]opKind{{{opUpdate}, {opUpdate}, {}}, {{opUpdate}, {opUpdate}, {opLoad}}} {
		sc0 := three(p)
		sc0.copies = [3]uint8{3, 3, 3}
		sc0.hold = [3]uint8{1, 1, 1}
		for _, v := range dvs() {
			for _, pr := range [][2]uint8{{0, 1}, {0, 2}, {1, 2}} {
				for _, k := range []faultKind{restart, crash} {
					for _, w := range []int{0, 1} {
						a, b := pr[w], pr[1-w]
						if len(p[2]) == 1 && k == crash {
							continue
						}
						try(t, v, fmt.Sprintf("%s %c,%c", kinds[k], 'A'+a, 'A'+b), sc0, fault{kind: k, node: a}, fault{kind: k, node: b, when: during})
					}
				}
				for _, m := range []uint8{1, 4, 5, 7} {
					if len(p[2]) == 1 && m != 1 {
						continue
					}
					try(t, v, fmt.Sprintf("hang both %c %c m%b", 'A'+pr[0], 'A'+pr[1], m), sc0, fault{kind: hang, node: pr[0], both: true, other: pr[1], mask: m})
				}
			}
		}
	}
}
func props() []variant { x := vs(); return []variant{x[4], x[6]} }
func TestP1(t *testing.T) { // single faults, strict
	sc := three([3][]opKind{{opUpdate}, {opUpdate}, {opLoad}})
	sc.noUnknown = true
	limit = 25000000
	for _, v := range props() {
		for n := uint8(0); n < 3; n++ {
			try(t, v, fmt.Sprintf("restart %c", 'A'+n), sc, fault{kind: restart, node: n})
			try(t, v, fmt.Sprintf("evict %c", 'A'+n), sc, fault{kind: evict, node: n})
			try(t, v, fmt.Sprintf("crash %c", 'A'+n), sc, fault{kind: crash, node: n})
			try(t, v, fmt.Sprintf("hang %c 7", 'A'+n), sc, fault{kind: hang, node: n, mask: 7})
		}
	}
}
func TestP2(t *testing.T) { // strict, late, quiet
	W := [3][]opKind{{opUpdate}, {opLoad, opLoad}, {opUpdate}}
	D := [3][]opKind{{opUpdate}, {opDestroy}, {opLoad, opLoad}}
	q := func(fs ...fault) []fault { fs[len(fs)-1].quiet = true; return fs }
	for _, x := range []struct {
		n string
		p [3][]opKind
		f []fault
	}{
		{"late0 hang-crash", W, q(fault{kind: hang, node: 0, mask: 7, late: 1}, fault{kind: crash, node: 1, mask: 7, when: calm})},
		{"late1 crashB-crashA D", D, q(fault{kind: crash, node: 1, mask: 7, late: 2}, fault{kind: crash, node: 0, mask: 7, when: calm})},
		{"crashA hangA+hangB D", D, q(fault{kind: crash, node: 0, mask: 7}, fault{kind: hang, node: 0, mask: 7, when: calm, both: true, other: 1})},
	} {
		for _, v := range props() {
			sc := three(x.p)
			try(t, v, x.n, sc, x.f...)
		}
	}
}

var o = map[string][]uint8{"AB": {0, 1}, "CAB": {2, 0, 1}, "ACB": {0, 2, 1}, "ABC": {0, 1, 2}, "BC": {1, 2}, "AC": {0, 2}, "BCA": {1, 2, 0}, "ACB'": {0, 2, 1}}

func TestB1(t *testing.T) {
	limit = 12000000
	v := homeLast()
	v.name = "code"
	vi := v
	vi.name = "inOrder"
	vi.repairInOrder = true
	m := v
	m.name = "askOnMiss"
	m.askOnMiss = true
	w := vi
	w.name = "whole"
	w.askOnMiss = true
	w.askOnFail = true
	type mix struct {
		old, new string
		rule     string
		v        variant
	}
	var mixes []mix
	for _, nw := range []string{"CAB", "ACB", "ABC"} {
		mixes = append(mixes, mix{"AB", nw, "", v}, mix{"AB", nw, "", m}, mix{"AB", nw, "", w}, mix{"AB", nw, "union", v}, mix{"AB", nw, "union", vi})
	}
	for _, nw := range []string{"BC", "AC", "AB"} {
		mixes = append(mixes, mix{"ABC", nw, "", v}, mix{"ABC", nw, "union", vi})
	}
	for _, x := range mixes {
		for _, p := range [][3][]opKind{{{opUpdate}, {opUpdate}, {opLoad}}} {
			for rd := 0; rd < 2; rd++ {
				for _, fs := range [][]fault{nil, {{kind: restart, node: 0}}, {{kind: restart, node: 1}}, {{kind: restart, node: 2}}, {{kind: crash, node: 0}}, {{kind: crash, node: 1}}, {{kind: crash, node: 2}}} {
					sc := scenario{progs: p, hold: [3]uint8{1, 1, 0}}
					nc := uint8(2)
					no := o[x.new]
					if x.rule == "union" {
						nc = 3
						if x.new == "BC" || x.new == "AC" || x.new == "AB" {
							no = o["ABC"]
						}
					}
					sc.order = [3][]uint8{o[x.old], no, no}
					sc.copies = [3]uint8{2, nc, nc}
					if rd == 0 {
						sc.order[2] = o[x.old]
						sc.copies[2] = 2
					}
					n := fmt.Sprintf("%s->%s %s reader %d %s", x.old, x.new, x.rule, rd, name(fs...))
					try(t, x.v, n, sc, fs...)
				}
			}
		}
	}
}
func TestB2(t *testing.T) {
	limit = 12000000
	v := homeLast()
	v.name = "code"
	vi := v
	vi.name = "inOrder"
	vi.repairInOrder = true
	m := vi
	m.name = "inO+askOnMiss"
	m.askOnMiss = true
	w := vi
	w.name = "inO+whole"
	w.askOnMiss = true
	w.askOnFail = true
	fss := [][]fault{nil, {{kind: restart, node: 0}}, {{kind: restart, node: 1}}, {{kind: restart, node: 2}}, {{kind: crash, node: 0}}, {{kind: crash, node: 1}}, {{kind: crash, node: 2}}, {{kind: hang, node: 0, mask: 7}}, {{kind: hang, node: 1, mask: 7}}, {{kind: hang, node: 2, mask: 7}}, {{kind: hang, node: 0, mask: 1}}, {{kind: hang, node: 1, mask: 2}}, {{kind: hang, node: 2, mask: 2}}}
	p := [3][]opKind{{opUpdate}, {opUpdate}, {opLoad}}
	for _, nw := range []string{"CAB", "ACB"} {
		for _, v := range []variant{v, m, w} {
			for _, fs := range fss {
				sc := scenario{progs: p, hold: [3]uint8{1, 1, 0}}
				sc.order = [3][]uint8{o[nw], o[nw], o[nw]}
				sc.copies = [3]uint8{2, 2, 2}
				try(t, v, "ALL NEW "+nw+" "+name(fs...), sc, fs...)
			}
		}
		for _, fs := range fss {
			sc := scenario{progs: p, hold: [3]uint8{1, 1, 1}}
			sc.order = [3][]uint8{o[nw], o[nw], o[nw]}
			sc.copies = [3]uint8{3, 2, 2}
			try(t, vi, "UNION+NEW "+nw+" "+name(fs...), sc, fs...)
			sc.copies = [3]uint8{3, 3, 2}
			try(t, vi, "2UNION+NEW "+nw+" "+name(fs...), sc, fs...)
		}
		for _, fs := range fss {
			if len(fs) == 0 || fs[0].kind != hang {
				continue
			}
			sc := scenario{progs: p, hold: [3]uint8{1, 1, 0}}
			sc.order = [3][]uint8{o["AB"], o[nw], o[nw]}
			sc.copies = [3]uint8{2, 3, 3}
			try(t, vi, "OLD+2UNION "+nw+" "+name(fs...), sc, fs...)
			sc.order[2] = o["AB"]
			sc.copies[2] = 2
			try(t, vi, "2OLD+UNION "+nw+" "+name(fs...), sc, fs...)
			sc.order = [3][]uint8{o["AB"], o[nw], o[nw]}
			sc.copies = [3]uint8{2, 2, 2}
			try(t, v, "OLD+2NEW "+nw+" "+name(fs...), sc, fs...)
		}
	}
}
