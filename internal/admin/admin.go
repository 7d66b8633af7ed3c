// Package admin is what operators and their tools ask a running msmd, on a
// listener of its own:
//
//	GET /livez   200 while the process serves; it asks nothing of memcached
//	GET /readyz  200 if requests can be served, else 503 with the reasons
//	GET /nodes   the memcached nodes, their state and counters, as JSON
//
// It is not for browsers: requests with an Origin header, or with a Host that
// is neither an address nor the listener's, are refused, so that no web page
// can read it through a visitor's browser.
package admin

import (
	"encoding/json"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"github.com/go-chi/chi/v5"

	"github.com/msmd/msmd/pkg/nodes"
)

// Config is what New needs.
type Config struct {
	Nodes    *nodes.Pool
	Draining func() bool // whether msmd is shutting down
	Host     string      // host of the listener's address, accepted in Host besides IP addresses and localhost
}

// New returns the handler of the admin listener.
func New(cfg Config) http.Handler {
	r := chi.NewRouter()
	r.Use(cfg.refuseBrowsers)
	get := func(path string, h http.HandlerFunc) {
		r.Get(path, h)
		r.Head(path, h) // load balancers check with HEAD
	}
	get("/livez", func(w http.ResponseWriter, _ *http.Request) {
		writeJSON(w, http.StatusOK, map[string]bool{"live": true})
	})
	get("/readyz", cfg.readyz)
	get("/nodes", cfg.nodes)
	return r
}

func (c Config) refuseBrowsers(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Origin") != "" || !c.knownHost(r.Host) {
			http.Error(w, "the admin listener is not for browsers; hint: use its IP address, without an Origin header", http.StatusForbidden)
			return
		}
		next.ServeHTTP(w, r)
	})
}

func (c Config) knownHost(hostport string) bool {
	host, _, err := net.SplitHostPort(hostport)
	if err != nil {
		host = strings.TrimSuffix(strings.TrimPrefix(hostport, "["), "]") // no port
	}
	if host == "localhost" || host == c.Host {
		return true
	}
	_, err = netip.ParseAddr(host)
	return err == nil
}

type readiness struct {
	Ready   bool     `json:"ready"`
	Reasons []string `json:"reasons"`
}

func (c Config) readyz(w http.ResponseWriter, _ *http.Request) {
	answer := readiness{Reasons: []string{}}
	if c.Draining() {
		answer.Reasons = append(answer.Reasons, "shutting down")
	}
	up := 0
	for _, n := range c.Nodes.Nodes() {
		if n.Up() {
			up++
		}
	}
	if up == 0 {
		answer.Reasons = append(answer.Reasons, "no memcached node is up")
	}
	status := http.StatusServiceUnavailable
	if answer.Ready = len(answer.Reasons) == 0; answer.Ready {
		status = http.StatusOK
	}
	writeJSON(w, status, answer)
}

// node is one entry of /nodes.
type node struct {
	ID       string            `json:"id"`
	Addr     string            `json:"addr"`
	Failover bool              `json:"failover"`
	Up       bool              `json:"up"`
	Since    *time.Time        `json:"since,omitempty"` // when it last went up or down
	Cause    string            `json:"cause,omitempty"` // why it is down
	Stats    map[string]uint64 `json:"stats"`
}

func (c Config) nodes(w http.ResponseWriter, _ *http.Request) {
	list := []node{}
	for _, n := range c.Nodes.Nodes() {
		list = append(list, describe(n))
	}
	writeJSON(w, http.StatusOK, list)
}

func describe(n *nodes.Node) node {
	spec, st := n.Spec(), n.Stats()
	up, since, cause := n.State()
	d := node{ID: spec.ID, Addr: spec.Addr, Failover: spec.Failover, Up: up, Stats: map[string]uint64{
		"gets": st.Gets.Load(), "adds": st.Adds.Load(), "cases": st.CASes.Load(),
		"misses": st.Misses.Load(), "conflicts": st.Conflicts.Load(),
		"timeouts": st.Timeouts.Load(), "broken": st.Broken.Load(), "refused": st.Refused.Load(),
		"retries": st.Retries.Load(), "skipped": st.Skipped.Load(),
		"opened": st.Opened.Load(), "wrongAnswers": st.WrongAnswer.Load(),
	}}
	if !since.IsZero() {
		d.Since = &since
	}
	if cause != nil {
		d.Cause = cause.Error()
	}
	return d
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // the client may have gone
}
