package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/msmd/msmd/internal/admin"
	"github.com/msmd/msmd/internal/appheader"
	"github.com/msmd/msmd/internal/config"
	"github.com/msmd/msmd/internal/proxy"
	"github.com/msmd/msmd/pkg/manager"
	"github.com/msmd/msmd/pkg/nodes"
)

const (
	readHeaderTimeout = 10 * time.Second
	idleTimeout       = 75 * time.Second
	maxHeaderBytes    = 64 << 10
)

// serve runs the service until ctx ends.
func serve(ctx context.Context, cfg *config.Config, log *slog.Logger) error {
	s, err := start(cfg, log)
	if err != nil {
		return err
	}
	log.Info("msmd serves", "url", "http://"+s.addr(), "admin", s.adminAddr(),
		"nodes", len(cfg.Nodes), "copies", 1+cfg.Copies(), "apps", len(cfg.Apps))
	if cfg.Copies() == 0 {
		log.Warn("each session is on one memcached node only: if the node dies, its sessions are gone",
			"hint", "configure two nodes and replicas: 1")
	}
	select {
	case <-ctx.Done():
		log.Info("msmd stops; requests under way are finished", "shutdownTimeout", cfg.ShutdownTimeout.String())
		return s.close()
	case err := <-s.failed:
		return errors.Join(err, s.close())
	}
}

// service is a running msmd.
type service struct {
	cfg      *config.Config
	pool     *nodes.Pool
	manager  *manager.Manager
	proxy    *proxy.Proxy
	draining atomic.Bool
	public   *http.Server
	admin    *http.Server // nil without adminListen
	listener net.Listener
	adminLis net.Listener
	failed   chan error     // a listener that ended by itself
	serving  sync.WaitGroup // the goroutines of the listeners
}

// start listens and serves in the background. The caller closes the service.
func start(cfg *config.Config, log *slog.Logger) (_ *service, err error) {
	s := &service{cfg: cfg, failed: make(chan error, 2)}
	defer func() {
		if err != nil {
			_ = s.close() // err is what the caller wants to know
		}
	}()
	if s.pool, err = nodes.Open(nodes.Config{Nodes: cfg.Nodes, OperationTimeout: cfg.OperationTimeout,
		MaxConns: cfg.MaxNodeConnections, Logger: log}); err != nil {
		return nil, err
	}
	if s.manager, err = newManager(cfg, s.pool, log); err != nil {
		return nil, err
	}
	layer := appheader.New(appheader.Config{
		InlineMax: cfg.InlineMax, CookieNames: s.manager.CookieNames(), ForwardID: cfg.ForwardID,
		IgnoreBadPatch: cfg.BadPatch == config.Ignore, Logger: log,
	})
	if s.proxy, err = newProxy(cfg, layer, log); err != nil {
		return nil, err
	}
	if s.listener, err = net.Listen("tcp", cfg.Listen); err != nil {
		return nil, fmt.Errorf("listen: %w", err)
	}
	if cfg.AdminListen != "" {
		if s.adminLis, err = net.Listen("tcp", cfg.AdminListen); err != nil {
			return nil, fmt.Errorf("adminListen: %w", err)
		}
	}
	s.public = newServer(s.manager.Handler(layer.Handler(s.proxy)), log)
	s.serve(s.public, s.listener)
	if s.adminLis != nil {
		host, _, _ := net.SplitHostPort(cfg.AdminListen) // it was listened on, so it splits
		s.admin = newServer(admin.New(admin.Config{Nodes: s.pool, Draining: s.draining.Load, Host: host}), log)
		s.serve(s.admin, s.adminLis)
	}
	return s, nil
}

func newManager(cfg *config.Config, pool *nodes.Pool, log *slog.Logger) (*manager.Manager, error) {
	absolute := cfg.MaxLifetime
	if absolute == 0 {
		absolute = -1 // the manager's "without limit"
	}
	sameSite := map[string]http.SameSite{config.SameSiteLax: http.SameSiteLaxMode,
		config.SameSiteStrict: http.SameSiteStrictMode, config.SameSiteNone: http.SameSiteNoneMode}
	return manager.New(manager.Config{
		Nodes: pool, Copies: 1 + cfg.Copies(), Ignore: cfg.Ignore,
		Strict: cfg.OnPartition == config.Strict, ReadPrimary: cfg.ReadMode == config.ReadPrimary,
		Idle: cfg.MaxInactiveInterval, Absolute: absolute,
		RotateGrace: cfg.RotateGrace, CommitTimeout: cfg.SessionBackupTimeout, MaxSessionSize: cfg.MaxSessionSize,
		Cookie: manager.Cookie{
			Name: cfg.CookieName, Domain: cfg.CookieDomain, SameSite: sameSite[cfg.CookieSameSite],
			Partitioned: cfg.CookiePartitioned, MaxAge: cfg.CookieMaxAge, Secure: clientIsTLS(cfg),
		},
		RejectUnavailable: cfg.LoadFailure == config.Reject,
		CommitFailure:     manager.CommitFailure(cfg.CommitFailure),
		Logger:            log,
	})
}

