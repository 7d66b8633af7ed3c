//go:build faults

package faults

import (
	"fmt"
	"math/rand/v2"
)

const (
	fillBatch = 400 // values at once
	fillMost  = 60_000
	fillSizes = 8
	fillFrom  = 150 // bytes of the smallest value
)

// fill takes all memory of a node that sessions could use, one size of items
// after the other, for the fault's length.
func (r *run) fill(f fault) error {
	random := rand.New(rand.NewPCG(f.seed, 0))
	prefix := fmt.Sprintf("filler:%x:", random.Uint32())
	node := r.world.raws[f.node]
	count := 0
	name := func(i int) string { return fmt.Sprint(prefix, count+i) }
	size := fillFrom
	for range fillSizes {
		for count < fillMost {
			taken, err := node.add(name, fillBatch, size)
			if err != nil {
				return err
			}
			if count += fillBatch; taken < fillBatch {
				break
			}
		}
		size = size * 5 / 4 // memcached's growth from size to size
	}
	r.pause(f.length)
	for count > 0 {
		keys := make([]string, 0, fillBatch)
		for range min(count, fillBatch) {
			count--
			keys = append(keys, fmt.Sprint(prefix, count))
		}
		if err := node.remove(keys); err != nil {
			return err
		}
	}
	return nil
}
