//go:build faults

package faults

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
)

// Paths of the app. What it answers is the session's state, as it was when the
// request came, and the names of its attributes, which are the tokens.
const (
	pathRead    = "/read"
	pathCreate  = "/create"  // makes a session with token t, if there is none
	pathChange  = "/change"  // adds token t, if there is a session
	pathRotate  = "/rotate"  // what a login does
	pathDestroy = "/destroy" // what a logout does
)

// serveApp is the app: it keeps nothing itself. It prints its address and
// serves until it is killed.
func serveApp(out io.Writer) error {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "app on http://%s\n", l.Addr())
	return http.Serve(l, http.HandlerFunc(app))
}

func app(w http.ResponseWriter, r *http.Request) {
	meta := r.Header.Get("Msm-Session-Meta")
	state, _, _ := strings.Cut(strings.TrimPrefix(meta, "state="), ",")
	var attrs map[string]json.RawMessage
	if text := r.Header.Get("Msm-Session"); text != "" {
		if err := json.Unmarshal([]byte(text), &attrs); err != nil {
			state = "bad: " + err.Error()
		}
	}
	patch := fmt.Sprintf(`{%q:1}`, r.URL.Query().Get("t"))
	switch {
	case r.URL.Path == pathCreate && state == "none", r.URL.Path == pathChange && state == "ok":
		w.Header().Set("Msm-Session-Patch", patch)
	case r.URL.Path == pathRotate && state == "ok":
		w.Header().Set("Msm-Session-Do", "rotate")
	case r.URL.Path == pathDestroy && state == "ok":
		w.Header().Set("Msm-Session-Do", "destroy")
	}
	names := make([]string, 0, len(attrs))
	for name := range attrs {
		names = append(names, name)
	}
	slices.Sort(names)
	_, _ = io.WriteString(w, state+"\n"+strings.Join(names, " ")) // msmd may have been killed
}
