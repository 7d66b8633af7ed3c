// Package faults is to run msmd under faults and check histories. It is being
// built and not finished: its tests need the build tag faults, and no claim
// rests on them yet.
package faults
