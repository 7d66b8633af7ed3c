package manager

import (
	"context"
	"net"
	"sync"
	"syscall"
	"testing"

	"github.com/msmd/msmd/internal/memcached"
	"github.com/msmd/msmd/pkg/nodes"
)

// bubble returns a manager on one in-process node without sockets, for
// testing/synctest. stop ends everything in the bubble.
func bubble(t *testing.T) (m *Manager, stop func()) {
	t.Helper()
	l := &pipeListener{conns: make(chan net.Conn), done: make(chan struct{})}
	srv := memcached.New(memcached.Config{})
	served := make(chan error, 1)
	go func() { served <- srv.Serve(l) }()
	pool, err := nodes.Open(nodes.Config{Nodes: []nodes.Spec{{ID: "n1", Addr: "pipe:1"}}, Dial: l.dial})
	if err != nil {
		t.Fatal(err)
	}
	m, err = New(Config{Nodes: pool})
	if err != nil {
		t.Fatal(err)
	}
	return m, func() {
		pool.Close()
		srv.Stop()
		<-served
	}
}

// pipeListener is a net.Listener over net.Pipe.
type pipeListener struct {
	conns chan net.Conn
	done  chan struct{}
	once  sync.Once
}

func (l *pipeListener) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	client, server := net.Pipe()
	select {
	case l.conns <- server:
		return client, nil
	case <-l.done:
		return nil, syscall.ECONNREFUSED
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (l *pipeListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}

func (l *pipeListener) Close() error {
	l.once.Do(func() { close(l.done) })
	return nil
}

func (l *pipeListener) Addr() net.Addr { return &net.UnixAddr{Name: "pipe", Net: "pipe"} }
