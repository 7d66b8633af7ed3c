package config

import (
	"net"
	"net/netip"
	"strings"

	"github.com/msmd/msmd/pkg/ignore"
	"github.com/msmd/msmd/pkg/nodes"
)

// validate applies the rules that concern more than one key.
func (l *loader) validate() {
	l.validateListeners()
	l.validateNodes()
	l.validateApps()
	l.validateIgnore()
	l.validateLimits()
	l.validateCookie()
	l.validateProxies()
}

// validateListeners keeps the admin pages, which show sessions, from the
// network unless that was asked for.
func (l *loader) validateListeners() {
	c := l.c
	if c.Listen == "" && l.good("listen") {
		l.failf("listen", "no address; hint: listen: 127.0.0.1:8080")
	}
	if c.AdminListen == "" || !l.good("adminListen", "adminPublic") {
		return
	}
	host, port, _ := net.SplitHostPort(c.AdminListen)
	if c.AdminListen == c.Listen && port != "0" { // port 0 is another one each time
		l.failf("adminListen", "%q is listen's address too; hint: give the admin pages a port of their own", c.AdminListen)
	}
	switch {
	case loopback(host):
	case c.AdminPublic:
		l.warnf("adminListen: %s can be reached from other hosts; let a firewall choose which", c.AdminListen)
	default:
		l.failf("adminListen", "%q can be reached from other hosts; hint: write 127.0.0.1 for the host, or set adminPublic: true", c.AdminListen)
	}
}

// loopback reports whether an address with this host part is this machine's
// alone. Only localhost is known by name.
func loopback(host string) bool {
	a, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && a.Unmap().IsLoopback()
}

// validateNodes reads the node list twice, without and with failoverNodes, so
// that each fault is put down to the key that has it.
func (l *loader) validateNodes() {
	if !l.good("memcachedNodes") {
		return
	}
	specs, err := nodes.ParseList(l.mem, "")
	if err != nil {
		l.fail("memcachedNodes", err)
		return
	}
	l.c.Nodes = specs
	l.validateReach()
	if len(specs) == 1 {
		l.warnf("memcachedNodes: one node alone: its death, or its restart, loses all sessions; name a second")
	} else if l.c.Replicas == 0 && l.good("replicas") {
		l.warnf("replicas: 0: each session is on one node, whose death loses it")
	}
	if !l.good("failoverNodes") {
		return
	}
	if specs, err = nodes.ParseList(l.mem, l.failover); err != nil {
		l.fail("failoverNodes", err)
		return
	}
	l.c.Nodes = specs
}

// validateReach refuses nodes on public addresses: memcached answers whoever
// asks, and sessions would cross the network in the clear. Names are not
// resolved: the answer may change at any time.
func (l *loader) validateReach() {
	var private, public []string
	for _, s := range l.c.Nodes {
		host, _, _ := net.SplitHostPort(s.Addr)
		a, err := netip.ParseAddr(host)
		a = a.Unmap()
		switch {
		case err != nil || a.IsLoopback() || a.IsUnspecified():
		case a.IsPrivate() || a.IsLinkLocalUnicast():
			private = append(private, s.Addr)
		default:
			public = append(public, s.Addr)
		}
	}
	if len(private) > 0 {
		l.warnf("memcachedNodes: sessions cross the network to %s unencrypted; keep other hosts off it", strings.Join(private, ", "))
	}
	if len(public) == 0 || !l.good("allowPlaintext") {
		return
	}
	if l.c.AllowPlaintext {
		l.warnf("memcachedNodes: sessions cross a public network to %s unencrypted, as allowPlaintext permits", strings.Join(public, ", "))
		return
	}
	for _, addr := range public {
		l.failf("memcachedNodes", "%q is a public address, and memcached asks for no password and encrypts nothing; hint: use a private network, or set allowPlaintext: true", addr)
	}
}

