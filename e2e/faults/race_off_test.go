//go:build faults && !race

package faults

// underRace makes msmd be built with the race detector, too.
const underRace = false
