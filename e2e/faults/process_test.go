//go:build faults

package faults

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"
)

const (
	patience = 30 * time.Second
	tick     = 5 * time.Millisecond
	keptText = 256 << 10 // of a process's output
)

// waitUntil returns when ok does so with true, and an error if that takes
// longer than patience.
func waitUntil(what string, ok func() bool) error {
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	ticker := time.NewTicker(tick)
	defer ticker.Stop()
	for !ok() {
		select {
		case <-deadline.C:
			return fmt.Errorf("after %v still not: %s", patience, what)
		case <-ticker.C:
		}
	}
	return nil
}

// output keeps the end of what a process writes. It may be used concurrently.
type output struct {
	mu   sync.Mutex // guards text
	text bytes.Buffer
}

// Write implements io.Writer.
func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.text.Write(p)
	if extra := o.text.Len() - keptText; extra > keptText {
		o.text.Next(extra)
	}
	return len(p), nil
}

// String returns what is kept.
func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String()
}

// process is a program that a run started.
type process struct {
	name   string
	cmd    *exec.Cmd
	out    output
	exited chan struct{} // closed once cmd has been waited for
}

func startProcess(name string, env []string, command ...string) (*process, error) {
	p := &process{name: name, cmd: exec.Command(command[0], command[1:]...), exited: make(chan struct{})}
	p.cmd.Stdout, p.cmd.Stderr = &p.out, &p.out
	for _, e := range os.Environ() {
		if !strings.HasPrefix(e, "MSMD_") {
			p.cmd.Env = append(p.cmd.Env, e)
		}
	}
	p.cmd.Env = append(p.cmd.Env, env...)
	p.cmd.WaitDelay = time.Second
	if err := p.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	go func() {
		defer close(p.exited)
		_ = p.cmd.Wait() // killed is how they all end
	}()
	return p, nil
}

// stop removes the process at the end of the test, and shows the end of its
// output if the test failed.
func (p *process) stop(t testing.TB) {
	p.kill()
	text, _, _ := strings.Cut(p.out.String(), "SIGQUIT: quit") // without the goroutines of measureMsmd
	if strings.Contains(text, "DATA RACE") || strings.Contains(text, "panic:") {
		t.Errorf("%s: data race or panic:\n%s", p.name, text)
	}
	if t.Failed() {
		t.Logf("the end of what %s wrote:\n%s", p.name, text[max(0, len(text)-4<<10):])
	}
}

// kill is kill -9, and waits for the end. It is safe twice.
func (p *process) kill() {
	_ = p.cmd.Process.Kill() // fails only if it has exited
	<-p.exited
}

// find waits until the output matches pattern and returns the first group.
func (p *process) find(pattern string) (string, error) {
	re := regexp.MustCompile(pattern)
	var found string
	err := waitUntil(p.name+" writes "+pattern, func() bool {
		if m := re.FindStringSubmatch(p.out.String()); m != nil {
			found = m[1]
			return true
		}
		select {
		case <-p.exited:
			found = ""
			return true
		default:
			return false
		}
	})
	if err == nil && found == "" {
		err = fmt.Errorf("%s exited before it wrote %s", p.name, pattern)
	}
	if err != nil {
		return "", fmt.Errorf("%w; it wrote %q", err, p.out.String())
	}
	return found, nil
}
