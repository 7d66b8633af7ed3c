package main

import (
	"os"
	"testing"
	"time"
)

func TestParseProcStat(t *testing.T) {
	const rest = " S 7 42 42 0 -1 4194560 1 2 3 4 250 75 9 9 20 0 4 0 12345 1000000 500\n"
	for _, name := range []string{"nginx", "my prog", "a) S 1 (b", ")", "(("} {
		got, err := parseProcStat("42 (" + name + ")" + rest)
		want := procStat{pid: 42, parent: 7, cpu: 3250 * time.Millisecond}
		if err != nil || got != want {
			t.Errorf("name %q: got %+v, %v, want %+v", name, got, err, want)
		}
	}
}

func TestParseProcStatRefused(t *testing.T) {
	for _, line := range []string{"", "42", "42 (x", "42 (x) S 7", ")(", "x (y) S 7 42 42 0 -1 4194560 1 2 3 4 250 75",
		"42 (y) S 7 42 42 0 -1 4194560 1 2 3 4 250 -75"} {
		if got, err := parseProcStat(line); err == nil {
			t.Errorf("parseProcStat(%q) = %+v, want an error", line, got)
		}
	}
}

func TestTreeCPU(t *testing.T) {
	all := []procStat{{1, 0, 100}, {10, 1, 5}, {11, 10, 7}, {12, 11, 3}, {20, 1, 50}, {0, 0, 1000}}
	for _, c := range []struct {
		root int
		want time.Duration
	}{{10, 15}, {11, 10}, {20, 50}, {99, 0}} {
		if got := treeCPU(all, c.root); got != c.want {
			t.Errorf("treeCPU(%d) = %d, want %d", c.root, got, c.want)
		}
	}
}

func TestReadProcStatsFindsSelf(t *testing.T) {
	if _, err := os.Stat("/proc/self/stat"); err != nil {
		t.Skip("no /proc here")
	}
	all, err := readProcStats()
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range all {
		if s.pid == os.Getpid() && s.parent == os.Getppid() {
			return
		}
	}
	t.Errorf("process %d is not among the %d that were read", os.Getpid(), len(all))
}
