package memcached_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/msmd/msmd/internal/memcached"
	"github.com/msmd/msmd/internal/memcached/memcachedtest"
)

// patience bounds every wait of these tests.
const patience = 10 * time.Second

// target is a memcached under the conformance table.
type target struct {
	addr    string
	restart func()
}

// starter returns a fresh target for a scenario.
type starter func(t *testing.T, sc scenario) target

// TestConformanceInProcess runs the table against this package.
func TestConformanceInProcess(t *testing.T) {
	t.Parallel()
	testConformance(t, func(t *testing.T, sc scenario) target {
		s := startServer(t, sc.cfg)
		return target{addr: s.Addr(), restart: func() {
			s.Stop()
			s.Empty()
			if err := s.Start(s.Addr()); err != nil {
				t.Fatal(err)
			}
		}}
	})
}

// TestConformanceReal runs the same table against a real memcached, so that
// the one in process cannot drift from it.
func TestConformanceReal(t *testing.T) {
	t.Parallel()
	backend, reason, err := memcachedtest.Backend()
	if err != nil {
		t.Fatal(err)
	}
	if backend == memcachedtest.InProcess {
		t.Skipf("no real memcached to compare with: %s", reason)
	}
	testConformance(t, func(t *testing.T, sc scenario) target {
		n := memcachedtest.Start(t, sc.args...)
		return target{addr: n.Addr(), restart: n.Restart}
	})
}

// testConformance runs scenarios without a node of their own one after the
// other on a shared one, which start makes with the first.
func testConformance(t *testing.T, start starter) {
	shared := start(t, scenario{})
	for _, sc := range slices.Concat(scenarios, expiryScenarios, errorScenarios) {
		t.Run(sc.name, func(t *testing.T) {
			tg := shared
			if sc.own {
				tg = start(t, sc)
			}
			runScript(t, tg, "> flush_all\n< OK\n"+strings.TrimLeft(sc.script, "\n"))
		})
	}
	t.Run("no eviction", func(t *testing.T) { testNoEvict(t, start) })
	t.Run("eviction", func(t *testing.T) { testEvict(t, start) })
	t.Run("counters", func(t *testing.T) { testCounters(t, start) })
}

// session is one connection that executes a script.
type session struct {
	t   *testing.T
	tg  target
	nc  net.Conn
	r   *bufio.Reader
	ids map[string]string // CAS ids by their symbol
	at  int               // line of the script, for messages
}

func newSession(t *testing.T, tg target) *session {
	t.Helper()
	s := &session{t: t, tg: tg, ids: make(map[string]string)}
	s.dial()
	return s
}

// runScript executes a script, line by line:
//
//	> text      send text and CRLF; adjacent ones go out in one write
//	>> "text"   send a Go string as it is
//	< text      receive a line, exactly; {id} captures a CAS id, or repeats it
//	<eof>       the server has closed the connection
//	~ text      send text until the answer is the < line that follows
//	!restart    restart memcached and connect again
//	!reconnect  connect again
//
// {x*300} is 300 times x, {now+5} the Unix time in 5 seconds, {id} in a
// sent line is the CAS id captured before. At the end there must be nothing
// more to read.
func runScript(t *testing.T, tg target, script string) {
	t.Helper()
	s := newSession(t, tg)
	lines := strings.Split(strings.Trim(script, "\n"), "\n")
	pending := ""
	closed := false
	for i, line := range lines {
		s.at = i
		verb, text, _ := strings.Cut(line, " ")
		if verb != ">" && pending != "" {
			s.send(pending)
			pending = ""
		}
		switch verb {
		case ">":
			pending += s.expand(text) + "\r\n"
		case ">>":
			raw, err := strconv.Unquote(text)
			if err != nil {
				t.Fatalf("line %d: %q: %v", i, line, err)
			}
			s.send(s.expand(raw))
		case "<":
			s.receive(text)
		case "<eof>":
			s.receiveEOF()
			closed = true
		case "~":
			s.sendUntil(text, strings.TrimPrefix(lines[i+1], "< "))
		case "!restart":
			tg.restart()
			s.dial()
		case "!reconnect":
			s.dial()
			closed = false
		default:
			t.Fatalf("line %d: unknown verb %q", i, verb)
		}
	}
	if !closed {
		s.send(pending + "version\r\n")
		if got := s.line(); !strings.HasPrefix(got, "VERSION ") {
			t.Errorf("more to read after the script: %.200q", got)
		}
	}
}

