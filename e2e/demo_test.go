package e2e

import (
	"net"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"
)

// demo is a running msmd demo with the addresses that it printed.
type demo struct {
	*process
	page, control, admin string
}

func (w *world) demo(args ...string) *demo {
	w.t.Helper()
	d := &demo{process: w.msmd("demo", nil, append([]string{"demo"}, args...)...)}
	d.waitOutput("its greeting", submatch(`(Ctrl-C ends it)`))
	text := d.out.String()
	d.page = submatch(`(?m)^ *open +(http://\S+)`)(text)
	d.control = submatch(`(?m)^ *control +(http://\S+/_demo/) `)(text)
	d.admin = strings.TrimSuffix(submatch(`(?m)^ *admin +(http://\S+/nodes)`)(text), "/nodes")
	if d.page == "" || d.control == "" || d.admin == "" {
		w.t.Fatalf("open %q, control %q, admin %q in\n%s", d.page, d.control, d.admin, text)
	}
	return d
}

// act stops, starts or empties a part the way a script does.
func (d *demo) act(b *browser, action, part string) {
	d.t.Helper()
	p := b.send("POST", d.control+action+"/"+part, "")
	if p.status != http.StatusOK || !strings.Contains(p.body, `"name": "`+part+`"`) {
		d.t.Fatalf("%s %s: %d %q", action, part, p.status, p.body)
	}
}

func TestDemoPage(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	d := w.demo("--listen", "127.0.0.1:0")
	b := w.browser()
	html := b.send("GET", d.page, "", "Accept", "text/html")
	if html.status != http.StatusOK || !strings.Contains(html.body, "No session yet") || !strings.Contains(html.body, d.control) {
		t.Errorf("the page: %d, want 200 with %q and %q:\n%s", html.status, "No session yet", d.control, html.body)
	}
	if b.given != 0 {
		t.Errorf("a visit without a change got a cookie")
	}
	b.form(d.page, "dataName", "color", "dataValue", "blue")
	for range 3 {
		if p := b.form(d.page + "count"); p.status != http.StatusSeeOther || p.header.Get("Location") != "/" {
			t.Errorf("POST /count: %d to %q, want 303 to /", p.status, p.header.Get("Location"))
		}
	}
	before := b.read(d.page)
	if before.Attributes["color"] != "blue" || before.Attributes["count"] != 3.0 || b.given != 1 {
		t.Errorf("attributes %v, %d Set-Cookie; want color blue, count 3, 1", before.Attributes, b.given)
	}
	html = b.send("GET", d.page, "", "Accept", "text/html")
	if !strings.Contains(html.body, ">3</output>") || !strings.Contains(html.body, before.Ref) {
		t.Errorf("the page lacks the count or the ref %s:\n%s", before.Ref, html.body)
	}
	loginAndOut(t, b, d.page)
}

// loginAndOut logs in and out: a new id each time. The id from before the login
// shows what was before it, for its grace; the one from before the logout is dead.
func loginAndOut(t testing.TB, b *browser, page string) {
	t.Helper()
	anonymous := b.id(page)
	b.form(page+"login", "user", "ann")
	loggedIn := b.id(page)
	r := b.read(page)
	if base(loggedIn) == base(anonymous) || r.Attributes["user"] != "ann" || r.Attributes["color"] != "blue" {
		t.Errorf("login: attributes %v, id changed: %t; want user ann, color blue, true", r.Attributes, base(loggedIn) != base(anonymous))
	}
	if old := b.withID(page, anonymous).read(page); old.Attributes["color"] != "blue" || old.Attributes["user"] != nil {
		t.Errorf("the id from before the login: state %q, attributes %v; want what was before it", old.State, old.Attributes)
	}
	p := b.form(page + "logout")
	if got := p.header.Get("Set-Cookie"); !strings.HasPrefix(got, cookieName+"=;") || !strings.Contains(got, "Max-Age=0") || !strings.Contains(got, "Path=/") {
		t.Errorf("logout: Set-Cookie %q, want one that removes the cookie", got)
	}
	if r := b.read(page); b.id(page) != "" || r.State != "none" {
		t.Errorf("after the logout: cookie %q, state %q; want none", b.id(page), r.State)
	}
	if old := b.withID(page, loggedIn).read(page); old.State != "none" || len(old.Attributes) > 0 {
		t.Errorf("the id from before the logout: state %q, attributes %v; want none", old.State, old.Attributes)
	}
}

