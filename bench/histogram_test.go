package main

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

func TestPercentileExact(t *testing.T) {
	var h histogram
	for i := 1; i <= 100; i++ { // each value below 128 has its own bucket
		h.record(time.Duration(i))
	}
	for _, c := range []struct {
		thousandths uint64
		want        time.Duration
	}{{0, 1}, {1, 1}, {10, 1}, {11, 2}, {500, 50}, {990, 99}, {991, 100}, {999, 100}, {1000, 100}} {
		if got := h.percentile(c.thousandths); got != c.want {
			t.Errorf("percentile(%d) = %d, want %d", c.thousandths, got, c.want)
		}
	}
}

func TestPercentileEmpty(t *testing.T) {
	var h histogram
	if got := h.percentile(500); got != 0 {
		t.Errorf("percentile of nothing = %v, want 0", got)
	}
}

func TestPercentileNear(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	var h, first histogram
	var all []time.Duration
	for i := range 10000 {
		d := time.Duration(rng.ExpFloat64() * float64(time.Millisecond))
		all = append(all, d)
		if i < 5000 {
			first.record(d)
		} else {
			h.record(d)
		}
	}
	h.add(&first)
	slices.Sort(all)
	for _, c := range []struct{ thousandths, rank int }{{500, 5000}, {990, 9900}, {999, 9990}} {
		got, want := h.percentile(uint64(c.thousandths)), all[c.rank-1]
		if diff := float64(got-want) / float64(want); diff < -0.008 || diff > 0.008 {
			t.Errorf("percentile(%d) = %v, want %v to within 0.8 %%", c.thousandths, got, want)
		}
	}
}

func TestBucketsTouch(t *testing.T) {
	for _, v := range []uint64{0, 1, 63, 64, 127, 128, 129, 255, 256, 1 << 20, 1<<40 + 12345, 1<<64 - 1} {
		i := bucket(v)
		if i >= numBuckets {
			t.Fatalf("bucket(%d) = %d, want less than %d", v, i, numBuckets)
		}
		if got := bucket(middle(i)); got != i {
			t.Errorf("bucket(middle(%d)) = %d, want %d", i, got, i)
		}
		if v > 0 && bucket(v-1) != i && bucket(v-1) != i-1 {
			t.Errorf("bucket(%d) = %d, bucket(%d) = %d: want neighbours", v-1, bucket(v-1), v, i)
		}
	}
}

func TestNegativeLatencyCounts(t *testing.T) {
	var h histogram
	h.record(-1)
	if h.total != 1 || h.percentile(500) != 0 {
		t.Errorf("total %d, percentile %v, want 1 and 0", h.total, h.percentile(500))
	}
}
