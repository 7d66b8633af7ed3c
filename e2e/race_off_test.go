//go:build !race

package e2e

// raceFlag makes the program under test report data races if the tests do.
const raceFlag = "-race=false"
