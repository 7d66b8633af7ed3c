//go:build unix

package memcachedtest

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
)

// stopProcess sends SIGSTOP and waits until all threads have stopped: the
// signal is delivered some time after kill returns, and a thread may still
// answer a command in between.
func stopProcess(p *os.Process) error {
	if err := p.Signal(syscall.SIGSTOP); err != nil {
		return err
	}
	return waitReady(nil, func() error { return stopped(p.Pid) })
}

// continueProcess sends SIGCONT.
func continueProcess(p *os.Process) error { return p.Signal(syscall.SIGCONT) }

// stopped returns nil if all threads of pid have stopped, or if there is no
// /proc to look into.
func stopped(pid int) error {
	stats, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/stat", pid))
	if err != nil {
		return err
	}
	for _, name := range stats {
		text, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		// "pid (name) state ...", and the name may hold anything.
		_, state, _ := bytes.Cut(text[bytes.LastIndexByte(text, ')')+1:], []byte(" "))
		if len(state) == 0 || state[0] != 'T' {
			return fmt.Errorf("thread %s runs", name)
		}
	}
	return nil
}
