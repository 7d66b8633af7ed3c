package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"reflect"
	"testing"

	"github.com/msmd/msmd/internal/memcached/memcachedtest"
)

// language is a way to write an app, with the app in testdata.
type language struct {
	name    string
	runtime string
	command func(runtime, addr string) []string
}

func languages() []language {
	return []language{
		{"PHP", "php", func(php, addr string) []string { return []string{php, "-S", addr, "testdata/app.php"} }},
		{"Python", "python3", func(python, addr string) []string { return []string{python, "testdata/app.py", addr} }},
		{"Node", "node", func(node, addr string) []string { return []string{node, "testdata/app.js", addr} }},
	}
}

// forEachLanguage runs the test for each language that this machine has, in
// parallel.
func forEachLanguage(t *testing.T, test func(t *testing.T, l language)) {
	for _, l := range languages() {
		t.Run(l.name, func(t *testing.T) {
			t.Parallel()
			if _, err := exec.LookPath(l.runtime); err != nil {
				if os.Getenv("MSMD_TEST_REQUIRE_APPS") != "" {
					t.Fatalf("MSMD_TEST_REQUIRE_APPS is set, but %v; hint: apt-get install php-cli python3 nodejs", err)
				}
				t.Skipf("%s is not on PATH", l.runtime)
			}
			test(t, l)
		})
	}
}

// start starts an instance of the language's app.
func (l language) start(w *world) *app {
	w.t.Helper()
	return w.startApp(l.name, func(addr string) []string { return l.command(l.runtime, addr) })
}

// newLanguageSite starts two nodes, n apps of the language and one msmd, which
// bears a busy machine.
func newLanguageSite(t testing.TB, l language, n int) *site {
	t.Helper()
	s := &site{world: newWorld(t), nodes: memcachedtest.StartN(t, 2)}
	var addrs []string
	for range n {
		a := l.start(s.world)
		s.apps, addrs = append(s.apps, a), append(addrs, a.addr)
	}
	s.servers = []*server{s.serve("msmd", append(s.config(addrs...), "operationTimeout: 500ms")...)}
	return s
}

// echo is what the apps in testdata answer.
type echo struct {
	Session map[string]any    // nil without Msm-Session
	Seen    map[string]string // header fields as the language shows them
	PID     int
}

// echo sends a request to one of the apps in testdata.
func (b *browser) echo(method, target, body string, fields ...string) echo {
	b.t.Helper()
	p := b.send(method, target, body, fields...)
	var e echo
	if err := json.Unmarshal([]byte(p.body), &e); err != nil || p.status != http.StatusOK {
		b.t.Fatalf("%s %s: %d %q, %v; want 200 and JSON", method, target, p.status, p.body, err)
	}
	return e
}

// wantSession reads the session several times, at each of two apps.
func (b *browser) wantSession(when, target string, want map[string]any) {
	b.t.Helper()
	for range 3 {
		if got := b.echo("GET", target, "").Session; !reflect.DeepEqual(got, want) {
			b.t.Fatalf("%s: session %v, want %v", when, got, want)
		}
	}
}

// nonASCII are attributes that test each step of their way through a header.
const nonASCII = `{"é":"中","emoji":"👩‍👧 😀","line":"a\u2028b\u2029c","control":"\t\r\n\u0000","deep":{"ключ":[1,"ü",{"x":"\"\\"}]}}`

func decoded(t testing.TB, text string) map[string]any {
	t.Helper()
	var m map[string]any
	if err := json.Unmarshal([]byte(text), &m); err != nil {
		t.Fatal(err)
	}
	return m
}

