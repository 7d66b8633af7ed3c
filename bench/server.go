package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"runtime/pprof"
	"strings"

	"github.com/msmd/msmd/pkg/manager"
	"github.com/msmd/msmd/pkg/nodes"
)

// serverFlags are the flags of the subcommand "server KIND".
type serverFlags struct {
	listen  string
	app     string
	nodes   string
	copies  int
	profile string
}

// runServer is the subcommand "server KIND": one of the benchmark's own
// servers, until ctx ends.
func runServer(ctx context.Context, args []string) error {
	if len(args) == 0 {
		return fmt.Errorf("server: which one?")
	}
	var f serverFlags
	set := flag.NewFlagSet("server", flag.ContinueOnError)
	set.StringVar(&f.listen, "listen", "127.0.0.1:0", "own address")
	set.StringVar(&f.app, "app", "", "address of the app")
	set.StringVar(&f.nodes, "nodes", "", "memcached nodes, as in msmd's memcachedNodes")
	set.IntVar(&f.copies, "copies", 2, "copies of a session")
	set.StringVar(&f.profile, "cpuprofile", "", "file for a CPU profile")
	if err := set.Parse(args[1:]); err != nil {
		return err
	}
	handler, done, err := newHandler(args[0], f)
	if err != nil {
		return err
	}
	defer done()
	listener, err := net.Listen("tcp", f.listen)
	if err != nil {
		return err
	}
	stop, err := startProfile(f.profile)
	if err != nil {
		return err
	}
	defer stop()
	// No timeouts: msmd has them, and their cost is part of what it costs.
	srv := &http.Server{Handler: handler}
	context.AfterFunc(ctx, func() { _ = srv.Close() }) // nobody waits for the answers
	if err := srv.Serve(listener); ctx.Err() == nil {
		return err
	}
	return nil
}

// newHandler returns the handler of a kind of server and what ends it.
func newHandler(kind string, f serverFlags) (http.Handler, func(), error) {
	nothing := func() {}
	switch kind {
	case "app":
		return headerApp(), nothing, nil
	case "reverseproxy":
		return newReverseProxy(f.app, true), nothing, nil
	case "reverseproxy-default":
		return newReverseProxy(f.app, false), nothing, nil
	case "handler":
		return middlewareApp(), nothing, nil
	case "middleware":
		return newMiddleware(f)
	case "floor":
		specs, err := nodes.ParseList(f.nodes, "")
		if err != nil {
			return nil, nil, err
		}
		var addrs []string
		for _, s := range specs {
			addrs = append(addrs, s.Addr)
		}
		h, err := newFloor(addrs)
		return h, nothing, err
	}
	return nil, nil, fmt.Errorf("server %q; known are %s", kind,
		strings.Join([]string{"app", "reverseproxy", "reverseproxy-default", "handler", "middleware", "floor"}, ", "))
}

// newMiddleware is the middleware with its defaults around the app.
func newMiddleware(f serverFlags) (http.Handler, func(), error) {
	specs, err := nodes.ParseList(f.nodes, "")
	if err != nil {
		return nil, nil, err
	}
	pool, err := nodes.Open(nodes.Config{Nodes: specs})
	if err != nil {
		return nil, nil, err
	}
	m, err := manager.New(manager.Config{Nodes: pool, Copies: f.copies})
	if err != nil {
		pool.Close()
		return nil, nil, err
	}
	return m.Handler(middlewareApp()), pool.Close, nil
}

// startProfile writes a CPU profile to the file, if one is named, until stop
// is called.
func startProfile(file string) (stop func(), err error) {
	if file == "" {
		return func() {}, nil
	}
	f, err := os.Create(file)
	if err != nil {
		return nil, err
	}
	if err := pprof.StartCPUProfile(f); err != nil {
		return nil, err
	}
	return func() {
		pprof.StopCPUProfile()
		closeLogged(f)
	}, nil
}

func closeLogged(c io.Closer) {
	if err := c.Close(); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
	}
}
