package appheader

import (
	"errors"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/msmd/msmd/pkg/manager"
)

// DefaultInlineMax is the largest Msm-Session header in bytes. It passes every
// common app server but uWSGI, whose limit for all headers together is 4 KiB.
const DefaultInlineMax = 4096

const (
	fieldSession = "Msm-Session"
	fieldMeta    = "Msm-Session-Meta"
	fieldPatch   = "Msm-Session-Patch"
	fieldReplace = "Msm-Session-Replace"
	fieldDo      = "Msm-Session-Do"
)

// ErrBadPatch is wrapped by ModifyResponse's errors.
var ErrBadPatch = errors.New("the app's session headers cannot be applied")

// Config is what New needs. Its zero value is usable.
type Config struct {
	// InlineMax is the largest Msm-Session value in bytes; above it the app
	// gets state=toolarge. If zero, DefaultInlineMax is used.
	InlineMax int
	// CookieNames are the session cookie's names, see Manager.CookieNames.
	CookieNames []string
	// ForwardID leaves the session cookie in the Cookie header that the app
	// gets. By default it is taken out: no app needs the credential.
	ForwardID bool
	// IgnoreBadPatch serves a response whose session headers cannot be
	// applied. By default it is replaced by a 502.
	IgnoreBadPatch bool
	// Logger gets a line for each such response. If nil, nothing is logged.
	Logger *slog.Logger
}

// Layer translates between sessions and headers. It may be used concurrently.
type Layer struct{ cfg Config }

// New returns a Layer.
func New(cfg Config) *Layer {
	if cfg.InlineMax == 0 {
		cfg.InlineMax = DefaultInlineMax
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	return &Layer{cfg}
}

// Handler cleans requests on their way to next, the proxy, and gives those
// that have a session the headers that carry it.
func (l *Layer) Handler(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		stripRequest(r)
		if !l.cfg.ForwardID && len(r.Header["Cookie"]) > 0 {
			l.hideID(r.Header)
		}
		if s := manager.FromContext(r.Context()); s != nil {
			l.announce(r.Header, s)
		}
		// Trailers, and headers that an app sends with a 1xx, go past
		// ModifyResponse.
		next.ServeHTTP(stripper{w}, r)
		strip(w.Header())
	})
}

func (l *Layer) hideID(h http.Header) {
	if kept := manager.WithoutCookies(h["Cookie"], l.cfg.CookieNames...); len(kept) > 0 {
		h["Cookie"] = kept
	} else {
		delete(h, "Cookie")
	}
}

// announce sets the request headers that tell the app of its session.
func (l *Layer) announce(h http.Header, s *manager.Session) {
	info := s.Info()
	state := string(info.State)
	if info.State == manager.StateOK {
		text, err := s.AppendJSON(make([]byte, 0, info.Size))
		switch {
		case err != nil:
			l.cfg.Logger.Warn("session has an attribute that is no JSON; the app gets state=unavailable", "ref", info.Ref, "cause", err.Error())
			state = string(manager.StateUnavailable)
		case len(text) > l.cfg.InlineMax:
			state = "toolarge"
		default:
			h[fieldSession] = []string{string(text)}
		}
	}
	h[fieldMeta] = []string{meta(state, info, time.Now())}
}

// meta is the Msm-Session-Meta value, an RFC 9651 Dictionary. idle and abs are
// the seconds left until the session ends by either limit.
func meta(state string, info manager.Info, now time.Time) string {
	b := append(make([]byte, 0, 192), "state="...)
	b = append(b, state...)
	if info.Ref != "" {
		b = append(append(append(b, `, ref="`...), info.Ref...), '"')
	}
	if info.State != manager.StateOK {
		return string(b)
	}
	b = strconv.AppendUint(append(b, ", v="...), info.Version, 10)
	b = append(b, ", new=?0"...)
	b = strconv.AppendInt(append(b, ", created=@"...), info.Created.Unix(), 10)
	b = strconv.AppendInt(append(b, ", accessed=@"...), info.Accessed.Unix(), 10)
	left := max(info.Accessed.Add(info.Idle).Sub(now), 0)
	b = strconv.AppendInt(append(b, ", idle="...), int64(left/time.Second), 10)
	if info.Absolute > 0 {
		b = strconv.AppendInt(append(b, ", abs="...), int64(info.Absolute/time.Second), 10)
	}
	b = strconv.AppendInt(append(b, ", size="...), int64(info.Size), 10)
	if info.Node != "" {
		b = append(append(append(b, `, node="`...), info.Node...), '"')
	}
	return string(b)
}

// ModifyResponse takes the session headers out of an app's response and
// applies them to the request's session, all of them or, if one is wrong, none.
// It is an httputil.ReverseProxy's ModifyResponse. Its errors wrap ErrBadPatch
// and are logged.
func (l *Layer) ModifyResponse(res *http.Response) error {
	in := take(res.Header)
	for name := range res.Trailer {
		if reserved(name) {
			delete(res.Trailer, name)
		}
	}
	l.dropOwnCookie(res.Header)
	s := manager.FromContext(res.Request.Context())
	if len(in.unknown) > 0 {
		l.cfg.Logger.Warn("the app sent reserved headers that say nothing to msmd; they were dropped", "names", in.unknown,
			"hint", "known are "+fieldPatch+", "+fieldReplace+" and "+fieldDo)
	}
	if s == nil || in.empty() {
		return nil
	}
	err := s.Atomically(func() error { return in.apply(s) })
	if err == nil {
		return nil
	}
	what := "a 502 was sent in its place"
	if l.cfg.IgnoreBadPatch {
		what = "it was sent without any of them"
	}
	l.cfg.Logger.Error("the app's response has session headers that cannot be applied; "+what,
		"ref", s.Info().Ref, "method", res.Request.Method, "cause", err.Error(),
		"hint", "see docs/PROTOCOL.md")
	if l.cfg.IgnoreBadPatch {
		return nil
	}
	return err
}

// dropOwnCookie removes a Set-Cookie by which the app would change the session
// cookie.
func (l *Layer) dropOwnCookie(h http.Header) {
	lines := h["Set-Cookie"]
	kept := lines[:0]
	for _, line := range lines {
		name, _, _ := strings.Cut(line, "=")
		if !l.isOwn(strings.TrimSpace(name)) {
			kept = append(kept, line)
			continue
		}
		l.cfg.Logger.Warn("the app sent a Set-Cookie of the session cookie's name; it was dropped",
			"cookie", strings.TrimSpace(name), "hint", "rename the app's cookie, or set cookieName")
	}
	if len(kept) == 0 {
		delete(h, "Set-Cookie")
	} else {
		h["Set-Cookie"] = kept
	}
}

func (l *Layer) isOwn(name string) bool {
	for _, own := range l.cfg.CookieNames {
		if name == own {
			return true
		}
	}
	return false
}

// stripper removes the reserved headers from 1xx responses. The others pass
// ModifyResponse.
type stripper struct{ http.ResponseWriter }

func (w stripper) WriteHeader(status int) {
	if status < 200 {
		strip(w.Header())
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w stripper) Unwrap() http.ResponseWriter { return w.ResponseWriter }