// TestLanguages takes a session through its life with apps in each language.
func TestLanguages(t *testing.T) {
	t.Parallel()
	forEachLanguage(t, func(t *testing.T, l language) {
		s := newLanguageSite(t, l, 2)
		b, url := s.browser(), s.servers[0].url
		b.wantSession("no session", url+"/", nil)
		for range 3 {
			b.echo("POST", url+"/count", "")
		}
		b.wantSession("counted", url+"/", map[string]any{"n": 3.0})
		for _, encoding := range []string{"raw", "base64"} {
			b.echo("POST", url+"/replace?"+encoding, `{"only":"`+encoding+`"}`)
			b.wantSession("replaced", url+"/", map[string]any{"only": encoding})
			b.echo("POST", url+"/set?"+encoding, nonASCII)
			b.echo("POST", url+"/set?"+encoding, `{"only":null}`)
			b.wantSession(encoding, url+"/", decoded(t, nonASCII))
			b.echo("POST", url+"/replace?"+encoding, nonASCII)
			b.wantSession("replaced by "+encoding, url+"/", decoded(t, nonASCII))
		}
		b.echo("POST", url+"/replace", `{"n":3}`)
		s.languageLogin(b, url)
		s.languageDeaths(b, url)
	})
}

// languageLogin logs in, out and in again: a new id each time. The id from before
// the login shows what was before it, for its grace; the others are dead.
func (s *site) languageLogin(b *browser, url string) {
	s.t.Helper()
	anonymous := b.id(url)
	b.echo("POST", url+"/login", `{"user":"Zoë"}`)
	if base(b.id(url)) == base(anonymous) {
		s.t.Errorf("login kept the id")
	}
	b.wantSession("logged in", url+"/", map[string]any{"n": 3.0, "user": "Zoë"})
	b.withID(url, anonymous).wantSession("id from before the login", url+"/", map[string]any{"n": 3.0})
	loggedIn := b.id(url)
	b.echo("POST", url+"/logout", "")
	if b.id(url) != "" {
		s.t.Errorf("the cookie is still there after the logout")
	}
	b.wantSession("logged out", url+"/", nil)
	b.withID(url, loggedIn).wantSession("id from before the logout", url+"/", nil)
	b.echo("POST", url+"/count", "")
	if b.bases[base(b.id(url))] && len(b.bases) != 3 {
		s.t.Errorf("%d ids were given, want 3: before and after the login, and after the logout", len(b.bases))
	}
	b.echo("POST", url+"/login", `{"user":"Zoë"}`)
}

// languageDeaths kills an app, then the nodes, and goes on counting.
func (s *site) languageDeaths(b *browser, url string) {
	s.t.Helper()
	want := map[string]any{"n": 1.0, "user": "Zoë"}
	count := func(when string) {
		s.t.Helper()
		b.wantSession(when, url+"/", want)
		b.echo("POST", url+"/count", "")
		want["n"] = want["n"].(float64) + 1
		b.wantSession(when, url+"/", want)
	}
	count("before")
	s.apps[0].kill()
	count("an app killed")
	s.apps[0].restart()
	home, other := s.node(b.id(url))
	home.Kill()
	count("a node killed")
	home.Restart()
	s.waitNodesUp(func() { b.wantSession("node back", url+"/", want) })
	b.wantSession("node back and repaired", url+"/", want)
	other.Kill()
	count("the other node killed")
	pids := map[int]bool{}
	waitUntil(s.t, fmt.Sprintf("both apps answer, so far %v", pids), func() bool {
		pids[b.echo("GET", url+"/", "").PID] = true
		return len(pids) == 2
	})
}

// TestSampleAppValues sends the sample app, in Go, what the others get.
func TestSampleAppValues(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	v := s.visitor()
	for name, value := range map[string]string{
		"é": "中", "emoji": "👩‍👧 😀", "line": "a\u2028b\u2029c", "control": "\t\r\n\x7f\x00", "": "", "ключ": `"\`, "__proto__": "<script>",
	} {
		if name != "" {
			v.set(name, value)
			v.check(name)
		}
	}
	v.set("count", "")
	delete(v.want, "count")
	for range 3 {
		v.form(v.next() + "count")
	}
	v.want["count"] = 3.0
	v.check("counted")
	loginAndOut(t, v.browser, v.urls[0])
}
