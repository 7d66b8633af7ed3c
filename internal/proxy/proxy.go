// Package proxy forwards requests to upstreams, the instances of an app, in
// turn. It knows nothing of sessions: what it forwards and what comes back can
// be changed by the handlers around it and by Config.ModifyResponse.
//
// Methods, paths, queries and bodies pass untouched. An upstream that refuses
// connections is passed over at once, also for a POST, since nothing was sent
// yet; after that it is left alone for a while. A request that was sent is
// never sent again to another upstream.
package proxy

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/httputil"
	"net/netip"
	"net/url"
	"sync"
	"time"
)

// Defaults of Config, and what the transport is tuned to: the default
// Transport keeps two idle connections per host and so dials all the time.
const (
	DefaultResponseTimeout = time.Minute
	dialTimeout            = 2 * time.Second
	idleConnsPerHost       = 512
	idleConnTimeout        = 55 * time.Second // below the keep-alive limit of common app servers
	ioBufferSize           = 16 << 10
	copyBufferSize         = 32 << 10
	maxResponseHeader      = 256 << 10
)

// Upstream is one instance of the app.
type Upstream struct {
	ID  string   // for logs and the admin page
	URL *url.URL // http or https; host and port only
}

// Config is what New needs.
type Config struct {
	// Upstreams are the app's instances, at least one.
	Upstreams []Upstream
	// ModifyResponse may change a response before it goes out, or refuse it by
	// returning an error. It also runs for 101. If nil, nothing is changed.
	ModifyResponse func(*http.Response) error
	// Error answers in place of an upstream. err is ErrNoUpstream, ErrTimeout,
	// what ModifyResponse returned, or another failure of the exchange. If
	// nil, DefaultError is used.
	Error func(w http.ResponseWriter, r *http.Request, err error)
	// TrustedProxies are the addresses of proxies in front, whose
	// X-Forwarded-For is kept and extended. From others it is replaced.
	TrustedProxies []netip.Prefix
	// ResponseTimeout is how long to wait for an upstream's response header.
	// If zero, DefaultResponseTimeout is used.
	ResponseTimeout time.Duration
	// Logger gets a line when an upstream goes down or comes up, and for each
	// exchange that failed. If nil, nothing is logged.
	Logger *slog.Logger
}

// The failures that an Error function tells apart.
var (
	ErrNoUpstream = errors.New("no upstream takes connections")
	ErrTimeout    = errors.New("the upstream did not answer in time")
)

// Proxy is an http.Handler that forwards to the upstreams.
type Proxy struct {
	reverse   *httputil.ReverseProxy
	fail      func(http.ResponseWriter, *http.Request, error)
	transport *http.Transport
	balancer  *balancer
}

// New returns a Proxy. The caller closes it.
func New(cfg Config) (*Proxy, error) {
	if len(cfg.Upstreams) == 0 {
		return nil, errors.New("proxy: no upstreams")
	}
	if cfg.ResponseTimeout == 0 {
		cfg.ResponseTimeout = DefaultResponseTimeout
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	if cfg.Error == nil {
		cfg.Error = DefaultError
	}
	transport := newTransport(cfg)
	p := &Proxy{transport: transport, balancer: newBalancer(cfg, transport)}
	p.fail = func(w http.ResponseWriter, r *http.Request, err error) {
		var refused refusal
		if r.Context().Err() == nil && !errors.As(err, &refused) { // who refused has said so
			cfg.Logger.Warn("exchange with the app failed", "method", r.Method, "cause", err.Error())
		}
		drain(r)
		cfg.Error(w, r, classify(err))
	}
	p.reverse = &httputil.ReverseProxy{
		Rewrite:        func(pr *httputil.ProxyRequest) { rewrite(pr, cfg.TrustedProxies) },
		Transport:      p.balancer,
		BufferPool:     &bufferPool{},
		ErrorLog:       slog.NewLogLogger(cfg.Logger.Handler(), slog.LevelWarn),
		ModifyResponse: modify(cfg.ModifyResponse),
		ErrorHandler:   p.fail,
	}
	return p, nil
}

// refusal is an error of Config.ModifyResponse.
type refusal struct{ error }

func (r refusal) Unwrap() error { return r.error }

func modify(f func(*http.Response) error) func(*http.Response) error {
	if f == nil {
		return nil
	}
	return func(res *http.Response) error {
		if err := f(res); err != nil {
			return refusal{err}
		}
		return nil
	}
}

func newTransport(cfg Config) *http.Transport {
	dialer := &net.Dialer{Timeout: dialTimeout, KeepAliveConfig: net.KeepAliveConfig{Enable: true}}
	return &http.Transport{
		DialContext:            dialer.DialContext,
		MaxIdleConnsPerHost:    idleConnsPerHost,
		IdleConnTimeout:        idleConnTimeout,
		DisableCompression:     true,
		WriteBufferSize:        ioBufferSize,
		ReadBufferSize:         ioBufferSize,
		ResponseHeaderTimeout:  cfg.ResponseTimeout,
		ExpectContinueTimeout:  time.Second,
		MaxResponseHeaderBytes: maxResponseHeader,
		TLSHandshakeTimeout:    dialTimeout,
	}
}

// ServeHTTP implements http.Handler.
func (p *Proxy) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if err := prepareBody(w, r); err != nil {
		p.fail(w, r, fmt.Errorf("read the request body: %w", err))
		return
	}
	p.reverse.ServeHTTP(w, r)
}

