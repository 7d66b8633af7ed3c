package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// tick is the unit of CPU times in /proc: USER_HZ is 100 on every Linux that
// Go runs on.
const tick = 10 * time.Millisecond

// procStat is what is used of /proc/PID/stat.
type procStat struct {
	pid, parent int
	cpu         time.Duration // user and system time of all threads, ended ones too
}

// parseProcStat reads the line of /proc/PID/stat. Its second field is the
// program's name in parentheses, which may itself hold blanks and parentheses.
func parseProcStat(line string) (procStat, error) {
	open, end := strings.IndexByte(line, '('), strings.LastIndexByte(line, ')')
	if open < 0 || end < open {
		return procStat{}, fmt.Errorf("stat line %q", line)
	}
	const parent, user, system = 1, 11, 12 // fields 4, 14 and 15 of proc(5)
	fields := strings.Fields(line[end+1:])
	if len(fields) <= system {
		return procStat{}, fmt.Errorf("stat line %q", line)
	}
	var s procStat
	var u, k uint64
	var errs [4]error
	s.pid, errs[0] = strconv.Atoi(strings.TrimSpace(line[:open]))
	s.parent, errs[1] = strconv.Atoi(fields[parent])
	u, errs[2] = strconv.ParseUint(fields[user], 10, 63)
	k, errs[3] = strconv.ParseUint(fields[system], 10, 63)
	s.cpu = time.Duration(u+k) * tick
	return s, errors.Join(errs[:]...)
}

// readProcStats reads all processes that there are.
func readProcStats() ([]procStat, error) {
	files, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		return nil, err
	}
	var all []procStat
	for _, f := range files {
		line, err := os.ReadFile(f)
		if err != nil {
			continue // the process has ended
		}
		s, err := parseProcStat(string(line))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", f, err)
		}
		all = append(all, s)
	}
	return all, nil
}

// treeCPU returns the CPU time of root and the processes under it, such as
// nginx's workers.
func treeCPU(all []procStat, root int) time.Duration {
	var sum time.Duration
	for _, s := range all {
		switch {
		case s.pid == root:
			sum += s.cpu
		case s.parent == root && s.pid != s.parent:
			sum += treeCPU(all, s.pid)
		}
	}
	return sum
}
