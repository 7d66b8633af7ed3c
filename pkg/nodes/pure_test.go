package nodes

import (
	"errors"
	"math"
	"net"
	"syscall"
	"testing"
	"time"
)

func TestExpiry(t *testing.T) {
	const day = 24 * time.Hour
	now := time.Unix(1_700_000_000, 999_999_999)
	in2038 := time.Unix(math.MaxInt32, 0)
	for _, tt := range []struct {
		life time.Duration
		now  time.Time
		want int32
	}{
		{0, now, -1},
		{-1, now, -1},
		{-time.Hour, now, -1},
		{math.MinInt64, now, -1},
		{1, now, 1},
		{time.Second, now, 1},
		{time.Second + 1, now, 2},
		{90 * time.Minute, now, 5400},
		{30*day - time.Second, now, 2_591_999},
		{30 * day, now, 2_592_000}, // the longest that memcached takes as relative
		{30*day + 1, now, 1_702_592_001},
		{30*day + time.Second, now, 1_702_592_001},
		{31 * day, now, 1_702_678_400},
		{365 * day, now, 1_731_536_000},
		{30 * day, in2038, 2_592_000}, // relative still works then
		{31 * day, in2038.Add(-31 * day), math.MaxInt32},
		{31 * day, in2038.Add(-31*day + time.Second), math.MaxInt32},
		{31 * day, in2038.Add(day), math.MaxInt32},
		{100 * 365 * day, now, math.MaxInt32},
		{math.MaxInt64, now, math.MaxInt32},
		{math.MaxInt64 - 1, now, math.MaxInt32},
	} {
		if got := Expiry(tt.life, tt.now); got != tt.want {
			t.Errorf("Expiry(%v, %v) = %d, want %d", tt.life, tt.now.Unix(), got, tt.want)
		}
	}
}

func TestProbeDelay(t *testing.T) {
	for _, tt := range []struct {
		probe int
		r     float64
		want  time.Duration
	}{
		{0, 0.5, 500 * time.Millisecond},
		{1, 0.5, 750 * time.Millisecond},
		{2, 0.5, 1125 * time.Millisecond},
		{7, 0.5, 8542968750 * time.Nanosecond},
		{8, 0.5, 10 * time.Second},
		{9, 0.5, 10 * time.Second},
		{math.MaxInt, 0.5, 10 * time.Second},
		{0, 0, 400 * time.Millisecond},
		{100, 0, 8 * time.Second},
		{100, 1, 12 * time.Second},
	} {
		got := probeDelay(tt.probe, tt.r)
		if diff := got - tt.want; diff < -time.Microsecond || diff > time.Microsecond {
			t.Errorf("probeDelay(%d, %v) = %v, want %v", tt.probe, tt.r, got, tt.want)
		}
	}
	for range 1000 {
		if got := jitter(time.Second); got < 800*time.Millisecond || got > 1200*time.Millisecond {
			t.Fatalf("jitter(1s) = %v, want 0.8 to 1.2", got)
		}
	}
}

// TestBreaker is a sequence of events and what they do.
func TestBreaker(t *testing.T) {
	var b breaker
	start := time.Unix(1000, 0)
	soft, hard := errors.New("slow"), errors.New("refused")
	step := 0
	check := func(changed, wantChanged, wantOpen bool) {
		t.Helper()
		step++
		if open, _, _ := b.state(); changed != wantChanged || open != wantOpen {
			t.Errorf("step %d: changed %v, open %v; want %v, %v", step, changed, open, wantChanged, wantOpen)
		}
	}
	check(b.failure(ErrTimeout, soft, start), false, false)
	check(b.failure(ErrTimeout, soft, start), false, false)
	check(b.success(start), false, false) // an answer in between starts the count again
	check(b.failure(ErrTimeout, soft, start), false, false)
	check(b.failure(ErrTimeout, soft, start), false, false)
	check(b.failure(ErrTimeout, soft, start.Add(1)), true, true)
	check(b.mayTry(start.Add(1)), false, true)  // after timeouts no request tries the node
	check(b.success(start.Add(1)), false, true) // nor does the answer to an old one close it
	check(b.failure(ErrDown, hard, start.Add(2)), false, true)
	if _, since, cause := b.state(); !since.Equal(start.Add(1)) || cause != soft {
		t.Errorf("since %v, cause %v; want those of the failure that opened it", since, cause)
	}
	check(b.mayTry(start.Add(2)), true, true) // after a refusal one may
	check(b.mayTry(start.Add(2)), false, true)
	check(b.mayTry(start.Add(2+trialSpacing)), true, true)
	check(b.success(start.Add(3)), true, false) // and its answer closes it
	check(b.close(start.Add(4)), false, false)
	if _, since, cause := b.state(); !since.Equal(start.Add(3)) || cause != nil {
		t.Errorf("since %v, cause %v; want when it closed, no cause", since, cause)
	}
	check(b.failure(ErrTimeout, soft, start), false, false) // close started the count again
	check(b.failure(ErrDown, hard, start), true, true)      // a refusal opens at once
}

func TestStale(t *testing.T) {
	for _, err := range []error{syscall.EPIPE, syscall.ECONNRESET, &net.OpError{Op: "write", Err: syscall.EPIPE}} {
		if !stale(err) {
			t.Errorf("stale(%v) = false", err)
		}
	}
	for _, err := range []error{syscall.ECONNREFUSED, errors.New("EOF")} {
		if stale(err) {
			t.Errorf("stale(%v) = true", err)
		}
	}
}
