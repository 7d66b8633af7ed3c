//go:build faults

package faults

// Nothing is promised while two nodes fail at once, and on a busy machine a
// node without a fault may fail, too: by not answering within
// operationTimeout. Such times are known from the msmds' counters. What went
// wrong with sessions that lived then is counted apart.

// interval is a time in which a node failed that had no fault.
type interval struct{ begin, end int64 }

// violation is a broken promise.
type violation struct {
	kind string
	text string
	from int64 // the session's birth
	at   int64
}

// failures is how many operations without an answer each msmd has counted for
// each node.
func (r *run) failures() [][]int {
	all := make([][]int, len(r.world.msmds))
	for m := range all {
		list, err := r.world.states(m)
		if err != nil {
			continue // the msmd was killed; the next look counts from 0
		}
		for _, n := range list {
			all[m] = append(all[m], n.Stats["timeouts"]+n.Stats["broken"])
		}
	}
	return all
}

func total(counts [][]int) int {
	n := 0
	for _, list := range counts {
		for _, count := range list {
			n += count
		}
	}
	return n
}

// foreign notes how many failures there were, since the last time, of nodes
// that had no fault, f being the only one meanwhile.
func (r *run) foreign(f fault) int {
	before, now, began := r.counted, r.failures(), r.countedAt
	r.counted, r.countedAt = now, r.now()
	n := 0
	for m, list := range now {
		for node, count := range list {
			if node == f.node || f.node == several {
				continue
			}
			if len(before[m]) == len(list) && count >= before[m][node] {
				count -= before[m][node]
			}
			n += count
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.figures.foreign += n
	if n > 0 {
		r.crossed = append(r.crossed, interval{began, r.countedAt})
	}
	return n
}

// classify counts the violations, when all are known: those of sessions that
// lived while two nodes failed apart.
func (r *run) classify() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, v := range r.bad {
		excused := false
		for _, c := range r.crossed {
			excused = excused || v.from <= c.end && c.begin <= v.at
		}
		if excused {
			r.figures.excused++
			continue
		}
		r.figures.violations[v.kind]++
	}
	r.figures.crossed = len(r.crossed)
}
