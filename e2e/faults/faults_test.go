//go:build faults

package faults

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestNemesis is one run. It fails with any broken promise; with
// -faults.strict also if the run proved too little.
func TestNemesis(t *testing.T) {
	if testing.Short() {
		t.Skip("the nemesis takes some seconds; this is -short")
	}
	needReal(t)
	r := newRun(t, newOptions(t))
	r.play()
	t.Logf("seed %d, operationTimeout %v:\n%s", r.opt.seed, r.opt.timeout, r.figures.table())
	for _, kind := range violationKinds() {
		if n := r.figures.violations[kind]; n > 0 {
			t.Errorf("seed %d: %d %s, want 0; evidence in %s", r.opt.seed, n, kind, r.opt.out)
		}
	}
	for _, why := range r.figures.invalid(r.opt.kinds) {
		complain(t, "the run is INVALID: "+why)
	}
}

// TestStalls measures how long a request takes that meets a node which hangs or
// refuses connections, with msmd's own timeouts and with few browsers, so that
// it is the fault that takes the time and not the machine.
func TestStalls(t *testing.T) {
	if testing.Short() {
		t.Skip("this takes some seconds, and this is -short")
	}
	needReal(t)
	opt := newOptions(t)
	opt.kinds, opt.browsers, opt.timeout, opt.maxHang = []string{faultHang, faultKill}, 2, 100*time.Millisecond, time.Second
	opt.duration = min(opt.duration, time.Minute)
	r := newRun(t, opt)
	r.play()
	t.Logf("seed %d, operationTimeout %v:\n%s", r.opt.seed, r.opt.timeout, r.figures.table())
	for kind, most := range map[string]time.Duration{faultHang: opt.hangStall(), faultKill: refusedStall} {
		if got := r.figures.stalls[kind]; got > most {
			complain(t, fmt.Sprintf("longest request under %s: %v, want at most %v", kind, got.Round(time.Millisecond), most))
		}
	}
}

// complain fails a strict run.
func complain(t *testing.T, text string) {
	t.Helper()
	if given.strict {
		t.Error(text)
	} else {
		t.Log("with -faults.strict this run would fail: " + text)
	}
}

// newOptions returns those of the flags.
func newOptions(t *testing.T) options {
	t.Helper()
	opt := options{
		seed: given.seed, duration: given.duration, msmds: given.msmds, browsers: given.browsers,
		think: given.think, timeout: given.timeout, grace: given.grace, maxHang: given.maxHang, out: given.out,
		kinds: faultKinds(), binary: buildMsmd(t), config: strings.ReplaceAll(given.config, ";", "\n"),
	}
	if given.kinds != "" {
		opt.kinds = strings.Split(given.kinds, ",")
		for _, kind := range opt.kinds {
			if known := append(faultKinds(), faultCrossed, faultBlip); !slices.Contains(known, kind) {
				t.Fatalf("-faults.kinds: %q is none of %q", kind, known)
			}
		}
	}
	if opt.maxHang == 0 {
		opt.maxHang = min(10*time.Second, max(time.Second, opt.duration/60))
	}
	var err error
	if opt.out == "" {
		opt.out, err = os.MkdirTemp("", "msmd-faults-")
	} else {
		err = os.MkdirAll(opt.out, 0o700)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.Remove(opt.out) }) // it stays if there is something in it
	return opt
}
