package e2e

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/msmd/msmd/internal/memcached/memcachedtest"
)

// spellings are field names that some app server takes for one of ours.
func spellings() []string {
	return []string{
		"Msm-Session", "msm_session", "MSM.SESSION", "mSm-sEsSiOn", "Msm_Session", "msm.session",
		"Msm-Session-Meta", "MSM_SESSION_META", "Msm.Session.Meta", "msm-session_meta", "Msm_Session-Meta", "mSM.sESSION-mETA",
	}
}

// TestSecurity holds msmd against security.md from outside, through apps in
// languages that map field names in their own ways. The numbers are that
// file's.
func TestSecurity(t *testing.T) {
	t.Parallel()
	forEachLanguage(t, func(t *testing.T, l language) {
		s := newLanguageSite(t, l, 1)
		for _, test := range []struct {
			name string
			run  func(t testing.TB, s *site)
		}{
			{"1 forged fields", testForgedFields},
			{"2 Connection", testConnection},
			{"3 ignored and upgrade", testStrippedEverywhere},
			{"6 cookies outside the grammar", testCookieGrammar},
			{"8 unknown id", testUnknownID},
			{"16 id reaches no app", testIDHidden},
			{"31 ignored", testIgnored},
			{"33 crawler", testCrawler},
		} {
			ok := t.Run(test.name, func(t *testing.T) { test.run(t, s) })
			if !ok {
				t.Logf("%s failed with %s", test.name, l.name)
			}
		}
	})
}

const forged = `{"user":"mallory"}`

// forgery are all spellings as pairs of name and value.
func forgery() []string {
	var fields []string
	for _, name := range spellings() {
		fields = append(fields, name, forged)
	}
	return fields
}

// wantUnforged fails the test if the app saw anything that the client forged,
// or a reserved field that msmd did not set.
func wantUnforged(t testing.TB, what string, seen map[string]string, want ...string) {
	t.Helper()
	left := map[string]bool{}
	for _, name := range want {
		left[name] = true
	}
	for name, value := range seen {
		plain := strings.TrimPrefix(strings.NewReplacer("_", "-", ".", "-").Replace(strings.ToLower(name)), "http-")
		if strings.Contains(value, "mallory") || strings.HasPrefix(plain, "msm-") && !left[plain] {
			t.Errorf("%s: the app sees %s: %s", what, name, value)
		}
		delete(left, plain)
	}
	for name := range left {
		t.Errorf("%s: the app does not see %s: %v", what, name, seen)
	}
}

func testForgedFields(t testing.TB, s *site) {
	b, url := s.browser(), s.servers[0].url
	wantUnforged(t, "no session", b.echo("GET", url+"/", "", forgery()...).Seen, "msm-session-meta")
	b.echo("POST", url+"/count", "", forgery()...)
	for _, name := range spellings() {
		e := b.echo("GET", url+"/", "", name, forged)
		wantUnforged(t, name, e.Seen, "msm-session", "msm-session-meta")
		if e.Session["n"] != 1.0 {
			t.Errorf("%s forged: session %v, want n 1", name, e.Session)
		}
	}
	wantUnforged(t, "all at once", b.echo("GET", url+"/", "", forgery()...).Seen, "msm-session", "msm-session-meta")
}

func testConnection(t testing.TB, s *site) {
	b, url := s.browser(), s.servers[0].url
	b.echo("POST", url+"/count", "")
	for _, connection := range []string{
		"Msm-Session, Msm-Session-Meta", "close, msm-session,MSM-SESSION-META", "Msm_Session, msm.session-meta, keep-alive",
	} {
		answer := parse(t, exchange(t, url, "GET / HTTP/1.1\nHost: x\nConnection: "+connection+"\nConnection: close\nCookie: msmid="+b.id(url)+"\n\n"))
		if answer.status != http.StatusOK || !strings.Contains(answer.body, "state=ok") || !strings.Contains(answer.body, `\"n\":1`) {
			t.Errorf("Connection: %s: %d, the app got %s; want state=ok and the session", connection, answer.status, answer.body)
		}
	}
}

func testStrippedEverywhere(t testing.TB, s *site) {
	b, url := s.browser(), s.servers[0].url
	b.echo("POST", url+"/count", "")
	for _, tt := range []struct {
		what    string
		browser *browser
		path    string
		fields  []string
		want    []string
	}{
		{"ignored URI", b, "/a.png", nil, nil},
		{"ignored URI, no cookie", s.browser(), "/a.png", nil, nil},
		{"no cookie", s.browser(), "/", nil, []string{"msm-session-meta"}},
		{"upgrade", b, "/", []string{"Connection", "Upgrade", "Upgrade", "websocket"}, []string{"msm-session", "msm-session-meta"}},
		{"upgrade of an ignored URI", b, "/a.png", []string{"Connection", "Upgrade", "Upgrade", "websocket"}, nil},
	} {
		e := tt.browser.echo("GET", url+tt.path, "", append(tt.fields, forgery()...)...)
		wantUnforged(t, tt.what, e.Seen, tt.want...)
	}
}

