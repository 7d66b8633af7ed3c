package main

import (
	"math/bits"
	"time"
)

// subBuckets is in how many parts each power of two is divided: a percentile
// is off by less than 1/(2*subBuckets), 0.8 %.
const (
	subBits    = 6
	subBuckets = 1 << subBits
	numBuckets = (64 - subBits + 1) * subBuckets
)

// histogram counts latencies. Its zero value is empty. One goroutine at a time
// may use it.
type histogram struct {
	counts [numBuckets]uint64
	total  uint64
}

func (h *histogram) record(d time.Duration) {
	h.counts[bucket(uint64(max(d, 0)))]++
	h.total++
}

// add adds what other counted.
func (h *histogram) add(other *histogram) {
	for i, n := range other.counts {
		h.counts[i] += n
	}
	h.total += other.total
}

// percentile returns the smallest latency that so many thousandths of all do
// not exceed, zero if there are none.
func (h *histogram) percentile(thousandths uint64) time.Duration {
	rank := (h.total*thousandths + 999) / 1000
	var seen uint64
	for i, n := range h.counts {
		if seen += n; seen >= rank && n > 0 {
			return time.Duration(middle(i))
		}
	}
	return 0
}

// bucket returns the index of the bucket of v. Values below 2*subBuckets have
// one each.
func bucket(v uint64) int {
	shift := max(bits.Len64(v)-(subBits+1), 0)
	return shift<<subBits + int(v>>shift)
}

// middle returns the middle of what bucket i holds.
func middle(i int) uint64 {
	shift := max(i>>subBits-1, 0)
	low := uint64(i-shift<<subBits) << shift
	return low + (uint64(1)<<shift-1)/2
}
