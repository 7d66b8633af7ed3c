//go:build model

package model

import "testing"

func homeLast() variant {
	return variant{name: "homelast", order: [3]uint8{2, 1, 0}}
}

type cellT struct {
	name   string
	faults [][]fault
}

func TestTry(t *testing.T) {
	pair := func() scenario {
		return scenario{
			order: [3][]uint8{{0, 1}, {0, 1}, {0, 1}}, copies: [3]uint8{2, 2, 2}, hold: [3]uint8{1, 1},
			progs: [3][]opKind{{opUpdate}, {opUpdate}, {opLoad, opLoad}}, tries: 2,
		}
	}
	hf := homeLast()
	hf.name = "home first"
	hf.order = [3]uint8{0, 1, 2}
	par := homeLast()
	par.name = "parallel"
	par.parallel = true
	msm := hf
	msm.name = "msm"
	msm.homeOnly = true
	msm.plainSet = true
	msm.noRepair = true
	lww := hf
	lww.name = "lww"
	lww.plainSet = true
	tag := homeLast()
	tag.name = "tag"
	tag.tagTies = true
	nor := homeLast()
	nor.name = "norepair"
	nor.noRepair = true
	rho := homeLast()
	rho.name = "reads home only"
	rho.readerHomeOnly = true
	cols := []cellT{
		{"none", [][]fault{nil}},
		{"restart", [][]fault{{{kind: restart, node: 0}}, {{kind: restart, node: 1}}}},
		{"evict", [][]fault{{{kind: evict, node: 0}}, {{kind: evict, node: 1}}}},
		{"crash", [][]fault{{{kind: crash, node: 0}}, {{kind: crash, node: 1}}}},
		{"homecut", [][]fault{{{kind: hang, node: 0, mask: 1}}, {{kind: hang, node: 0, mask: 4}}, {{kind: hang, node: 0, mask: 5}}, {{kind: hang, node: 0, mask: 7}}}},
		{"copycut", [][]fault{{{kind: hang, node: 1, mask: 1}}, {{kind: hang, node: 1, mask: 4}}, {{kind: hang, node: 1, mask: 5}}, {{kind: hang, node: 1, mask: 7}}}},
		{"homeflaky", [][]fault{{{kind: flaky, node: 0, mask: 7}}}},
		{"copyflaky", [][]fault{{{kind: flaky, node: 1, mask: 7}}}},
		{"crossed", [][]fault{{{kind: hang, node: 0, mask: 1}, {kind: hang, node: 1, mask: 2, when: during}}}},
	}
	for _, v := range []variant{msm, lww, par, hf, homeLast(), tag, nor, rho} {
		for _, c := range cols {
			n := 0
			bad := ""
			for _, f := range c.faults {
				sc := pair()
				sc.faults = f
				r := explore(v, sc, 8e6)
				n += r.states
				if r.full {
					bad = "FULL"
				}
				if r.bad != "" {
					bad = r.bad
					if false {
						for _, l := range r.trace {
							t.Log("     ", l)
						}
					}
					break
				}
			}
			t.Logf("%-12.12s %-10s %9d %s", v.name, c.name, n, bad)
		}
	}
}
