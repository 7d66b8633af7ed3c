package demo

import (
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
)

const (
	// controlPath is where the control lives at its address.
	controlPath = "/_demo/"

	kindApp  = "app"
	kindNode = "node"
)

// Component is a part of the demo that can be stopped and started.
type Component struct {
	// Name, Kind and Addr are those of the Part.
	Name, Kind, Addr string
	// Up reports whether the part is running. It is called concurrently,
	// also while an action runs.
	Up func() bool
	// Stop and Start are called one at a time, and only if Up says that
	// there is something to do.
	Stop, Start func() error
	// Empty drops a node's content, running or not. If the node is down
	// afterwards, Start follows. It is nil for apps.
	Empty func() error
}

// control is the handler that NewControl returns.
type control struct {
	page   *url.URL // nil if there is none
	policy string   // Content-Security-Policy
	parts  []Component
	mux    *http.ServeMux

	mu sync.Mutex // held during an action: the parts change one at a time
}

// controlView is what control.html shows.
type controlView struct {
	Page  string
	Tiles []tile
}

// NewControl returns the handler of the demo's control address: POST
// /_demo/stop/NAME, /_demo/start/NAME and /_demo/empty/NAME, and GET /_demo/
// for the state of the parts. It answers JSON, but sends browsers back to
// page, the URL of the sample app behind msmd; without an app that runs, or
// with an empty page, to its own page at /_demo/.
//
// It serves this machine only, and takes actions from its own page and from
// the sample app's.
func NewControl(page string, parts []Component) http.Handler {
	c := &control{parts: parts, mux: http.NewServeMux()}
	base := origin(page)
	if base != "" {
		c.page, _ = url.Parse(page) // origin has parsed it
	}
	c.policy = contentPolicy(base)
	c.mux.HandleFunc("GET "+controlPath+"{$}", c.show)
	c.mux.HandleFunc("POST "+controlPath+"{action}/{name}", c.act)
	handleAssets(c.mux, controlPath)
	return c
}

// ServeHTTP refuses what is not addressed to this machine. A web site can
// have its own name resolve to 127.0.0.1, but cannot change the Host field.
func (c *control) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	setSecurity(w.Header(), c.policy)
	if !local(r) {
		refuse(w, &statusError{http.StatusForbidden, fmt.Sprintf("host %q is not this address; use 127.0.0.1 or localhost", r.Host)})
		return
	}
	c.mux.ServeHTTP(w, r)
}

// show is the way back when no app is left to show the sample page.
func (c *control) show(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Vary", "Accept")
	if !wantsHTML(r) {
		c.writeState(w)
		return
	}
	v := controlView{Tiles: newTiles(c.state(), controlPath, "", "")}
	if c.page != nil {
		v.Page = c.page.String()
	}
	writePage(w, "control.html", v)
}

// act checks who asks, does what is asked, and answers with the state after it.
func (c *control) act(w http.ResponseWriter, r *http.Request) {
	back, err := c.origin(r)
	if err != nil {
		refuse(w, err)
		return
	}
	part, err := c.find(r.PathValue("name"))
	if err != nil {
		refuse(w, err)
		return
	}
	if err := c.run(part, r.PathValue("action")); err != nil {
		refuse(w, err)
		return
	}
	if !wantsHTML(r) {
		c.writeState(w)
		return
	}
	if c.appsDown() {
		back = controlPath
	}
	http.Redirect(w, r, back, http.StatusSeeOther)
}

// origin returns where a browser goes after the action that r asks for, or an
// error if the page that r comes from has no business here. A client without
// an Origin field is not a browser, or an old one within the same origin.
func (c *control) origin(r *http.Request) (back string, err error) {
	from := r.Header.Get("Origin")
	own := from == "http://"+r.Host || from == "https://"+r.Host
	if own || from == "" && c.page == nil {
		return controlPath, nil
	}
	if from == "" {
		return c.page.String(), nil
	}
	u, err := url.Parse(from)
	if err != nil || c.page == nil || !sameOrigin(u, c.page) {
		return "", &statusError{http.StatusForbidden, fmt.Sprintf("origin %q may not control the demo", from)}
	}
	// The session cookie of localhost is not that of 127.0.0.1, so return
	// to the very name the page was opened under.
	page := *c.page
	page.Host = u.Host
	return page.String(), nil
}

// run does action to part. Done twice, it does nothing the second time,
// except that a node is emptied again.
func (c *control) run(part *Component, action string) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	var err error
	switch {
	case action == "stop" && part.Up():
		err = part.Stop()
	case action == "start" && !part.Up():
		err = part.Start()
	case action == "stop" || action == "start":
		return nil
	case action != "empty":
		return &statusError{http.StatusNotFound, fmt.Sprintf("no action %q; there are stop, start and empty", action)}
	case part.Empty == nil:
		return &statusError{http.StatusBadRequest, fmt.Sprintf("%s is an app and has nothing to empty", part.Name)}
	default:
		err = part.Empty()
		if err == nil && !part.Up() {
			err = part.Start()
		}
	}
	if err != nil {
		return fmt.Errorf("%s %s: %w", action, part.Name, err)
	}
	return nil
}

// find returns the part called name, or an error that names those there are.
func (c *control) find(name string) (*Component, error) {
	var names []string
	for i := range c.parts {
		if c.parts[i].Name == name {
			return &c.parts[i], nil
		}
		names = append(names, c.parts[i].Name)
	}
	return nil, &statusError{http.StatusNotFound, fmt.Sprintf("no part %q; there are %s", name, strings.Join(names, ", "))}
}

// state asks each part afresh; nothing here remembers what was done.
func (c *control) state() []Part {
	parts := make([]Part, 0, len(c.parts))
	for _, p := range c.parts {
		parts = append(parts, Part{Name: p.Name, Kind: p.Kind, Addr: p.Addr, Up: p.Up()})
	}
	return parts
}

func (c *control) writeState(w http.ResponseWriter) {
	writeJSON(w, struct {
		Parts []Part `json:"parts"`
	}{c.state()})
}

// appsDown reports whether no app is left to serve the sample page.
func (c *control) appsDown() bool {
	apps := 0
	for _, p := range c.state() {
		if p.Kind == kindApp && p.Up {
			return false
		}
		if p.Kind == kindApp {
			apps++
		}
	}
	return apps > 0
}

// sameOrigin reports whether a and b are one origin, the names of the
// loopback interface taken as one.
func sameOrigin(a, b *url.URL) bool {
	return a.Scheme == b.Scheme && a.Port() == b.Port() &&
		(strings.EqualFold(a.Hostname(), b.Hostname()) || loopback(a.Hostname()) && loopback(b.Hostname()))
}

// local reports whether r is addressed to a loopback address, or to the one
// that its connection came in on.
func local(r *http.Request) bool {
	host := (&url.URL{Host: r.Host}).Hostname()
	if loopback(host) {
		return true
	}
	addr, ok := r.Context().Value(http.LocalAddrContextKey).(*net.TCPAddr)
	return ok && addr.IP.Equal(net.ParseIP(host))
}

// loopback reports whether host, a name or an address, is this machine's own.
func loopback(host string) bool {
	return strings.EqualFold(host, "localhost") || net.ParseIP(host).IsLoopback()
}

// wantsHTML reports whether r comes from a browser.
func wantsHTML(r *http.Request) bool {
	return strings.Contains(r.Header.Get("Accept"), "text/html")
}
