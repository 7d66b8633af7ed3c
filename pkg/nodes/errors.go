package nodes

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"syscall"

	"github.com/bradfitz/gomemcache/memcache"
)

// The kinds of failure, named for what the caller does next.
var (
	// ErrNotFound: the node answered that it has no such key. It alone never
	// means that a session does not exist.
	ErrNotFound = errors.New("not found")
	// ErrConflict: the value changed since it was read (cas), or a value is
	// already there (add). Load again.
	ErrConflict = errors.New("conflict")
	// ErrTooLarge: the value is larger than the node's item limit (-I). The
	// old value stays.
	ErrTooLarge = errors.New("value too large for the node")
	// ErrNoMemory: the node is full and runs with -M. The old value stays.
	ErrNoMemory = errors.New("node out of memory")
	// ErrTimeout: no answer in time. A write may still land.
	ErrTimeout = errors.New("timeout")
	// ErrDown: the node refused the connection. Nothing was written.
	ErrDown = errors.New("node down")
	// ErrSkipped is the ErrDown of a node that was not asked, because its
	// breaker is open.
	ErrSkipped = fmt.Errorf("%w: not asked", ErrDown)
	// ErrBroken: the connection broke, or the answer was not memcached's
	// protocol. A write may have landed.
	ErrBroken = errors.New("connection broken")
)

// classify maps gomemcache's errors, which are partly texts, to the kinds
// above. It returns nil for nil.
func classify(err error) error {
	var netErr net.Error
	var connect *memcache.ConnectTimeoutError
	var op *net.OpError
	switch {
	case err == nil:
		return nil
	case errors.Is(err, memcache.ErrCacheMiss):
		return ErrNotFound
	case errors.Is(err, memcache.ErrCASConflict), errors.Is(err, memcache.ErrNotStored):
		return ErrConflict
	case errors.As(err, &connect), errors.Is(err, os.ErrDeadlineExceeded), errors.Is(err, context.DeadlineExceeded):
		return ErrTimeout
	case errors.As(err, &netErr) && netErr.Timeout():
		return ErrTimeout
	case errors.As(err, &op) && op.Op == "dial":
		return ErrDown
	case strings.Contains(err.Error(), "object too large"):
		return ErrTooLarge
	case strings.Contains(err.Error(), "out of memory"):
		return ErrNoMemory
	default:
		return ErrBroken
	}
}

// stale reports whether err is what a pooled connection gives after its server
// was restarted: worth one more try on a fresh connection.
func stale(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) ||
		errors.Is(err, syscall.EPIPE) || errors.Is(err, syscall.ECONNRESET)
}
