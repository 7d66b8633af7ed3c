package nodes

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// DefaultOperationTimeout bounds connecting to a node, and one operation.
	DefaultOperationTimeout = 100 * time.Millisecond
	// DefaultMaxConns bounds the connections to one node.
	DefaultMaxConns = 64
)

// Config is what Open needs.
type Config struct {
	// Nodes is the node list, see ParseList.
	Nodes []Spec

	// OperationTimeout bounds connecting to a node and, after that, one
	// operation. If zero, DefaultOperationTimeout is used. Longer tolerates
	// slower nodes and networks; shorter makes a hung node cost less.
	OperationTimeout time.Duration

	// MaxConns bounds the operations under way and so the connections to one
	// node; the checks may need one more. If zero, DefaultMaxConns is used.
	// memcached's own limit (-c, 1024 by default) must be at least MaxConns
	// plus one, times the number of msmds.
	MaxConns int

	// Dial connects to a node. If nil, TCP is used.
	Dial func(ctx context.Context, network, addr string) (net.Conn, error)

	// Logger gets a line when a node goes down or comes up. If nil, nothing is
	// logged.
	Logger *slog.Logger
}

// Pool is the set of nodes. It may be used concurrently.
type Pool struct {
	specs   []Spec
	nodes   []*Node
	byID    map[string]*Node
	open    atomic.Int32 // breakers that are open
	stop    chan struct{}
	closing sync.Once
	watches sync.WaitGroup
}

// Open makes a Pool and starts watching its nodes. It does not wait for any of
// them: a Pool whose nodes are all down opens just as fast, and works as soon
// as they come up. The caller closes it.
func Open(cfg Config) (*Pool, error) {
	if len(cfg.Nodes) == 0 {
		return nil, errors.New("no memcached nodes")
	}
	if cfg.OperationTimeout == 0 {
		cfg.OperationTimeout = DefaultOperationTimeout
	}
	if cfg.MaxConns == 0 {
		cfg.MaxConns = DefaultMaxConns
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	p := &Pool{specs: cfg.Nodes, byID: map[string]*Node{}, stop: make(chan struct{})}
	for _, spec := range cfg.Nodes {
		n := &Node{
			spec:    spec,
			client:  newClient(staticAddr(spec.Addr), cfg),
			slots:   make(chan struct{}, cfg.MaxConns),
			timeout: cfg.OperationTimeout,
			log:     cfg.Logger,
			wake:    make(chan struct{}, 1),
			allOpen: func() bool { return int(p.open.Load()) == len(p.nodes) },
			onState: func(open bool) {
				if open {
					p.open.Add(1)
				} else {
					p.open.Add(-1)
				}
			},
		}
		p.nodes = append(p.nodes, n)
		p.byID[spec.ID] = n
	}
	for _, n := range p.nodes {
		p.watches.Go(func() { n.watch(p.stop) })
	}
	return p, nil
}

// Close stops the watchers, waits for them and drops the idle connections. It
// is safe twice. Operations under way end by themselves.
func (p *Pool) Close() {
	p.closing.Do(func() { close(p.stop) })
	p.watches.Wait()
	for _, n := range p.nodes {
		n.client.Close()
	}
}

// Nodes returns the nodes in the order of the list. The slice is the Pool's.
func (p *Pool) Nodes() []*Node { return p.nodes }

// Node returns the node with the id, nil if there is none.
func (p *Pool) Node(id string) *Node { return p.byID[id] }

// Order returns the nodes in the order of Rank for the session with that base:
// its home, the holders of copies, and the spares.
func (p *Pool) Order(base string) []*Node {
	rank := Rank(base, p.specs)
	order := make([]*Node, len(rank))
	for i, index := range rank {
		order[i] = p.nodes[index]
	}
	return order
}