// testCookieGrammar counts memcached's commands: what is no id must not become
// one.
func testCookieGrammar(t testing.TB, s *site) {
	url, good := s.servers[0].url, strings.Repeat("a", 26)
	for _, value := range []string{
		"", "x", strings.ToUpper(good) + "-n1", strings.Repeat("a", 25) + "-n1", strings.Repeat("a", 27) + "-n1", strings.Repeat("1", 26) + "-n1",
		good + "-", good + "-n 1", good + "-n1 x", good + " -n1", good + "-n\xe9", "\x80" + good[1:] + "-n1", "\"" + good + "-n1\"",
		good + "-n1\tget x", good + "-n1%0d%0aget%20x", good + "-" + strings.Repeat("n", 17), good + "-n1." + strings.Repeat("r", 65),
		strings.Repeat("a", 300), strings.Repeat("a", 300) + "-n1", "msmd:" + good[5:], good + "-n1-n2", good + "-é",
	} {
		before := s.commands()
		answer := parse(t, exchange(t, url, "GET / HTTP/1.1\nHost: x\nConnection: close\nCookie: msmid="+value+"\n\n"))
		if after := s.commands(); after != before {
			t.Errorf("cookie %q: %d memcached commands, want none", value, after-before)
		}
		if answer.status != http.StatusOK || !strings.Contains(answer.body, "state=none") || answer.header.Get("Set-Cookie") != "" {
			t.Errorf("cookie %q: %d %q %s; want 200, state=none, no Set-Cookie", value, answer.status, answer.header.Get("Set-Cookie"), answer.body)
		}
	}
	for _, value := range []string{good + "-n1\r\nget x", good + "-n1\x00", good + "\n-n1", good + "\r-n1"} {
		before := s.commands()
		answer := exchange(t, url, "GET / HTTP/1.1\nHost: x\nConnection: close\nCookie: msmid="+value+"\n\n")
		if after := s.commands(); after != before || !strings.HasPrefix(answer, "HTTP/1.1 400 ") {
			t.Errorf("cookie %q: %d memcached commands, %.40q; want none and 400", value, after-before, answer)
		}
	}
}

func testUnknownID(t testing.TB, s *site) {
	url := s.servers[0].url
	b := s.browser()
	b.echo("POST", url+"/count", "")
	destroyed := b.id(url)
	b.echo("POST", url+"/logout", "")
	for _, id := range []string{strings.Repeat("a", 26) + "-n1", strings.Repeat("b", 26) + "-n9", strings.Repeat("c", 26) + "-n2.route", destroyed} {
		b := s.browser().withID(url, id)
		before := s.commands()
		if e := b.echo("GET", url+"/", ""); e.Session != nil || b.given != 0 {
			t.Errorf("unknown id: session %v, %d Set-Cookie; want none", e.Session, b.given)
		}
		if n := s.commands() - before; n > 2 {
			t.Errorf("unknown id: %d memcached commands, want at most 2", n)
		}
		b.echo("POST", url+"/count", "")
		if got := b.id(url); base(got) == base(id) || b.given != 1 {
			t.Errorf("unknown id %q: after a change the cookie is %q, %d Set-Cookie; want a fresh id, 1", id, got, b.given)
		}
		if e := b.echo("GET", url+"/", ""); e.Session["n"] != 1.0 {
			t.Errorf("unknown id: session %v after a change, want n 1", e.Session)
		}
	}
}

func testIDHidden(t testing.TB, s *site) {
	b, url := s.browser(), s.servers[0].url
	b.echo("POST", url+"/count", "")
	id := b.id(url)
	answer := parse(t, exchange(t, url, fmt.Sprintf("GET / HTTP/1.1\nHost: x\nConnection: close\nCookie: theme=dark; msmid=%s; __Host-msmid=%s; lang=fr\n\n", id, id)))
	if strings.Contains(answer.body, base(id)) {
		t.Errorf("the app sees the id: %s", answer.body)
	}
	if !strings.Contains(answer.body, "theme=dark; lang=fr") || !strings.Contains(answer.body, "state=ok") {
		t.Errorf("the app does not see the other cookies and the session: %s", answer.body)
	}
	for _, n := range s.nodes { // 38: the store has no usable id either
		if n.Backend() == memcachedtest.InProcess {
			continue // it does not know the command
		}
		for _, line := range ask(t, n.Addr(), "lru_crawler metadump all") {
			if strings.Contains(line, base(id)) || !strings.HasPrefix(line, "key=msmd%3A") && !strings.HasPrefix(line, "key=msmd:") {
				t.Errorf("memcached holds %q", line)
			}
		}
	}
}

func testIgnored(t testing.TB, s *site) {
	b, url := s.browser(), s.servers[0].url
	b.echo("POST", url+"/count", "")
	id, before := b.id(url), s.commands()
	for _, path := range []string{"/a.png", "/a.png?v=1", "/dir/x.css", "/%61.js"} {
		for _, b := range []*browser{b, s.browser(), s.browser().withID(url, strings.Repeat("a", 26)+"-n1")} {
			given := b.given
			wantUnforged(t, path, b.echo("GET", url+path, "").Seen)
			wantUnforged(t, path, b.echo("POST", url+path, `{"n":99}`).Seen) // with a patch from the app
			if b.given != given {
				t.Errorf("%s: %d Set-Cookie, want none", path, b.given-given)
			}
		}
	}
	if n := s.commands() - before; n != 0 {
		t.Errorf("ignored requests: %d memcached commands, want none", n)
	}
	if e := b.echo("GET", url+"/", ""); e.Session["n"] != 1.0 || b.id(url) != id {
		t.Errorf("after ignored requests: session %v, want n 1 and the same id", e.Session)
	}
}

func testCrawler(t testing.TB, s *site) {
	url := s.servers[0].url
	before, items := s.commands(), fmt.Sprint(s.items())
	for i := range 50 {
		b := s.browser()
		if b.echo("GET", fmt.Sprintf("%s/page/%d", url, i), ""); b.given != 0 {
			t.Errorf("a crawler got a cookie")
		}
	}
	if n := s.commands() - before; n != 0 || fmt.Sprint(s.items()) != items {
		t.Errorf("a crawler caused %d memcached commands, items %v before, %v now; want none", n, items, s.items())
	}
}
