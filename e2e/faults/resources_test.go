//go:build faults

package faults

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Bounds at the end of a run, when all is idle.
const (
	maxFDs        = 200
	maxRSS        = 160 << 20 // with the race detector's, three times that
	maxGoroutines = 40        // besides those of idle connections to the app
	ownConns      = 4         // connections of the test to each node
)

// measureEnd checks, when no request is under way any more, that connections,
// file descriptors, memory and goroutines are what an idle msmd has.
func (r *run) measureEnd() {
	r.client.CloseIdleConnections()
	most := len(r.world.msmds)*(maxConns+1) + ownConns
	for i, raw := range r.world.raws {
		conns := 0
		err := waitUntil("few connections", func() bool {
			stats, err := raw.stats()
			conns = stats["curr_connections"]
			return err == nil && conns <= most
		})
		if err != nil {
			r.t.Errorf("n%d has %d connections, want at most %d", i+1, conns, most)
		}
		r.resource("n%d: %d connections", i+1, conns)
	}
	for _, s := range r.world.msmds {
		r.measureMsmd(s)
	}
}

func (r *run) resource(format string, args ...any) {
	r.figures.resources = append(r.figures.resources, fmt.Sprintf(format, args...))
}

// measureMsmd ends an msmd by SIGQUIT, which makes it print its goroutines.
func (r *run) measureMsmd(s *server) {
	pid := s.process.cmd.Process.Pid
	fds, rss := 0, 0
	_ = waitUntil("few descriptors", func() bool { // the app's side closes its own
		entries, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", pid))
		fds = len(entries)
		return err != nil || fds <= maxFDs
	})
	if text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid)); err == nil {
		_, after, _ := strings.Cut(string(text), "VmRSS:")
		rss, _ = strconv.Atoi(strings.Fields(after + " 0")[0])
		rss <<= 10
	}
	before := len(s.process.out.String())
	_ = s.process.cmd.Process.Signal(syscall.SIGQUIT)
	select {
	case <-s.process.exited:
	case <-time.After(patience):
	}
	text := s.process.out.String()
	text = text[min(before, len(text)):]
	goroutines := strings.Count(text, "\ngoroutine ") - strings.Count(text, "\nnet/http.(*persistConn).")/2
	limit := maxRSS
	if given.race {
		limit *= 3
	}
	if fds > maxFDs || rss > limit || goroutines > maxGoroutines {
		r.t.Errorf("%s: %d descriptors, %d MiB, %d goroutines when idle; want at most %d, %d, %d",
			s.process.name, fds, rss>>20, goroutines, maxFDs, limit>>20, maxGoroutines)
	}
	r.resource("%s: %d descriptors, %d MiB, %d goroutines", s.process.name, fds, rss>>20, goroutines)
}
