package e2e

import (
	"bufio"
	"fmt"
	"net"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/msmd/msmd/internal/memcached/memcachedtest"
)

// ignorePattern is that of the tutorials.
const ignorePattern = `requestUriIgnorePattern: '.*\.(ico|png|gif|jpg|css|js)$'`

// site is msmd with all that it needs.
type site struct {
	*world
	nodes   []*memcachedtest.Node
	apps    []*app
	servers []*server
}

// app is an instance of an app, in a process of its own.
type app struct {
	*process
	addr    string
	restart func()
}

// startApp starts an instance. command returns the command line that makes it
// listen on an address and print its URL.
func (w *world) startApp(name string, command func(addr string) []string) *app {
	w.t.Helper()
	a := &app{addr: "127.0.0.1:0"}
	a.restart = func() {
		w.t.Helper()
		a.process = w.start(name, nil, command(a.addr)...)
		a.addr = a.waitOutput("its address", submatch(`http://(127\.0\.0\.1:[0-9]+)`))
	}
	a.restart()
	return a
}

// sampleApp starts the Go app that comes with msmd.
func (w *world) sampleApp(name string) *app {
	w.t.Helper()
	path, err := program()
	if err != nil {
		w.t.Fatal(err)
	}
	return w.startApp(name, func(addr string) []string {
		return []string{path, "sample-app", "--listen", addr, "--name", name}
	})
}

// newSite starts two nodes, two sample apps and two msmd with the smallest
// configuration and the further lines.
func newSite(t testing.TB, lines ...string) *site {
	t.Helper()
	s := &site{world: newWorld(t), nodes: memcachedtest.StartN(t, 2)}
	s.apps = []*app{s.sampleApp("app1"), s.sampleApp("app2")}
	lines = append(s.config(s.apps[0].addr, s.apps[1].addr), lines...)
	s.servers = []*server{s.serve("msmd1", lines...), s.serve("msmd2", lines...)}
	return s
}

// config is the smallest configuration, but for listen, of the site's nodes
// in front of apps at the given addresses.
func (s *site) config(apps ...string) []string {
	var nodes, list []string
	for i, n := range s.nodes {
		nodes = append(nodes, fmt.Sprintf("n%d:%s", i+1, n.Addr()))
	}
	for i, addr := range apps {
		list = append(list, fmt.Sprintf("app%d=http://%s", i+1, addr))
	}
	return []string{
		"memcachedNodes: " + strings.Join(nodes, ","),
		"apps: [" + strings.Join(list, ", ") + "]",
		ignorePattern,
	}
}

// node returns the node that an id names, and the other one.
func (s *site) node(id string) (named, other *memcachedtest.Node) {
	s.t.Helper()
	_, name, _ := strings.Cut(id, "-")
	switch name {
	case "n1":
		return s.nodes[0], s.nodes[1]
	case "n2":
		return s.nodes[1], s.nodes[0]
	}
	s.t.Fatalf("id names node %q, want n1 or n2", name)
	return nil, nil
}

// stats returns memcached's own statistics.
func stats(t testing.TB, n *memcachedtest.Node) map[string]int {
	t.Helper()
	values := map[string]int{}
	for _, line := range ask(t, n.Addr(), "stats") {
		name, value, _ := strings.Cut(strings.TrimPrefix(line, "STAT "), " ")
		if i, err := strconv.Atoi(value); err == nil {
			values[name] = i
		}
	}
	return values
}

// commands returns how many commands that read or write items the site's nodes
// have had.
func (s *site) commands() int {
	s.t.Helper()
	sum := 0
	for _, n := range s.nodes {
		st := stats(s.t, n)
		sum += st["cmd_get"] + st["cmd_set"] + st["cmd_touch"] + st["delete_hits"] + st["delete_misses"]
	}
	return sum
}

// items returns how many items each of the site's nodes holds.
func (s *site) items() []int {
	s.t.Helper()
	var counts []int
	for _, n := range s.nodes {
		counts = append(counts, stats(s.t, n)["curr_items"])
	}
	return counts
}

// ask sends memcached a command and returns the lines up to END.
func ask(t testing.TB, addr, command string) []string {
	t.Helper()
	conn, err := net.DialTimeout("tcp", addr, patience)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	_ = conn.SetDeadline(time.Now().Add(patience))
	if _, err := fmt.Fprintf(conn, "%s\r\n", command); err != nil {
		t.Fatal(err)
	}
	var lines []string
	for in := bufio.NewScanner(conn); in.Scan(); {
		if in.Text() == "END" {
			return lines
		}
		lines = append(lines, in.Text())
	}
	t.Fatalf("memcached %s: no END to %q after %q", addr, command, lines)
	return nil
}