// clientIsTLS returns how cookieSecure tells whether the client side is TLS.
func clientIsTLS(cfg *config.Config) func(*http.Request) bool {
	switch cfg.CookieSecure {
	case config.SecureAlways:
		return func(*http.Request) bool { return true }
	case config.SecureNever:
		return func(*http.Request) bool { return false }
	}
	return func(r *http.Request) bool {
		if r.TLS != nil {
			return true
		}
		forwarded := r.Header.Values("X-Forwarded-Proto")
		if len(forwarded) == 0 || !proxy.FromTrusted(r, cfg.TrustedProxies) {
			return false
		}
		nearest := forwarded[len(forwarded)-1]
		return strings.EqualFold(strings.TrimSpace(nearest[strings.LastIndex(nearest, ",")+1:]), "https")
	}
}

func newProxy(cfg *config.Config, layer *appheader.Layer, log *slog.Logger) (*proxy.Proxy, error) {
	var upstreams []proxy.Upstream
	for _, a := range cfg.Apps {
		upstreams = append(upstreams, proxy.Upstream{ID: a.ID, URL: a.URL})
	}
	return proxy.New(proxy.Config{
		Upstreams: upstreams, ModifyResponse: layer.ModifyResponse, Error: proxyError,
		TrustedProxies: cfg.TrustedProxies, ResponseTimeout: cfg.UpstreamTimeout, Logger: log,
	})
}

// proxyError answers in place of the app.
func proxyError(w http.ResponseWriter, r *http.Request, err error) {
	if errors.Is(err, appheader.ErrBadPatch) {
		manager.BadPatch().Write(w, r)
		return
	}
	p := manager.Problem{Status: proxy.Status(err), Name: "bad-gateway", Title: "The application's answer could not be read."}
	switch p.Status {
	case http.StatusServiceUnavailable:
		p.Name, p.Title = "no-upstream", "No instance of the application is running. Please try again."
	case http.StatusGatewayTimeout:
		p.Name, p.Title = "upstream-timeout", "The application did not answer in time."
	}
	p.Write(w, r)
}

func newServer(h http.Handler, log *slog.Logger) *http.Server {
	return &http.Server{
		Handler: h, ReadHeaderTimeout: readHeaderTimeout, IdleTimeout: idleTimeout, MaxHeaderBytes: maxHeaderBytes,
		DisableGeneralOptionsHandler: true, ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
}

func (s *service) serve(srv *http.Server, l net.Listener) {
	s.serving.Go(func() {
		if err := srv.Serve(l); err != nil && !errors.Is(err, http.ErrServerClosed) {
			s.failed <- fmt.Errorf("serve %s: %w", l.Addr(), err)
		}
	})
}

func (s *service) addr() string { return s.listener.Addr().String() }

func (s *service) adminAddr() string {
	if s.adminLis == nil {
		return "off"
	}
	return s.adminLis.Addr().String()
}

// close stops listening, finishes the requests under way, at most
// shutdownTimeout long, and closes everything in reverse order. It also cleans
// up after a start that failed half-way.
func (s *service) close() error {
	s.draining.Store(true)
	var errs []error
	ctx, cancel := context.WithTimeout(context.Background(), s.cfg.ShutdownTimeout)
	defer cancel()
	if s.public != nil {
		if err := s.public.Shutdown(ctx); err != nil {
			errs = append(errs, fmt.Errorf("requests were cut off after shutdownTimeout %v: %w", s.cfg.ShutdownTimeout, err), s.public.Close())
		}
	} else if s.listener != nil {
		errs = append(errs, s.listener.Close())
	}
	if s.admin != nil {
		errs = append(errs, s.admin.Close())
	} else if s.adminLis != nil {
		errs = append(errs, s.adminLis.Close())
	}
	s.serving.Wait()
	if s.proxy != nil {
		s.proxy.Close()
	}
	if s.pool != nil {
		s.pool.Close()
	}
	return errors.Join(errs...)
}