// Upstreams returns the state of the upstreams in their order.
func (p *Proxy) Upstreams() []State { return p.balancer.states() }

// Close drops the idle connections. It is safe twice.
func (p *Proxy) Close() { p.transport.CloseIdleConnections() }

// rewrite prepares the outgoing request; the balancer adds the address.
func rewrite(pr *httputil.ProxyRequest, trusted []netip.Prefix) {
	pr.Out.Host = pr.In.Host
	// ReverseProxy drops parameters that Go cannot parse, such as "a;b" and
	// "%zz". The app may; msmd reads none of them.
	pr.Out.URL.RawQuery = pr.In.URL.RawQuery
	if FromTrusted(pr.In, trusted) {
		for _, name := range []string{"X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto"} {
			if v, ok := pr.In.Header[name]; ok {
				pr.Out.Header[name] = v
			}
		}
		host, proto := pr.Out.Header["X-Forwarded-Host"], pr.Out.Header["X-Forwarded-Proto"]
		pr.SetXForwarded()
		restore(pr.Out.Header, "X-Forwarded-Host", host)
		restore(pr.Out.Header, "X-Forwarded-Proto", proto)
		return
	}
	pr.SetXForwarded()
}

func restore(h http.Header, name string, values []string) {
	if values != nil {
		h[name] = values
	}
}

// FromTrusted reports whether the request's peer is one of the trusted
// proxies.
func FromTrusted(r *http.Request, trusted []netip.Prefix) bool {
	if len(trusted) == 0 {
		return false
	}
	peer, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return false
	}
	addr := peer.Addr().Unmap()
	for _, p := range trusted {
		if p.Contains(addr) {
			return true
		}
	}
	return false
}

// classify maps the transport's timeouts to ErrTimeout.
func classify(err error) error {
	var netErr net.Error
	if errors.As(err, &netErr) && netErr.Timeout() && !errors.Is(err, ErrNoUpstream) {
		return fmt.Errorf("%w: %w", ErrTimeout, err)
	}
	return err
}

// Status returns the HTTP status for a failed exchange: 503 if no upstream
// takes connections, 504 after a timeout, else 502.
func Status(err error) int {
	switch {
	case errors.Is(err, ErrNoUpstream):
		return http.StatusServiceUnavailable
	case errors.Is(err, ErrTimeout):
		return http.StatusGatewayTimeout
	default:
		return http.StatusBadGateway
	}
}

// DefaultError answers with Status and one line of text.
func DefaultError(w http.ResponseWriter, _ *http.Request, err error) {
	status := Status(err)
	http.Error(w, http.StatusText(status), status)
}

// bufferPool lends ReverseProxy the buffers that it copies bodies with.
type bufferPool struct{ pool sync.Pool }

func (p *bufferPool) Get() []byte {
	if b, ok := p.pool.Get().(*[copyBufferSize]byte); ok {
		return b[:]
	}
	return make([]byte, copyBufferSize)
}

func (p *bufferPool) Put(b []byte) {
	if len(b) == copyBufferSize {
		p.pool.Put((*[copyBufferSize]byte)(b))
	}
}
