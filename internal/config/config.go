// Package config reads msmd's configuration: a YAML file, the environment and
// flags become one typed, checked Config, or a list of all that is wrong with
// them.
//
// One table, in keys.go, holds each key with its default, its line of
// documentation and the function that reads it. Flags, environment variables,
// the hints after a misspelt key and config.example.yaml follow from it.
//
// A wrong configuration never starts: unknown keys, numbers without a unit and
// values out of range are refused, all at once, in words that name the key and
// say what to write.
package config

import (
	"log/slog"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"github.com/msmd/msmd/pkg/ignore"
	"github.com/msmd/msmd/pkg/nodes"
)

// Values of keys that are one of a few words.
const (
	Auto = "auto" // cookieSecure, commitFailure, logFormat

	SecureAlways = "always" // cookieSecure
	SecureNever  = "never"

	SameSiteLax    = "Lax" // cookieSameSite
	SameSiteStrict = "Strict"
	SameSiteNone   = "None"

	ReadBoth    = "both" // readMode
	ReadPrimary = "primary"

	Available = "available" // onPartition
	Strict    = "strict"

	Serve  = "serve"  // loadFailure, commitFailure
	Reject = "reject" // loadFailure
	Fail   = "fail"   // commitFailure, badPatch
	Ignore = "ignore" // badPatch

	LogJSON = "json" // logFormat
	LogText = "text"
)

// The prefixes that make a browser hold a cookie to rules (RFC 6265bis, 4.1.3).
const (
	hostPrefix   = "__Host-"
	securePrefix = "__Secure-"
)

// Config is a checked configuration. Load makes it; every field is set. The
// key in the file is the field's name with a small first letter unless its
// comment says otherwise.
type Config struct {
	Listen      string // host:port for browsers and balancers
	AdminListen string // host:port of the admin pages, "" for off
	AdminPublic bool   // AdminListen may be reached from other hosts

	Nodes              []nodes.Spec // keys memcachedNodes and failoverNodes
	Replicas           int          // copies asked for, besides the home: 0 or 1; see Copies
	ReadMode           string       // ReadBoth or ReadPrimary
	OnPartition        string       // Available or Strict
	OperationTimeout   time.Duration
	MaxNodeConnections int  // to each node
	AllowPlaintext     bool // nodes may have public addresses

	Apps            []App         // at least one
	UpstreamTimeout time.Duration // until the app's response header is there
	ForwardID       bool          // key forwardId: the app sees the id cookie

	IgnorePattern string         // key requestUriIgnorePattern, as written
	IgnoreMatch   ignore.Match   // what IgnorePattern is matched against
	Ignore        *ignore.Filter // the two above, compiled; nil ignores nothing

	MaxInactiveInterval  time.Duration // idle limit, whole seconds
	MaxLifetime          time.Duration // absolute limit, whole seconds, 0 for none
	RotateGrace          time.Duration // for reads with an id that was rotated, 0 for none
	MaxSessionSize       int           // bytes of one stored session
	InlineMax            int           // bytes of session data in a request header
	SessionBackupTimeout time.Duration // for one commit in all, copies and retries included

	CookieName        string        // on plaintext connections; see SecureCookieName
	CookieDomain      string        // "" for the host alone
	CookieSameSite    string        // SameSiteLax, SameSiteStrict or SameSiteNone
	CookieSecure      string        // Auto, SecureAlways or SecureNever
	CookiePartitioned bool          // one cookie for each embedding site
	CookieMaxAge      time.Duration // whole seconds, 0 for a cookie that ends with the browser
	TrustedProxies    []netip.Prefix

	LoadFailure   string // Serve or Reject
	CommitFailure string // Auto, Fail or Serve
	BadPatch      string // Fail or Ignore

	ShutdownTimeout time.Duration // for requests under way, 0 for none
	LogLevel        slog.Level
	LogFormat       string // Auto, LogJSON or LogText

	// Sources says for each key where its value comes from: "default",
	// "file", "environment" or "flag".
	Sources map[string]string
	// Warnings is what Load returns: one line each, nothing that stops msmd.
	Warnings []string
}

// App is one instance of the application behind msmd.
type App struct {
	ID  string   // 1 to 64 of A-Z a-z 0-9 _ -
	URL *url.URL // http or https, a host, nothing else
}

// Copies returns how many copies of a session there are besides its home: what
// Replicas asks for, as far as there are nodes.
func (c *Config) Copies() int {
	return min(c.Replicas, len(c.Nodes)-1)
}

// SecureCookieName returns the cookie's name where the client side is TLS:
// CookieName with the prefix that binds the cookie to this host, unless it has
// a prefix already, a domain is set, or the cookie is never Secure.
func (c *Config) SecureCookieName() string {
	if c.CookieDomain != "" || c.CookieSecure == SecureNever || hasSecurePrefix(c.CookieName) {
		return c.CookieName
	}
	return hostPrefix + c.CookieName
}

// hasSecurePrefix ignores case because browsers do.
func hasSecurePrefix(name string) bool {
	return hasPrefixFold(name, hostPrefix) || hasPrefixFold(name, securePrefix)
}

func hasPrefixFold(s, prefix string) bool {
	return len(s) >= len(prefix) && strings.EqualFold(s[:len(prefix)], prefix)
}
