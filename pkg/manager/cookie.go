package manager

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// DefaultCookieName is the cookie's name where the client side is not TLS.
const DefaultCookieName = "msmid"

const (
	hostPrefix     = "__Host-"
	maxCandidates  = 4        // cookies of the name that are tried
	maxCookieBytes = 16 << 10 // in a request; browsers send less
)

// Cookie describes the session cookie. Its zero value is a session cookie
// msmid, HttpOnly, SameSite=Lax, Path=/, and __Host-msmid with Secure where the
// client side is TLS.
type Cookie struct {
	// Name is the cookie's name. If empty, DefaultCookieName is used. Under
	// TLS and without Domain it gets the prefix __Host-, so that a neighbour
	// domain cannot plant one.
	Name string
	// Domain widens the cookie to the subdomains of a domain.
	Domain string
	// SameSite is http.SameSiteLaxMode if zero.
	SameSite http.SameSite
	// Partitioned keys the cookie by the top-level site (CHIPS). It needs TLS.
	Partitioned bool
	// MaxAge makes the cookie survive the browser. If zero, it does not.
	MaxAge time.Duration
	// Secure reports whether the client's side of the request is TLS. If nil,
	// r.TLS decides. A proxy in front that ends TLS has to be told of here.
	Secure func(r *http.Request) bool
}

// cookieWriter reads and writes the session cookie.
type cookieWriter struct {
	name       string
	secureName string
	secure     func(r *http.Request) bool
	domain     string
	part       bool
	sameSite   string
	maxAge     int
}

func newCookieWriter(c Cookie) (cookieWriter, error) {
	if c.Name == "" {
		c.Name = DefaultCookieName
	}
	if err := (&http.Cookie{Name: c.Name, Value: "x", Domain: c.Domain}).Valid(); err != nil {
		return cookieWriter{}, fmt.Errorf("cookie %q, domain %q: %w", c.Name, c.Domain, err)
	}
	w := cookieWriter{name: c.Name, secureName: c.Name, secure: c.Secure, domain: c.Domain, part: c.Partitioned,
		maxAge: int(c.MaxAge / time.Second)}
	lower := strings.ToLower(c.Name) // browsers ignore the case of the prefixes
	hasPrefix := strings.HasPrefix(lower, "__host-") || strings.HasPrefix(lower, "__secure-")
	if strings.HasPrefix(lower, "__host-") && c.Domain != "" {
		return cookieWriter{}, fmt.Errorf("cookie %q with domain %q: browsers refuse the __Host- prefix with a domain", c.Name, c.Domain)
	}
	if !hasPrefix && c.Domain == "" {
		w.secureName = hostPrefix + c.Name
	}
	switch c.SameSite {
	case 0, http.SameSiteDefaultMode, http.SameSiteLaxMode:
		w.sameSite = "Lax"
	case http.SameSiteStrictMode:
		w.sameSite = "Strict"
	case http.SameSiteNoneMode:
		w.sameSite = "None"
	default:
		return cookieWriter{}, errors.New("unknown SameSite mode")
	}
	if w.secure == nil {
		w.secure = func(r *http.Request) bool { return r.TLS != nil }
	}
	return w, nil
}

func (w *cookieWriter) names() []string {
	if w.name == w.secureName {
		return []string{w.name}
	}
	return []string{w.name, w.secureName}
}

// nameFor returns the name that counts for the request. Under TLS that is the
// one with __Host- only: anybody on the way could have set the plain one.
func (w *cookieWriter) nameFor(r *http.Request) string {
	if w.secure(r) {
		return w.secureName
	}
	return w.name
}

// set returns the Set-Cookie value that gives the client the id.
func (w *cookieWriter) set(r *http.Request, id string) string {
	return w.header(r, id, w.maxAge)
}

// remove returns the Set-Cookie value that takes the cookie away. It repeats
// the attributes, without which browsers keep the cookie.
func (w *cookieWriter) remove(r *http.Request) string {
	return w.header(r, "", -1)
}

func (w *cookieWriter) header(r *http.Request, value string, maxAge int) string {
	b := make([]byte, 0, 160)
	b = append(b, w.nameFor(r)...)
	b = append(b, '=')
	b = append(b, value...)
	b = append(b, "; Path=/"...)
	if w.domain != "" {
		b = append(append(b, "; Domain="...), w.domain...)
	}
	switch {
	case maxAge > 0:
		b = strconv.AppendInt(append(b, "; Max-Age="...), int64(maxAge), 10)
	case maxAge < 0:
		b = append(b, "; Max-Age=0"...)
	}
	b = append(b, "; HttpOnly; SameSite="...)
	b = append(b, w.sameSite...)
	if w.secure(r) {
		b = append(b, "; Secure"...)
		if w.part {
			b = append(b, "; Partitioned"...)
		}
	}
	return string(b)
}

// candidates returns the values of the session cookies of a request, at most
// maxCandidates. Browsers send several when cookies of different paths or
// domains have the same name.
func (w *cookieWriter) candidates(r *http.Request) []string {
	name := w.nameFor(r)
	var values []string
	for _, line := range r.Header["Cookie"] {
		for line != "" {
			var pair string
			pair, line, _ = strings.Cut(line, ";")
			n, value, ok := strings.Cut(strings.Trim(pair, " \t"), "=")
			if !ok || n != name {
				continue
			}
			if values = append(values, value); len(values) == maxCandidates {
				return values
			}
		}
	}
	return values
}

// cookieBytes is the size of the request's Cookie header.
func cookieBytes(r *http.Request) int {
	n := 0
	for _, line := range r.Header["Cookie"] {
		n += len(line)
	}
	return n
}

// WithoutCookies returns the values of a Cookie header without the cookies of
// the given names, nil if nothing remains. The other cookies keep their order
// and their bytes.
func WithoutCookies(lines []string, names ...string) []string {
	var kept []string
	for _, line := range lines {
		var pairs []string
		for pair := range strings.SplitSeq(line, ";") {
			pair = strings.Trim(pair, " \t")
			name, _, _ := strings.Cut(pair, "=")
			if pair != "" && !slices.Contains(names, name) {
				pairs = append(pairs, pair)
			}
		}
		if len(pairs) > 0 {
			kept = append(kept, strings.Join(pairs, "; "))
		}
	}
	return kept
}
