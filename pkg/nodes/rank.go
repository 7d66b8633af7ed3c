package nodes

import "slices"

// Rank orders specs for one session: regular nodes before failover nodes, and
// within each by rendezvous hashing of base and node id (Thaler and
// Ravishankar, 1998: each node gets a weight from both, the highest wins). It
// returns indices into specs. Every msmd with the same list gets the same
// order, whatever order the list is written in.
func Rank(base string, specs []Spec) []int {
	h := fnv64a(base)
	type weighted struct {
		weight uint64
		index  int
	}
	var buf [8]weighted
	ws := buf[:0]
	for i, s := range specs {
		ws = append(ws, weighted{mix64(h ^ mix64(fnv64a(s.ID))), i})
	}
	slices.SortFunc(ws, func(a, b weighted) int {
		sa, sb := specs[a.index], specs[b.index]
		switch {
		case sa.Failover != sb.Failover:
			if sb.Failover {
				return -1
			}
			return 1
		case a.weight != b.weight:
			if a.weight > b.weight {
				return -1
			}
			return 1
		case sa.ID < sb.ID:
			return -1
		default:
			return 1
		}
	})
	order := make([]int, len(ws))
	for i, w := range ws {
		order[i] = w.index
	}
	return order
}

// fnv64a is the 64-bit FNV-1a hash (draft-eastlake-fnv).
func fnv64a(s string) uint64 {
	h := uint64(14695981039346656037)
	for i := range len(s) {
		h = (h ^ uint64(s[i])) * 1099511628211
	}
	return h
}

// mix64 is the finalizer of MurmurHash3 (Appleby, fmix64). It spreads FNV's
// weak high bits, on which the comparison of weights rests.
func mix64(h uint64) uint64 {
	h = (h ^ h>>33) * 0xff51afd7ed558ccd
	h = (h ^ h>>33) * 0xc4ceb9fe1a85ec53
	return h ^ h>>33
}
