package main

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

const (
	startTimeout = 10 * time.Second
	stopTimeout  = 5 * time.Second
	portTries    = 3 // somebody else may take a free port first
	unpinned     = -1
)

// process is a running server.
type process struct {
	name   string
	cmd    *exec.Cmd
	output string        // file with its stdout and stderr
	exited chan struct{} // closed once it was waited for
}

// launcher starts processes and ends them.
type launcher struct {
	self      string // path of the benchmark
	dir       string // for output and configuration files
	cpu       int    // for all but the load generator, or unpinned
	processes []*process
}

// newLauncher returns a launcher with a directory of its own. The caller
// closes it.
func newLauncher(cpu int) (*launcher, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "msmd-bench-")
	return &launcher{self: self, dir: dir, cpu: cpu}, err
}

// pinned returns the command that runs argv on the CPU.
func (l *launcher) pinned(cpu int, argv ...string) []string {
	if cpu == unpinned {
		return argv
	}
	return append([]string{l.self, "pin", strconv.Itoa(cpu)}, argv...)
}

// listen starts a server on a free port of 127.0.0.1 and returns its address
// once it takes connections. argv makes the command line for an address.
func (l *launcher) listen(name string, argv func(addr string) ([]string, error)) (string, error) {
	var errs []error
	for range portTries {
		addr, err := freeAddr()
		if err != nil {
			return "", err
		}
		command, err := argv(addr)
		if err != nil {
			return "", err
		}
		p, err := l.start(name, command)
		if err != nil {
			return "", err
		}
		if err = p.ready(addr); err == nil {
			l.processes = append(l.processes, p)
			return addr, nil
		}
		p.stop()
		errs = append(errs, fmt.Errorf("%s: %w; its output: %q", name, err, p.tail()))
	}
	return "", errors.Join(errs...)
}

func freeAddr() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}

func (l *launcher) start(name string, argv []string) (*process, error) {
	p := &process{name: name, output: filepath.Join(l.dir, name+".out"), exited: make(chan struct{})}
	out, err := os.Create(p.output)
	if err != nil {
		return nil, err
	}
	defer out.Close()
	argv = l.pinned(l.cpu, argv...)
	p.cmd = exec.Command(argv[0], argv[1:]...)
	p.cmd.Stdout, p.cmd.Stderr = out, out
	p.cmd.SysProcAttr = childAttr()
	if err := p.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start %s: %w", name, err)
	}
	go func() {
		defer close(p.exited)
		_ = p.cmd.Wait() // how it ended shows in what it wrote
	}()
	return p, nil
}

// ready waits until the server takes connections.
func (p *process) ready(addr string) error {
	deadline := time.Now().Add(startTimeout)
	for time.Now().Before(deadline) {
		select {
		case <-p.exited:
			return errors.New("it ended at the start")
		case <-time.After(20 * time.Millisecond):
		}
		conn, err := net.DialTimeout("tcp", addr, time.Second)
		if err == nil {
			return conn.Close()
		}
	}
	return fmt.Errorf("it takes no connections after %v", startTimeout)
}

// running reports whether the process has not ended.
func (p *process) running() bool {
	select {
	case <-p.exited:
		return false
	default:
		return true
	}
}

// stop ends the process and its children. It is safe twice.
func (p *process) stop() {
	_ = p.cmd.Process.Signal(syscall.SIGTERM) // an error means that it has ended
	select {
	case <-p.exited:
	case <-time.After(stopTimeout):
	}
	killGroup(p.cmd.Process.Pid) // nginx's workers, or a server that did not listen to SIGTERM
	<-p.exited
}

// tail returns the last of what the process wrote.
func (p *process) tail() string {
	const most = 500
	text, err := os.ReadFile(p.output)
	if err != nil {
		return err.Error()
	}
	if len(text) > most {
		text = text[len(text)-most:]
	}
	return strings.TrimSpace(string(text))
}

// close ends all processes, the last one first, and removes their files.
func (l *launcher) close() {
	for i := len(l.processes) - 1; i >= 0; i-- {
		l.processes[i].stop()
	}
	if err := os.RemoveAll(l.dir); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
	}
}

// cpuTimes returns the CPU time that each process has used, by name; extra is
// another process, by id.
func (l *launcher) cpuTimes(extra string, pid int) (map[string]time.Duration, error) {
	all, err := readProcStats()
	if err != nil {
		return nil, err
	}
	times := map[string]time.Duration{extra: treeCPU(all, pid)}
	for _, p := range l.processes {
		if !p.running() {
			return nil, fmt.Errorf("%s has ended; its output: %q", p.name, p.tail())
		}
		times[p.name] = treeCPU(all, p.cmd.Process.Pid)
	}
	return times, nil
}
