//go:build faults

package faults

import (
	"fmt"
	"runtime"
	"sync"
	"testing"
)

// trials is how often a step is tried on a machine that is too busy for it.
const trials = 5

// trial is a test that may be repeated: its failures are kept. As with any
// testing.TB, what ends it must be called in its own goroutine.
type trial struct {
	testing.TB

	mu       sync.Mutex // guards failures
	failures []string
}

// Error implements testing.TB.
func (t *trial) Error(args ...any) { t.fail(fmt.Sprintln(args...)) }

// Errorf implements testing.TB.
func (t *trial) Errorf(format string, args ...any) { t.fail(fmt.Sprintf(format, args...)) }

// Fatal implements testing.TB.
func (t *trial) Fatal(args ...any) {
	t.fail(fmt.Sprintln(args...))
	runtime.Goexit()
}

// Fatalf implements testing.TB.
func (t *trial) Fatalf(format string, args ...any) {
	t.fail(fmt.Sprintf(format, args...))
	runtime.Goexit()
}

func (t *trial) fail(text string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.failures = append(t.failures, text)
}

// steady runs f with a fresh session until it succeeds, or fails though no node
// failed but those that were to: on a busy machine others may, and nothing is
// promised then.
func steady(t *testing.T, d *duo, f func(s *crossing)) {
	t.Helper()
	for range trials {
		tr := &trial{TB: t}
		busy := false
		var work sync.WaitGroup
		work.Go(func() {
			s := newCrossing(tr, d)
			defer func() { busy = s.busy() }()
			f(s)
		})
		work.Wait()
		if len(tr.failures) == 0 {
			return
		}
		if !busy {
			for _, text := range tr.failures {
				t.Error(text)
			}
			return
		}
		t.Logf("once more, as the machine is too busy: %q", tr.failures)
	}
	t.Errorf("the machine was too busy %d times", trials)
}

// busy reports whether an operation failed that no relay was in the way of.
func (s *crossing) busy() bool {
	failed := false
	for i := range s.order {
		direct, through := s.direct.pool.Nodes()[i].Stats(), s.through.pool.Nodes()[i].Stats()
		failed = failed || direct.Timeouts.Load()+direct.Broken.Load() > 0 ||
			!s.faulty[i] && through.Timeouts.Load()+through.Broken.Load() > 0
	}
	return failed
}
