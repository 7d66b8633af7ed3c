package main

import (
	"fmt"
	"slices"
	"strings"
)

// row is one line of the table: a server that gets the workload.
type row struct {
	name     string
	what     string // for the README and -h
	sessions bool   // whether its requests have one
	ignored  bool   // whether its URIs match the ignore pattern
	start    func(*cluster) (addr string, err error)
}

// allRows returns the rows in the order in which a round runs them. Rows that
// are compared stand close together, so that a slow drift of the machine's
// speed touches both.
func allRows() []row {
	own := func(kind string) func(*cluster) (string, error) {
		return func(c *cluster) (string, error) { return c.own(kind) }
	}
	msmd := func(name string, replicas int) func(*cluster) (string, error) {
		return func(c *cluster) (string, error) { return c.msmdServe(name, replicas) }
	}
	return []row{
		{name: "direct", what: "the app behind the proxies, asked directly", start: own("app")},
		{name: "nginx", what: "nginx as a plain proxy, no sessions", start: (*cluster).nginx},
		{name: "reverseproxy", what: "httputil.ReverseProxy with msmd's transport, no sessions", start: own("reverseproxy")},
		{name: "msmd-ignored", what: "msmd serve, URIs that match requestUriIgnorePattern", ignored: true, start: msmd("msmd", 1)},
		{name: "msmd-proxy-1", what: "msmd serve, replicas: 0, one copy", sessions: true, start: msmd("msmd-1", 0)},
		{name: "msmd-proxy", what: "msmd serve, replicas: 1, two copies", sessions: true, start: msmd("msmd", 1)},
		{name: "handler", what: "the Go app without a manager, no sessions", start: own("handler")},
		{name: "floor", what: "a handler that does the same memcached operations and nothing else", sessions: true, start: own("floor")},
		{name: "middleware-1", what: "manager.Handler around the Go app, one copy", sessions: true,
			start: func(c *cluster) (string, error) { return c.ownCopies("middleware-1", "middleware", 1) }},
		{name: "middleware", what: "manager.Handler around the Go app, two copies", sessions: true, start: own("middleware")},
		{name: "reverseproxy-default", what: "httputil.ReverseProxy with the default transport, no sessions", start: own("reverseproxy-default")},
	}
}

// comparison is a ratio that the report states: row over base.
type comparison struct{ row, base string }

func comparisons() []comparison {
	return []comparison{
		{"msmd-proxy", "reverseproxy"},
		{"msmd-proxy", "nginx"},
		{"msmd-proxy-1", "reverseproxy"},
		{"msmd-ignored", "reverseproxy"},
		{"middleware", "handler"},
		{"middleware", "floor"},
		{"middleware-1", "handler"},
	}
}

// selectRows returns the rows with the names in a list with commas, all rows
// for an empty one.
func selectRows(only string) ([]row, error) {
	rows := allRows()
	if only == "" {
		return rows, nil
	}
	names := strings.Split(only, ",")
	for _, n := range names {
		if !slices.ContainsFunc(rows, func(r row) bool { return r.name == n }) {
			return nil, fmt.Errorf("no row %q; hint: the rows are %s", n, rowNames(rows))
		}
	}
	return slices.DeleteFunc(rows, func(r row) bool { return !slices.Contains(names, r.name) }), nil
}

func rowNames(rows []row) string {
	var names []string
	for _, r := range rows {
		names = append(names, r.name)
	}
	return strings.Join(names, ",")
}
