//go:build faults

package faults

import (
	"sync"
	"testing"

	"github.com/msmd/msmd/internal/relay"
	"github.com/msmd/msmd/pkg/nodes"
)

// TestOrder is the interleaving by which writing the home first loses a change
// (docs/ARCHITECTURE.md, "Why this order"):
//
//  1. c0 stores its change; what it sends to the copy is on its way.
//  2. The home evicts the session.
//  3. c1 loads, which writes the old version back to the home, and stores its
//     change; what it sends to the copy is on its way.
//  4. c0's reaches the copy: acknowledged.
//  5. c1's reaches the copy, too late.
//
// With the home first, c1 has its change on the home by then, c0 has its on the
// copy, the versions are equal, the home wins and c0's change is gone.
func TestOrder(t *testing.T) {
	needReal(t)
	t.Parallel()
	d := newDuo(t)
	const timeout = 10 * stepTimeout // nothing is to time out here
	direct := d.newSite(t, d.specs, timeout)
	id := direct.set("", "a", "")
	order := nodes.Rank(base(id), d.specs)
	home, backup := order[0], order[1]

	var changes sync.WaitGroup
	var lines [2]*relay.Relay // of c0 and c1 to the copy
	for i, name := range []string{"b", "c"} {
		s, relays := d.newRelayed(t, timeout)
		s.want(id, "a")
		lines[i] = relays[backup]
		hold := func() { lines[i].Set(relay.Hold(), relay.Pass()) }
		s.inside.Store(&hold)
		changes.Go(func() { _, _ = s.send(id, "POST", "?"+name+"=1", nil) })
		node := s.pool.Nodes()[backup]
		if err := waitUntil("the change is sent to the copy", func() bool { return node.Stats().CASes.Load() > 0 }); err != nil {
			t.Fatal(err)
		}
		if i == 0 {
			k, _ := key(base(id))
			if err := d.raws[home].remove([]string{k}); err != nil {
				t.Fatal(err)
			}
		}
	}
	lines[0].Pass()
	if err := waitUntil("c0's change is on the copy", func() bool {
		rec, _, err := (&crossing{duo: d, id: id}).record(backup)
		return err == nil && rec.Version > 1
	}); err != nil {
		t.Fatal(err)
	}
	lines[1].Pass()
	changes.Wait()
	direct.want(id, "a b c")
}
