package config

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/msmd/msmd/pkg/ignore"
	"github.com/msmd/msmd/pkg/nodes"
	"github.com/msmd/msmd/pkg/sessionid"
)

// keyPrefix stands before the hash in a storage key.
const keyPrefix = "msmd:"

// Check writes to w what the configuration means, for people: who listens,
// where an example session lives and what it survives, what the ignore pattern
// does to samplePaths (if there are none, to a few usual ones), the limits, the
// cookie, the warnings. It dials nothing. Its error is w's.
func (c *Config) Check(w io.Writer, samplePaths []string) error {
	if len(samplePaths) == 0 {
		samplePaths = []string{"/", "/cart", "/logo.png", "/a.png?v=1", "/style.css"}
	}
	return c.check(w, samplePaths, sessionid.New("", ""))
}

// check is Check with the session id that stands as the example.
func (c *Config) check(w io.Writer, samplePaths []string, example sessionid.ID) error {
	var text strings.Builder // the sections' writes cannot fail
	p := &printer{tab: tabwriter.NewWriter(&text, 0, 0, 2, ' ', 0)}
	c.printListeners(p)
	c.printNodes(p)
	c.printExample(p, example)
	c.printApps(p)
	c.printPattern(p, samplePaths)
	c.printLimits(p)
	c.printCookie(p)
	c.printFailures(p)
	c.printSources(p)
	p.section("warnings")
	for _, s := range c.Warnings {
		p.line("- " + s)
	}
	if len(c.Warnings) == 0 {
		p.line("none")
	}
	p.tab.Flush()
	_, err := io.WriteString(w, text.String())
	return err
}

// printer writes sections of aligned columns.
type printer struct {
	tab   *tabwriter.Writer
	begun bool // a section stands above
}

func (p *printer) section(title string) {
	if p.begun {
		fmt.Fprintln(p.tab)
	}
	p.begun = true
	p.tab.Flush() // columns are each section's own
	fmt.Fprintf(p.tab, "%s\n", title)
}

func (p *printer) line(columns ...string) {
	fmt.Fprintln(p.tab, "  "+strings.Join(columns, "\t"))
}

func (c *Config) printListeners(p *printer) {
	p.section("listeners")
	p.line("browsers", c.Listen, "plain HTTP")
	host, _, _ := net.SplitHostPort(c.AdminListen)
	switch {
	case c.AdminListen == "":
		p.line("admin", "off")
	case loopback(host):
		p.line("admin", c.AdminListen, "this machine only")
	default:
		p.line("admin", c.AdminListen, "other hosts may reach it (adminPublic)")
	}
}

// printNodes says of a failover node when it is not idle: with too few regular
// nodes it holds the copies.
func (c *Config) printNodes(p *printer) {
	p.section("memcached nodes")
	regular := 0
	for _, s := range c.Nodes {
		if !s.Failover {
			regular++
		}
	}
	for _, s := range c.Nodes {
		role := "holds sessions"
		if s.Failover {
			role = "stands by (failover)"
			if regular <= c.Copies() {
				role += ", and holds copies: too few others"
			}
		}
		p.line(nodeName(s), s.Addr, role)
	}
}

func nodeName(s nodes.Spec) string {
	if s.ID == "" {
		return "(no id)"
	}
	return s.ID
}

// printExample follows one new session to its nodes.
func (c *Config) printExample(p *printer, id sessionid.ID) {
	order := nodes.Rank(id.Base, c.Nodes)
	names := make([]string, len(order))
	for i, n := range order {
		names[i] = nodeName(c.Nodes[n])
	}
	id = id.WithNode(c.Nodes[order[0]].ID)
	storageKey, _ := id.Key(keyPrefix)
	copies := c.Copies()

	p.section("where a session lives")
	p.line("example id", id.String(), "what the cookie holds")
	p.line("its key", storageKey, "in memcached, the same on every node")
	p.line("home", names[0])
	p.line("copy", orNone(names[1:1+copies]))
	p.line("spare", orNone(names[1+copies:]))
	p.line("survives", c.survives())
}

func orNone(names []string) string {
	if len(names) == 0 {
		return "none"
	}
	return strings.Join(names, ", ")
}

// survives is the promise in a few words; with one copy it is any one node.
func (c *Config) survives() string {
	var names []string
	for _, s := range c.Nodes {
		names = append(names, nodeName(s))
	}
	switch {
	case len(c.Nodes) == 1:
		return "nothing: one node alone: its death loses all sessions"
	case c.Copies() == 0:
		return "nothing: each session is on one node, whose death loses it"
	default:
		return "any one of " + strings.Join(names, ", ") + " may die"
	}
}