// validateApps refuses an app that is msmd itself: every request would go
// round until the connections are used up.
func (l *loader) validateApps() {
	if !l.good("listen", "apps") {
		return
	}
	host, port, _ := net.SplitHostPort(l.c.Listen)
	for _, a := range l.c.Apps {
		if portOf(a.URL) != port {
			continue
		}
		everywhere := host == "" || host == "0.0.0.0" || host == "::"
		if a.URL.Hostname() == host || everywhere && loopback(a.URL.Hostname()) {
			l.failf("apps", "%q is msmd's own address, see listen; hint: let the app use another port", a.ID+"="+a.URL.String())
		}
	}
}

// validateIgnore compiles the pattern here, not when it is read, because the
// text it is matched against is another key.
func (l *loader) validateIgnore() {
	if !l.good("requestUriIgnorePattern", "ignoreMatch") {
		return
	}
	f, err := ignore.Compile(l.c.IgnorePattern, l.c.IgnoreMatch)
	if err != nil {
		l.fail("requestUriIgnorePattern", err)
	}
	l.c.Ignore = f
}

// validateLimits refuses limits that contradict each other: the shorter one
// would silently make the longer one void.
func (l *loader) validateLimits() {
	c := l.c
	if l.good("operationTimeout", "sessionBackupTimeout") && c.SessionBackupTimeout < c.OperationTimeout {
		l.failf("sessionBackupTimeout", "%q is less than operationTimeout %q; hint: storing takes several operations, allow ten times as much",
			short(c.SessionBackupTimeout), short(c.OperationTimeout))
	}
	if l.good("maxInactiveInterval", "maxLifetime") && c.MaxLifetime != 0 && c.MaxLifetime < c.MaxInactiveInterval {
		l.failf("maxLifetime", "%q is less than maxInactiveInterval %q; hint: make it longer, or 0 for no limit",
			short(c.MaxLifetime), short(c.MaxInactiveInterval))
	}
	if l.good("maxInactiveInterval", "cookieMaxAge") && c.CookieMaxAge != 0 && c.CookieMaxAge < c.MaxInactiveInterval {
		l.warnf("cookieMaxAge: browsers forget the cookie after %s, while the session lives for %s after its last use",
			short(c.CookieMaxAge), short(c.MaxInactiveInterval))
	}
}

// validateCookie refuses what browsers would drop without a word.
func (l *loader) validateCookie() {
	c := l.c
	if !l.good("cookieName", "cookieDomain", "cookieSameSite", "cookieSecure", "cookiePartitioned", "trustedProxies") {
		return
	}
	if hasPrefixFold(c.CookieName, hostPrefix) && c.CookieDomain != "" {
		l.failf("cookieName", "%q together with cookieDomain %q: browsers drop such a cookie; hint: remove one of them", c.CookieName, c.CookieDomain)
	}
	why := plaintextCookie(c)
	if why == "" {
		return
	}
	const drop = "browsers drop such a cookie without Secure, and "
	if hasSecurePrefix(c.CookieName) {
		l.failf("cookieName", "%q: %s%s", c.CookieName, drop, why)
	}
	if c.CookieSameSite == SameSiteNone {
		l.failf("cookieSameSite", "%q: %s%s", c.CookieSameSite, drop, why)
	}
	if c.CookiePartitioned {
		l.failf("cookiePartitioned", "%q: %s%s", "true", drop, why)
	}
}

// plaintextCookie says why the cookie is never Secure, with a hint, or ""
// where it is or can be.
func plaintextCookie(c *Config) string {
	switch {
	case c.CookieSecure == SecureNever:
		return "cookieSecure is never; hint: set cookieSecure: auto or always"
	case c.CookieSecure == Auto && len(c.TrustedProxies) == 0:
		return "msmd listens on plaintext and trusts no proxy to say that the client side is TLS; hint: name the TLS proxy in trustedProxies, or set cookieSecure: always"
	default:
		return ""
	}
}

// validateProxies allows trust in everybody, for msmd may stand where only a
// balancer can reach it, but says what it means.
func (l *loader) validateProxies() {
	for _, p := range l.c.TrustedProxies {
		if p.Bits() == 0 {
			l.warnf("trustedProxies: %s is everybody: any client can claim to use TLS", p)
		}
	}
}
