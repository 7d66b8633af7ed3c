package memcachedtest

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// process is a memcached of this machine as a node.
type process struct {
	path   string
	port   string
	args   []string
	stderr string // file name: it outlives the process

	cmd    *exec.Cmd
	exited chan struct{} // closed once cmd has been waited for
}

func launchProcess(path string, args []string) (server, error) {
	dir, err := os.MkdirTemp("", "msmd-memcached-")
	if err != nil {
		return nil, err
	}
	p := &process{path: path, args: args, stderr: filepath.Join(dir, "stderr")}
	err = withFreePort(func(port string) error {
		p.port = port
		return p.restart()
	})
	if err != nil {
		_ = p.remove()
		return nil, err
	}
	return p, nil
}

func (p *process) addr() string { return net.JoinHostPort("127.0.0.1", p.port) }

// restart starts the process and waits until it, and no other memcached
// that happens to have the port, answers.
func (p *process) restart() error {
	stderr, err := os.Create(p.stderr)
	if err != nil {
		return err
	}
	defer stderr.Close()
	args := []string{"-l", "127.0.0.1", "-p", p.port, "-U", "0"}
	if os.Geteuid() == 0 {
		args = append(args, "-u", "nobody") // memcached refuses to run as root
	}
	cmd := exec.Command(p.path, append(args, p.args...)...)
	cmd.Stderr = stderr
	if err := cmd.Start(); err != nil {
		return err
	}
	exited := make(chan struct{})
	p.cmd, p.exited = cmd, exited
	go func() {
		defer close(exited)
		_ = cmd.Wait() // killed is how they all end
	}()
	want := fmt.Sprintf("STAT pid %d", cmd.Process.Pid)
	err = waitReady(exited, func() error {
		answer, err := ask(p.addr(), "stats", time.Second)
		if err == nil && answer != want {
			err = fmt.Errorf("another memcached answers: %q, want %q", answer, want)
		}
		return err
	})
	if err != nil {
		return p.explain(err)
	}
	return answersVersion(p.addr())
}

// explain adds what memcached wrote to stderr to err, and marks the error
// of a port that somebody else got first.
func (p *process) explain(err error) error {
	_ = p.kill()
	text, _ := os.ReadFile(p.stderr)
	if strings.Contains(string(text), "Address already in use") {
		err = fmt.Errorf("%w: %w", errPortTaken, err)
	}
	return fmt.Errorf("%s %q: %w; its stderr: %q", p.path, p.args, err, text)
}

func (p *process) kill() error {
	if p.cmd == nil {
		return nil
	}
	_ = p.cmd.Process.Kill() // fails only if it has exited
	<-p.exited
	return nil
}

func (p *process) pause() error {
	return stopProcess(p.cmd.Process)
}

func (p *process) resume() error {
	return continueProcess(p.cmd.Process)
}

func (p *process) remove() error {
	if err := p.kill(); err != nil {
		return err
	}
	return os.RemoveAll(filepath.Dir(p.stderr))
}
