package proxy

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"slices"
	"sync/atomic"
	"time"
)

const (
	downFirst = time.Second // an upstream that refused is left alone so long
	downMax   = 8 * time.Second
)

// State is what the balancer knows of an upstream.
type State struct {
	ID       string
	URL      string
	Up       bool
	Requests uint64 // exchanges begun with it
	Failures uint64 // connections it refused
}

// upstream is an Upstream with its state.
type upstream struct {
	Upstream
	requests, failures atomic.Uint64
	refusals           atomic.Uint32 // in a row
	downUntil          atomic.Int64  // Unix nanoseconds, 0 while up
}

// balancer is the http.RoundTripper under ReverseProxy: it picks an upstream
// for each request, and another if that one refuses the connection.
type balancer struct {
	transport http.RoundTripper
	upstreams []*upstream
	next      atomic.Uint64
	log       *slog.Logger
}

func newBalancer(cfg Config, transport http.RoundTripper) *balancer {
	b := &balancer{transport: transport, log: cfg.Logger}
	for _, u := range cfg.Upstreams {
		b.upstreams = append(b.upstreams, &upstream{Upstream: u})
	}
	return b
}

// RoundTrip implements http.RoundTripper: round robin over the upstreams that
// are up, then, if all of those refuse, over the others.
func (b *balancer) RoundTrip(req *http.Request) (*http.Response, error) {
	start := b.next.Add(1)
	n := uint64(len(b.upstreams))
	var tried []*upstream
	var last error
	for _, anyway := range []bool{false, true} {
		for i := range n {
			u := b.upstreams[(start+i)%n]
			if slices.Contains(tried, u) || !anyway && !u.claim(time.Now()) {
				continue
			}
			res, err := b.try(u, req)
			if err == nil || !refused(err) {
				return res, err
			}
			tried, last = append(tried, u), err
			if req.Context().Err() != nil {
				return nil, err
			}
		}
	}
	return nil, fmt.Errorf("%w: %w", ErrNoUpstream, last)
}

// claim reports whether the upstream is to be tried. When its time out is over,
// one request, the caller's, gets to try it; the others wait for the outcome.
func (u *upstream) claim(now time.Time) bool {
	until := u.downUntil.Load()
	if until == 0 {
		return true
	}
	return now.UnixNano() >= until && u.downUntil.CompareAndSwap(until, now.Add(downFirst).UnixNano())
}

// try sends the request to u.
func (b *balancer) try(u *upstream, req *http.Request) (*http.Response, error) {
	out := *req
	out.URL = cloneURL(req.URL, u.URL)
	if req.Body != nil && req.Body != http.NoBody {
		out.Body = bodyFor(req)
	}
	u.requests.Add(1)
	res, err := b.transport.RoundTrip(&out)
	if err != nil && refused(err) {
		u.failures.Add(1)
		b.down(u, err)
		return nil, err
	}
	if u.downUntil.Load() != 0 && err == nil {
		u.refusals.Store(0)
		u.downUntil.Store(0)
		b.log.Info("app up again", "app", u.ID, "url", u.URL.String())
	}
	return res, err
}

// down leaves u alone for a second, and twice as long with each refusal in a
// row up to eight.
func (b *balancer) down(u *upstream, cause error) {
	n := u.refusals.Add(1)
	pause := min(downFirst<<min(n-1, 10), downMax)
	if u.downUntil.Swap(time.Now().Add(pause).UnixNano()) == 0 {
		b.log.Warn("app refuses connections, its requests go to the others", "app", u.ID, "url", u.URL.String(), "cause", cause.Error())
	}
}

// refused reports whether err is from connecting, so that nothing was sent.
func refused(err error) bool {
	var op *net.OpError
	return errors.As(err, &op) && op.Op == "dial"
}

func cloneURL(in, upstream *url.URL) *url.URL {
	u := *in
	u.Scheme, u.Host = upstream.Scheme, upstream.Host
	return &u
}

func (b *balancer) states() []State {
	states := make([]State, len(b.upstreams))
	for i, u := range b.upstreams {
		states[i] = State{ID: u.ID, URL: u.URL.String(), Up: u.downUntil.Load() == 0,
			Requests: u.requests.Load(), Failures: u.failures.Load()}
	}
	return states
}
