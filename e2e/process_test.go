package e2e

import (
	"bytes"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

const (
	// patience is how long a test waits for what should come soon.
	patience = 15 * time.Second
	tick     = 5 * time.Millisecond
)

// waitUntil returns when ok does so with true, and ends the test if that takes
// longer than patience.
func waitUntil(t testing.TB, what string, ok func() bool) {
	t.Helper()
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	ticker := time.NewTicker(tick)
	defer ticker.Stop()
	for !ok() {
		select {
		case <-deadline.C:
			t.Fatalf("after %v still not: %s", patience, what)
		case <-ticker.C:
		}
	}
}

// output collects what a process writes. It may be used concurrently.
type output struct {
	mu   sync.Mutex // guards text
	text bytes.Buffer
}

// Write implements io.Writer.
func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.Write(p)
}

// String returns what was written so far.
func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// process is a program that runs until the test ends, or ends it.
type process struct {
	t      testing.TB
	name   string
	cmd    *exec.Cmd
	out    output
	exited chan struct{} // closed once cmd has been waited for
}

// startProcess starts a command with the variables env added to a clean
// environment. The process is killed at the end of the test unless the caller
// has ended it, and what it wrote is shown if the test failed.
func startProcess(t testing.TB, name string, env []string, command ...string) *process {
	t.Helper()
	p := &process{t: t, name: name, cmd: exec.Command(command[0], command[1:]...), exited: make(chan struct{})}
	p.cmd.Stdout, p.cmd.Stderr = &p.out, &p.out
	p.cmd.Env = append(cleanEnv(), env...)
	p.cmd.WaitDelay = time.Second
	if err := p.cmd.Start(); err != nil {
		t.Fatalf("start %s: %v", name, err)
	}
	go func() {
		defer close(p.exited)
		_ = p.cmd.Wait() // the exit code is in ProcessState
	}()
	t.Cleanup(func() {
		p.kill()
		if t.Failed() {
			t.Logf("output of %s:\n%s", name, p.tail())
		}
	})
	return p
}

// cleanEnv is the environment without what would configure msmd, and without
// the second that a program with the race detector sleeps when it exits.
func cleanEnv() []string {
	env := []string{"GORACE=atexit_sleep_ms=0"}
	for _, e := range os.Environ() {
		if !strings.HasPrefix(e, "MSMD_") {
			env = append(env, e)
		}
	}
	return env
}

// tail returns the end of the output.
func (p *process) tail() string {
	const most = 8 << 10
	text := p.out.String()
	if len(text) > most {
		text = "[...]" + text[len(text)-most:]
	}
	return text
}

// kill is kill -9, and waits for the end. It is safe twice.
func (p *process) kill() {
	_ = p.cmd.Process.Kill() // fails only if it has exited
	<-p.exited
}

// signal sends s and returns at once.
func (p *process) signal(s syscall.Signal) {
	p.t.Helper()
	if err := p.cmd.Process.Signal(s); err != nil {
		p.t.Fatalf("signal %v to %s: %v", s, p.name, err)
	}
}

// wait returns the exit code, and ends the test if the process takes longer
// than patience to exit.
func (p *process) wait() int {
	p.t.Helper()
	waitUntil(p.t, p.name+" exits", func() bool {
		select {
		case <-p.exited:
			return true
		default:
			return false
		}
	})
	return p.cmd.ProcessState.ExitCode()
}

// waitOutput returns what find finds in the output, as soon as it is not
// empty, and ends the test if the process exits before.
func (p *process) waitOutput(what string, find func(text string) string) string {
	p.t.Helper()
	var found string
	waitUntil(p.t, p.name+" writes "+what, func() bool {
		var dead bool
		select {
		case <-p.exited:
			dead = true
		default:
		}
		if found = find(p.out.String()); found == "" && dead {
			p.t.Fatalf("%s exited with %d before it wrote %s:\n%s", p.name, p.cmd.ProcessState.ExitCode(), what, p.tail())
		}
		return found != ""
	})
	return found
}