func (s *session) dial() {
	s.t.Helper()
	if s.nc != nil {
		s.nc.Close()
	}
	s.nc = dial(s.t, s.tg.addr)
	s.r = bufio.NewReader(s.nc)
}

// dial connects to addr, with a deadline for everything that follows.
func dial(t testing.TB, addr string) net.Conn {
	t.Helper()
	nc, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { nc.Close() })
	if err := nc.SetDeadline(time.Now().Add(patience)); err != nil {
		t.Fatal(err)
	}
	return nc
}

func (s *session) send(text string) {
	s.t.Helper()
	if _, err := io.WriteString(s.nc, text); err != nil {
		s.t.Fatalf("line %d: send %.200q: %v", s.at, text, err)
	}
}

func (s *session) line() string {
	s.t.Helper()
	line, err := s.r.ReadString('\n')
	if err != nil {
		s.t.Fatalf("line %d: receive: %v after %.200q", s.at, err, line)
	}
	return line
}

func (s *session) receive(want string) {
	s.t.Helper()
	got := s.line()
	symbol := regexp.MustCompile(`\{[a-z]+\}`).FindString(want)
	want = s.expand(want) + "\r\n"
	if symbol == "" || s.ids[symbol] != "" {
		if got != want {
			s.t.Errorf("line %d: received %.200q, want %.200q", s.at, got, want)
		}
		return
	}
	pattern := strings.Replace(regexp.QuoteMeta(want), regexp.QuoteMeta(symbol), `(\d+)`, 1)
	match := regexp.MustCompile("^" + pattern + "$").FindStringSubmatch(got)
	if match == nil {
		s.t.Fatalf("line %d: received %.200q, want %.200q", s.at, got, want)
	}
	s.ids[symbol] = match[1]
}

func (s *session) receiveEOF() {
	s.t.Helper()
	rest, err := io.ReadAll(s.r)
	var ne net.Error
	if errors.As(err, &ne) && ne.Timeout() || len(rest) > 0 {
		s.t.Errorf("line %d: received %.200q, %v, want a closed connection", s.at, rest, err)
	}
}

// sendUntil leaves the wanted answer for the next line of the script. All
// answers of the command must have one line, or end with END.
func (s *session) sendUntil(command, want string) {
	s.t.Helper()
	for {
		s.send(command + "\r\n")
		got := strings.TrimSuffix(s.line(), "\r\n")
		if got == want {
			s.r = bufio.NewReader(io.MultiReader(strings.NewReader(got+"\r\n"), s.nc))
			return
		}
		for strings.HasPrefix(got, "VALUE ") && s.line() != "END\r\n" {
		}
		<-time.After(5 * time.Millisecond)
	}
}

// expand replaces {x*300}, {now+5} and known {id}s.
func (s *session) expand(text string) string {
	return regexp.MustCompile(`\{[^}]+\}`).ReplaceAllStringFunc(text, func(m string) string {
		body := strings.Trim(m, "{}")
		if what, n, ok := strings.Cut(body, "*"); ok {
			times, err := strconv.Atoi(n)
			if err != nil {
				s.t.Fatalf("expand %q: %v", m, err)
			}
			return strings.Repeat(what, times)
		}
		if n, ok := strings.CutPrefix(body, "now"); ok {
			seconds, err := strconv.Atoi(n)
			if err != nil {
				s.t.Fatalf("expand %q: %v", m, err)
			}
			return fmt.Sprint(time.Now().Unix() + int64(seconds))
		}
		if id := s.ids[m]; id != "" {
			return id
		}
		return m
	})
}

// startServer returns a running in-process server.
func startServer(t testing.TB, cfg memcached.Config) *memcached.Server {
	t.Helper()
	s := memcached.New(cfg)
	if err := s.Start("127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Stop)
	return s
}