func (c *Config) printApps(p *printer) {
	p.section("apps")
	for _, a := range c.Apps {
		p.line(a.ID, a.URL.String())
	}
}

// printPattern tries the ignore pattern on the sample paths, as GET requests.
func (c *Config) printPattern(p *printer, paths []string) {
	p.section("requests without a session")
	if c.IgnorePattern == "" {
		p.line("none: requestUriIgnorePattern is empty")
		return
	}
	p.line("pattern", c.IgnorePattern)
	p.line("matched to", map[ignore.Match]string{
		ignore.MatchPath: "the whole path, without the query", ignore.MatchMSM: `all of "METHOD URI?query", as msm did`}[c.IgnoreMatch])
	for _, path := range paths {
		u, err := url.ParseRequestURI(path)
		switch {
		case err != nil || !strings.HasPrefix(path, "/"):
			p.line(fmt.Sprintf("%q", path), "not a path: it starts with /")
		case c.Ignore.Match(http.MethodGet, u):
			p.line("GET "+path, "ignored")
		default:
			p.line("GET "+path, "session")
		}
	}
}

func (c *Config) printLimits(p *printer) {
	lifetime := "after " + short(c.MaxLifetime) + " in any case"
	if c.MaxLifetime == 0 {
		lifetime = "never if it is used"
	}
	p.section("limits")
	p.line("a session ends", "after "+short(c.MaxInactiveInterval)+" unused, and "+lifetime)
	p.line("its size", fmt.Sprintf("%d bytes stored, %d of them in a request header", c.MaxSessionSize, c.InlineMax))
	p.line("storing it", short(c.SessionBackupTimeout)+" in all, "+short(c.OperationTimeout)+" an operation")
	p.line("an app's answer", short(c.UpstreamTimeout)+" until the response header")
	p.line("connections", fmt.Sprintf("%d to each node", c.MaxNodeConnections))
}

// printCookie writes the cookie as it will be set, in both forms if the browser's
// side can be either.
func (c *Config) printCookie(p *printer) {
	attributes := "; Path=/; HttpOnly; SameSite=" + c.CookieSameSite
	if c.CookieDomain != "" {
		attributes += "; Domain=" + c.CookieDomain
	}
	if c.CookieMaxAge != 0 {
		attributes += fmt.Sprintf("; Max-Age=%d", int64(c.CookieMaxAge.Seconds()))
	}
	secure := attributes + "; Secure"
	if c.CookiePartitioned {
		secure += "; Partitioned"
	}
	p.section("cookie")
	switch {
	case c.CookieSecure == SecureAlways:
		p.line("always", c.SecureCookieName()+"=<id>"+secure)
	case plaintextCookie(c) != "":
		p.line("always", c.CookieName+"=<id>"+attributes)
		if c.CookieSecure == Auto {
			p.line("not Secure", "trustedProxies is empty, so no proxy can tell that the browser uses TLS")
		}
	default:
		p.line("with TLS", c.SecureCookieName()+"=<id>"+secure)
		p.line("without", c.CookieName+"=<id>"+attributes)
		p.line("TLS is known", "from X-Forwarded-Proto of "+strings.Trim(fmt.Sprint(c.TrustedProxies), "[]"))
	}
	if c.ForwardID {
		p.line("the app", "sees the cookie (forwardId)")
	}
}

func (c *Config) printFailures(p *printer) {
	p.section("when something fails")
	p.line("no node answers", map[string]string{
		Serve: "serve with an empty read-only session, keep the cookie", Reject: "503"}[c.LoadFailure])
	p.line("change not stored", map[string]string{
		Auto: "503; GET and HEAD with a patch are served", Fail: "503", Serve: "serve, the change is lost"}[c.CommitFailure])
	p.line("bad patch", map[string]string{
		Fail: "502", Ignore: "serve, the patch is dropped"}[c.BadPatch])
}

// printSources lists the keys that are not at their defaults, by origin.
func (c *Config) printSources(p *printer) {
	p.section("set by")
	for _, source := range []string{fromFlag, fromEnv, fromFile} {
		var names []string
		for name, s := range c.Sources {
			if s == source {
				names = append(names, name)
			}
		}
		if slices.Sort(names); len(names) > 0 {
			p.line(source, strings.Join(names, ", "))
		}
	}
}
