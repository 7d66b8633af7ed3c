package e2e

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
)

// world is everything that a test started. When the test is over it checks
// what must hold in every test: no session id in any log, no data race, and
// every msmd ends on SIGTERM with exit code 0.
type world struct {
	t     testing.TB
	procs []*process

	mu     sync.Mutex // guards issued
	issued map[string]bool
}

func newWorld(t testing.TB) *world {
	w := &world{t: t, issued: map[string]bool{}}
	t.Cleanup(w.inspect) // first in, so last to run
	return w
}

// issue records the base of an id that a browser was given.
func (w *world) issue(base string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.issued[base] = true
}

func (w *world) inspect() {
	for _, p := range w.procs {
		text := p.out.String()
		if strings.Contains(text, "DATA RACE") || strings.Contains(text, "panic:") {
			w.t.Errorf("%s: data race or panic:\n%s", p.name, text)
		}
		for id := range w.issued {
			if strings.Contains(text, id) { // security.md 16
				w.t.Errorf("the output of %s contains the session id %s", p.name, id)
			}
		}
	}
}

// start starts a process whose output is inspected at the end.
func (w *world) start(name string, env []string, command ...string) *process {
	w.t.Helper()
	p := startProcess(w.t, name, env, command...)
	w.procs = append(w.procs, p)
	return p
}

// msmd starts the program under test with the arguments args.
func (w *world) msmd(name string, env []string, args ...string) *process {
	w.t.Helper()
	path, err := program()
	if err != nil {
		w.t.Fatal(err)
	}
	return w.start(name, env, append([]string{path}, args...)...)
}

// server is a running msmd serve.
type server struct {
	*process
	url   string // of the public listener
	admin string // of the admin listener
}

// serve starts msmd with a configuration of the given lines and, unless they
// have one, a listen line.
func (w *world) serve(name string, lines ...string) *server {
	w.t.Helper()
	text := strings.Join(lines, "\n") + "\n"
	if !strings.HasPrefix(text, "listen:") && !strings.Contains(text, "\nlisten:") {
		text = "listen: 127.0.0.1:0\n" + text
	}
	file := writeFile(w.t, text)
	s := &server{process: w.msmd(name, []string{"MSMD_ADMIN_LISTEN=127.0.0.1:0"}, "serve", "--config", file)}
	s.url = s.waitOutput("its address", submatch(`"msg":"msmd serves","url":"(http://[0-9.:]+)"`))
	s.admin = "http://" + submatch(`"admin":"([0-9.:]+)"`)(s.out.String())
	w.t.Cleanup(func() { s.terminate() })
	return s
}

// terminate ends a server that is still running the way an init system does.
func (s *server) terminate() {
	select {
	case <-s.exited:
		return // the test ended it
	default:
	}
	s.signal(syscall.SIGTERM)
	if code := s.wait(); code != 0 {
		s.t.Errorf("%s: exit code %d after SIGTERM, want 0", s.name, code)
	}
}

// writeFile returns the name of a new file with the text.
func writeFile(t testing.TB, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "msmd.yaml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// submatch returns a function that finds the first group of pattern.
func submatch(pattern string) func(text string) string {
	re := regexp.MustCompile(pattern)
	return func(text string) string {
		if m := re.FindStringSubmatch(text); m != nil {
			return m[1]
		}
		return ""
	}
}
