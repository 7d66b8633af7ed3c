// Package memcachedtest gives tests memcached nodes that they may kill,
// restart and pause.
//
//	node := memcachedtest.Start(t)
//	client := memcache.New(node.Addr())
//	node.Kill()
//	// the client sees connection refused
//	node.Restart()
//	// the client finds it empty
//
// All tests of the project get their nodes here, so that they run against
// a real memcached wherever there is one: in a container, as a local
// process, or, where neither is to be had, the in-process imitation of
// package memcached. The first node of a test process says on stderr which
// of them serves, and why.
//
// # Environment
//
// MSMD_TEST_BACKEND chooses: docker, local, in-process, or auto (the
// default), which takes the first of these that is available. Auto never
// pulls an image.
//
// MSMD_TEST_MEMCACHED_IMAGE names the image, by default DefaultImage. Its
// entrypoint has to take memcached's flags as arguments, as that of the
// official image does.
//
// MSMD_TEST_REQUIRE_REAL, if not empty, fails tests that would run against
// the in-process memcached. CI sets it.
//
// Fake nodes are strict: an in-process node that got a command it does not
// know fails the test at its end.
package memcachedtest

import (
	"fmt"
	"testing"
	"time"
)

// The names of the backends.
const (
	Docker    = "docker"
	Local     = "local"
	InProcess = "in-process"
)

// startTimeout is how long a node may take until it answers. Containers on
// a busy machine take a second; the rest is reserve.
const startTimeout = 20 * time.Second

// Node is a memcached that a test may stop and start. Its methods end the
// test if they fail, so they belong in the test's goroutine. The node is
// removed when the test ends.
type Node struct {
	t       testing.TB
	backend string
	server  server
}

// server is one memcached, however it is run. After launch it answers.
type server interface {
	addr() string
	kill() error    // the process is gone when it returns; twice is fine
	restart() error // same address; returns when it answers
	pause() error   // nothing is executed once it has returned
	resume() error
	remove() error // kill, and leave nothing behind
}

// launcher starts a server with memcached flags.
type launcher func(args []string) (server, error)

// Start returns a running, empty node. The args are further memcached
// flags such as "-m", "8" or "-I", "2m"; flag and value are separate
// arguments. The in-process backend understands -m, -M, -I and -c (which it
// ignores) and ends the test on any other.
func Start(t testing.TB, args ...string) *Node {
	t.Helper()
	c, err := decide()
	if err != nil {
		t.Fatal(err)
	}
	return start(t, c, args)
}

// StartN returns n running, empty nodes, each as from Start.
func StartN(t testing.TB, n int, args ...string) []*Node {
	t.Helper()
	nodes := make([]*Node, n)
	for i := range nodes {
		nodes[i] = Start(t, args...)
	}
	return nodes
}

// Backend returns the backend that Start uses, Docker, Local or InProcess,
// and the reason. It returns an error where Start would end the test.
func Backend() (name, reason string, err error) {
	c, err := decide()
	return c.backend, c.reason, err
}

func start(t testing.TB, c choice, args []string) *Node {
	t.Helper()
	s, err := c.launch(append([]string{"-m", "64"}, args...))
	if err != nil {
		t.Fatalf("memcachedtest: start %s memcached: %v", c.backend, err)
	}
	t.Cleanup(func() {
		if err := s.remove(); err != nil {
			t.Errorf("memcachedtest: remove %s memcached: %v", c.backend, err)
		}
	})
	return &Node{t: t, backend: c.backend, server: s}
}

// Addr returns the host:port of the node. It stays the same over Restart.
func (n *Node) Addr() string { return n.server.addr() }

// Backend returns what runs the node: Docker, Local or InProcess.
func (n *Node) Backend() string { return n.backend }

// Kill ends the node at once, as kill -9 does, paused or not. Its data and
// the commands it has not executed are lost, connections are refused.
func (n *Node) Kill() {
	n.t.Helper()
	n.check("kill", n.server.kill())
}

// Restart starts the node again, empty, on the same address, and returns
// when it answers. A running node is killed first.
func (n *Node) Restart() {
	n.t.Helper()
	n.check("kill", n.server.kill())
	n.check("restart", n.server.restart())
}

// Pause hangs the node: connections succeed, but nothing is executed or
// answered until Resume, which executes what was received meanwhile.
func (n *Node) Pause() {
	n.t.Helper()
	n.check("pause", n.server.pause())
}

// Resume ends Pause.
func (n *Node) Resume() {
	n.t.Helper()
	n.check("resume", n.server.resume())
}

// Flush drops all items of the node and returns when that is done.
func (n *Node) Flush() {
	n.t.Helper()
	answer, err := ask(n.Addr(), "flush_all", startTimeout)
	if err == nil && answer != "OK" {
		err = fmt.Errorf("answer %q", answer)
	}
	n.check("flush", err)
}

func (n *Node) check(what string, err error) {
	n.t.Helper()
	if err != nil {
		n.t.Fatalf("memcachedtest: %s %s memcached at %s: %v", what, n.backend, n.Addr(), err)
	}
}
