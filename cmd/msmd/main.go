// Command msmd is a session manager: a reverse proxy that gives web apps in
// any language a server-side session, stored in memcached.
//
//	msmd demo                       everything in one process, to try it
//	msmd check --config FILE        what a configuration means
//	msmd serve --config FILE        the service
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := execute(ctx, os.Args[1:], os.Environ(), os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}
