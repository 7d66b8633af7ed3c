package e2e

import (
	"fmt"
	"net/http"
	"reflect"
	"time"
)

// visitor is a user of a site that goes to its msmds in turn and knows what
// the session must be at any time.
type visitor struct {
	*browser
	urls []string // of the msmds
	turn int

	first   report         // as the session was first seen
	want    map[string]any // attributes
	version int            // the newest seen
	moves   int            // cookies given that wantCookies has seen
	excused int            // answers that were refused because this machine is slow
}

const (
	operationTimeout = 100 * time.Millisecond // msmd's default
	maxExcused       = 10
)

// excuse reports whether an answer without the session may be asked for again:
// with one node left, a node that took longer than operationTimeout is reason
// enough for it, and on a busy machine that happens.
func (v *visitor) excuse(when string, p page) bool {
	v.t.Helper()
	if p.took < operationTimeout || v.excused == maxExcused {
		return false
	}
	v.excused++
	v.t.Logf("%s: no session after %v, asked again; is this machine busy?", when, p.took)
	return true
}

// newVisitor returns a user with a new session in which color is blue.
func newVisitor(w *world, urls ...string) *visitor {
	w.t.Helper()
	v := &visitor{browser: w.browser(), urls: urls, want: map[string]any{}}
	if state := v.read(v.next()).State; state != "none" {
		w.t.Fatalf("state %q before anything was stored, want none", state)
	}
	v.set("color", "blue")
	v.first = v.check("first visit")
	v.wantCookies("create", 1)
	return v
}

func (s *site) visitor() *visitor {
	s.t.Helper()
	var urls []string
	for _, server := range s.servers {
		urls = append(urls, server.url+"/")
	}
	return newVisitor(s.world, urls...)
}

// newVisitorAt returns the same user, at one msmd only.
func newVisitorAt(v *visitor, server int) *visitor {
	same := *v
	same.urls = v.urls[server : server+1]
	return &same
}

// next returns the address of the page at the msmd whose turn it is.
func (v *visitor) next() string {
	v.turn++
	return v.urls[v.turn%len(v.urls)]
}

func (v *visitor) cookie() string {
	v.t.Helper()
	return v.id(v.urls[0])
}

// set fills in the form of the page, at one msmd, and is sent on.
func (v *visitor) set(name, value string) {
	v.t.Helper()
	p := v.form(v.next(), "dataName", name, "dataValue", value)
	for p.status == http.StatusServiceUnavailable && v.excuse("set "+name, p) {
		p = v.form(v.next(), "dataName", name, "dataValue", value)
	}
	if p.status != http.StatusSeeOther {
		v.t.Fatalf("set %s=%s: %d %q, want 303", name, value, p.status, p.body)
	}
	v.want[name] = value
}

// check reads the session at another msmd than the last request: everything
// that was stored is there, in no older version, under the same ref.
func (v *visitor) check(when string) report {
	v.t.Helper()
	p := v.get(v.next())
	r := v.report(p)
	for r.State == "unavailable" && v.excuse(when, p) {
		p = v.get(v.next())
		r = v.report(p)
	}
	if r.State != "ok" || !reflect.DeepEqual(r.Attributes, v.want) {
		v.t.Fatalf("%s: state %q, attributes %v; want ok, %v", when, r.State, r.Attributes, v.want)
	}
	if r.Version < v.version {
		v.t.Fatalf("%s: version %d after %d", when, r.Version, v.version)
	}
	v.version = r.Version
	if v.first.Ref != "" && (r.Ref != v.first.Ref || r.Created != v.first.Created) {
		v.t.Fatalf("%s: ref %q, created %q; want %q, %q", when, r.Ref, r.Created, v.first.Ref, v.first.Created)
	}
	return r
}

// use reads and changes the session a few times at each msmd.
func (v *visitor) use(when string) {
	v.t.Helper()
	for i := range 2 * len(v.urls) {
		v.check(when)
		v.set("last", fmt.Sprintf("%s %d", when, i))
		if len(v.urls) > 1 && i%2 == 0 {
			v.turn++ // so that each msmd is read and written
		}
	}
	v.check(when)
}

// wantCookies fails the test unless at most so many cookies were given since
// it was called last, and all of them were of the same session.
func (v *visitor) wantCookies(when string, most int) {
	v.t.Helper()
	if got := v.given - v.moves; got > most {
		v.t.Errorf("%s: %d Set-Cookie, want at most %d", when, got, most)
	}
	v.moves = v.given
	if got := base(v.cookie()); len(v.bases) != 1 || !v.bases[got] {
		v.t.Errorf("%s: the id's base is now %q, one of %d; it must not change", when, got, len(v.bases))
	}
}
