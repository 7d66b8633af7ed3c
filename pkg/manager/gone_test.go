package manager

import (
	"fmt"
	"testing"
	"time"
)

func TestGone(t *testing.T) {
	t.Parallel()
	g := newGone()
	now := time.Now()
	for i := range 3 * goneMax {
		g.add(fmt.Sprint(i), now)
	}
	if len(g.until) != goneMax || len(g.ring) != goneMax {
		t.Errorf("%d and %d entries, want %d", len(g.until), len(g.ring), goneMax)
	}
	last := fmt.Sprint(3*goneMax - 1)
	if !g.has(last, now) || g.has(last, now.Add(goneFor)) || g.has("0", now) {
		t.Error("want the newest entry, for its time, and not the oldest")
	}
	g.add(last, now.Add(goneFor))
	if !g.has(last, now.Add(goneFor)) {
		t.Error("an entry that came again has the old end")
	}
}
