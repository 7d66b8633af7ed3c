package config

import (
	"time"

	"github.com/msmd/msmd/pkg/ignore"
)

// Words for a value in the usage text.
const (
	kindText     = "text"
	kindAddress  = "address"
	kindList     = "list"
	kindBool     = "bool"
	kindNumber   = "number"
	kindBytes    = "bytes"
	kindDuration = "duration"
	kindWord     = "word"
)

// decade is the longest limit; what is longer is a slip of the pen.
const decade = 87600 * time.Hour

// neverExpires answers msm's 0 and -1.
const neverExpires = "a session that never expires (msm's 0 or less) would stay in memcached for ever; write how long it may be idle, such as 30m"

// key is one key of the configuration.
type key struct {
	name string // as in the file
	kind string // see above
	def  string // default, as it would stand in the file
	doc  string // one line
	set  setter // reads a value into the loader's Config
}

// keys returns the table of all keys, in the order of config.example.yaml.
func (l *loader) keys() []key {
	var all []key
	all = append(all, l.listenerKeys()...)
	all = append(all, l.nodeKeys()...)
	all = append(all, l.appKeys()...)
	all = append(all, l.sessionKeys()...)
	all = append(all, l.cookieKeys()...)
	all = append(all, l.failureKeys()...)
	return append(all, l.processKeys()...)
}

func (l *loader) listenerKeys() []key {
	c := l.c
	return []key{
		{"listen", kindAddress, "127.0.0.1:8080", "address for browsers and balancers, host:port", address(&c.Listen)},
		{"adminListen", kindAddress, "", "address of the admin pages, host:port; empty for off", address(&c.AdminListen)},
		{"adminPublic", kindBool, "false", "let adminListen be an address that other hosts can reach", boolean(&c.AdminPublic)},
	}
}

func (l *loader) nodeKeys() []key {
	c := l.c
	return []key{
		{"memcachedNodes", kindList, "", "memcached nodes, id:host:port each; required", list(&l.mem)},
		{"failoverNodes", kindList, "", "ids of nodes that stand by for the others", list(&l.failover)},
		{"replicas", kindNumber, "1", "copies of a session besides its home, 0 or 1", replicas(&c.Replicas)},
		{"readMode", kindWord, "both", "which copies a request reads: both, or primary: the home alone", choice(&c.ReadMode, ReadBoth, ReadPrimary)},
		{"onPartition", kindWord, "available", "when one of a session's nodes does not answer: available: serve with the other, or strict: 503",
			choice(&c.OnPartition, Available, Strict)},
		{"operationTimeout", kindDuration, "100ms", "how long connecting to a node, or one operation on it, may take",
			duration(&c.OperationTimeout, span{min: time.Millisecond, max: 10 * time.Second, unit: "ms"})},
		{"maxNodeConnections", kindNumber, "64", "most connections to one node", integer(&c.MaxNodeConnections, 1, 4096)},
		{"allowPlaintext", kindBool, "false", "let memcached nodes have public addresses, unencrypted", boolean(&c.AllowPlaintext)},
	}
}

func (l *loader) appKeys() []key {
	c := l.c
	return []key{
		{"apps", kindList, "", "instances of the app, id=url each; required", apps(&c.Apps)},
		{"upstreamTimeout", kindDuration, "60s", "how long an app may take until its response header",
			duration(&c.UpstreamTimeout, span{min: time.Millisecond, max: 24 * time.Hour, unit: "s"})},
		{"forwardId", kindBool, "false", "let the app see the session id's cookie", boolean(&c.ForwardID)},
		{"requestUriIgnorePattern", kindText, "", "requests that have no session, as a regular expression of the whole path", text(&c.IgnorePattern)},
		{"ignoreMatch", kindWord, "path", "what the pattern is matched against: path, or msm's METHOD URI?query",
			choice((*string)(&c.IgnoreMatch), string(ignore.MatchPath), string(ignore.MatchMSM))},
	}
}

func (l *loader) sessionKeys() []key {
	c := l.c
	return []key{
		{"maxInactiveInterval", kindDuration, "30m", "how long a session may be idle",
			duration(&c.MaxInactiveInterval, span{min: time.Second, max: decade, unit: "s", whole: true, tooLow: neverExpires})},
		{"maxLifetime", kindDuration, "12h", "how long a session may live in all; 0 for no limit",
			duration(&c.MaxLifetime, span{min: time.Second, max: decade, unit: "s", whole: true, zero: true})},
		{"rotateGrace", kindDuration, "10s", "how long the id from before a rotation may still read; 0 for not at all",
			duration(&c.RotateGrace, span{min: time.Second, max: 10 * time.Minute, unit: "s", zero: true})},
		{"maxSessionSize", kindBytes, "512KiB", "most bytes of one stored session", size(&c.MaxSessionSize, 1<<10, 1_000_000)},
		{"inlineMax", kindBytes, "4096", "most bytes of session data in a request header", size(&c.InlineMax, 256, 65536)},
		{"sessionBackupTimeout", kindDuration, "1s", "how long storing a session may take in all",
			duration(&c.SessionBackupTimeout, span{min: time.Millisecond, max: time.Minute, unit: "ms"})},
	}
}

func (l *loader) cookieKeys() []key {
	c := l.c
	return []key{
		{"cookieName", kindText, "msmid", "name of the session cookie", cookieName(&c.CookieName)},
		{"cookieDomain", kindText, "", "domain of the cookie; empty for the host alone", cookieDomain(&c.CookieDomain)},
		{"cookieSameSite", kindWord, "Lax", "Lax, Strict or None",
			choice(&c.CookieSameSite, SameSiteLax, SameSiteStrict, SameSiteNone)},
		{"cookieSecure", kindWord, "auto", "when the cookie is Secure: auto (the client side is TLS), always or never",
			choice(&c.CookieSecure, Auto, SecureAlways, SecureNever)},
		{"cookiePartitioned", kindBool, "false", "one cookie for each embedding site (CHIPS)", boolean(&c.CookiePartitioned)},
		{"cookieMaxAge", kindDuration, "0s", "how long browsers keep the cookie; 0 until they close",
			duration(&c.CookieMaxAge, span{min: time.Second, max: decade, unit: "s", whole: true, zero: true})},
		{"trustedProxies", kindList, "", "proxies whose X-Forwarded-Proto counts, as addresses or CIDR blocks", proxies(&c.TrustedProxies)},
	}
}

func (l *loader) failureKeys() []key {
	c := l.c
	return []key{
		{"loadFailure", kindWord, "serve", "when no node can say whether a session exists: serve, or reject with 503",
			choice(&c.LoadFailure, Serve, Reject)},
		{"commitFailure", kindWord, "auto", "when a change cannot be stored: fail with 503, serve, or auto: by the request's method",
			choice(&c.CommitFailure, Auto, Fail, Serve)},
		{"badPatch", kindWord, "fail", "when an app's change cannot be read: fail with 502, or ignore it", choice(&c.BadPatch, Fail, Ignore)},
	}
}

func (l *loader) processKeys() []key {
	c := l.c
	return []key{
		{"shutdownTimeout", kindDuration, "10s", "how long requests under way may take after a stop; 0 for none",
			duration(&c.ShutdownTimeout, span{min: time.Millisecond, max: 10 * time.Minute, unit: "s", zero: true})},
		{"logLevel", kindWord, "info", "debug, info, warn or error", level(&c.LogLevel)},
		{"logFormat", kindWord, "auto", "auto (text on a terminal, else json), json or text", choice(&c.LogFormat, Auto, LogJSON, LogText)},
	}
}