// privateDemo starts a demo on other ports than its usual ones, which other
// demos on this machine could take while a part is stopped.
func (w *world) privateDemo() *demo {
	w.t.Helper()
	for _, port := range []string{"8089", "9001", "9002", "11311", "11312"} {
		if l, err := net.Listen("tcp", "127.0.0.1:"+port); err == nil {
			defer func() { _ = l.Close() }()
		} // else it is taken already
	}
	return w.demo("--listen", "127.0.0.1:0")
}

// TestDemoAcceptance is the acceptance run with the demo's own switches, in
// all orders: which app, which node first, stopped or emptied.
func TestDemoAcceptance(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	d := w.privateDemo()
	script := w.browser()
	for _, order := range [][]string{
		{"app1", "n1", "n2", "stop"}, {"app1", "n2", "n1", "stop"}, {"app2", "n1", "n2", "stop"}, {"app2", "n2", "n1", "stop"},
		{"app1", "n1", "n2", "empty"}, {"app2", "n2", "n1", "empty"},
	} {
		v := newVisitor(w, d.page)
		app, first, second := order[0], order[1], order[2]
		d.act(script, "stop", app)
		for range 3 {
			if r := v.check(app + " stopped"); r.App == app {
				t.Fatalf("%s answers, though it is stopped", app)
			}
		}
		d.act(script, "start", app)
		if order[3] == "stop" {
			d.act(script, "stop", first)
			v.use(first + " stopped")
		}
		d.act(script, "empty", first) // starts it too
		v.use(first + " emptied")
		waitUntil(t, "all nodes up", func() bool {
			v.check(first + " back")
			return w.nodesUp(d.admin)
		})
		v.check(first + " repaired")
		d.act(script, "stop", second)
		v.use(second + " stopped")
		d.act(script, "start", second)
		waitUntil(t, "all nodes up", func() bool { return w.nodesUp(d.admin) })
		v.use(second + " started")
		v.wantCookies("all of it", 2)
	}
}

func TestDemoEnds(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	d := w.demo("--listen", "127.0.0.1:0")
	w.browser().read(d.page) // leaves a connection open
	start := time.Now()
	d.signal(syscall.SIGINT)
	if code := d.wait(); code != 0 {
		t.Errorf("exit code %d after SIGINT, want 0", code)
	}
	if took := time.Since(start); took > 3*time.Second {
		t.Errorf("it took %v to end after SIGINT, want at most 3s", took)
	}
}

// TestDemoPortsTaken starts two demos at once. Whatever port the second finds
// taken, it takes another and prints that.
func TestDemoPortsTaken(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	one, two := w.demo(), w.demo()
	if one.page == two.page || one.control == two.control || one.admin == two.admin {
		t.Errorf("two demos print the same addresses: %+v, %+v", one, two)
	}
	for _, d := range []*demo{one, two} {
		b := w.browser()
		b.form(d.page, "dataName", "page", "dataValue", d.page)
		if got := b.read(d.page).Attributes["page"]; got != d.page {
			t.Errorf("%s answers with the session %v", d.page, got)
		}
	}
	taken := strings.TrimSuffix(strings.TrimPrefix(one.page, "http://"), "/")
	p := w.msmd("demo insisting", nil, "demo", "--listen", taken)
	if code := p.wait(); code != 1 || !strings.Contains(p.out.String(), taken) {
		t.Errorf("demo --listen on a taken port: exit code %d, %q; want 1, naming %s", code, p.out.String(), taken)
	}
}
