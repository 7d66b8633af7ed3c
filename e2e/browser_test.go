package e2e

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"testing"
	"time"
)

const cookieName = "msmid"

// browser keeps cookies and counts those that it is given. Like browsers it
// does not tell ports of a host apart. It does not follow redirects.
type browser struct {
	t      testing.TB
	world  *world
	client *http.Client
	jar    *cookiejar.Jar
	given  int             // Set-Cookie lines received
	bases  map[string]bool // of the ids in them, without the node
}

// page is an answer.
type page struct {
	status int
	header http.Header
	body   string
	took   time.Duration
}

func (w *world) browser() *browser {
	jar, _ := cookiejar.New(nil) // it has no error to return
	transport := &http.Transport{DisableCompression: true}
	w.t.Cleanup(transport.CloseIdleConnections)
	return &browser{t: w.t, world: w, jar: jar, bases: map[string]bool{}, client: &http.Client{
		Transport: transport, Jar: jar, Timeout: patience,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// try sends a request; fields are pairs of name and value, sent as written.
func (b *browser) try(method, target, body string, fields ...string) (page, error) {
	b.t.Helper()
	req, err := http.NewRequest(method, target, strings.NewReader(body))
	if err != nil {
		b.t.Fatal(err)
	}
	for i := 0; i < len(fields); i += 2 {
		req.Header[fields[i]] = append(req.Header[fields[i]], fields[i+1])
	}
	start := time.Now()
	res, err := b.client.Do(req)
	if err != nil {
		return page{}, err
	}
	defer func() { _ = res.Body.Close() }()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		return page{}, err
	}
	b.given += len(res.Header["Set-Cookie"])
	for _, c := range res.Cookies() {
		if c.Name == cookieName && c.Value != "" {
			b.bases[base(c.Value)] = true
			b.world.issue(base(c.Value))
		}
	}
	return page{res.StatusCode, res.Header, string(text), time.Since(start)}, nil
}

// send is try for requests that must be answered.
func (b *browser) send(method, target, body string, fields ...string) page {
	b.t.Helper()
	p, err := b.try(method, target, body, fields...)
	if err != nil {
		b.t.Fatalf("%s %s: %v", method, target, err)
	}
	return p
}

// get asks for JSON.
func (b *browser) get(target string) page {
	b.t.Helper()
	return b.send("GET", target, "", "Accept", "application/json")
}

// form posts pairs of name and value as a form.
func (b *browser) form(target string, pairs ...string) page {
	b.t.Helper()
	form := url.Values{}
	for i := 0; i < len(pairs); i += 2 {
		form.Set(pairs[i], pairs[i+1])
	}
	return b.send("POST", target, form.Encode(), "Content-Type", "application/x-www-form-urlencoded")
}

// id returns the session cookie, "" without one, for the host of target.
func (b *browser) id(target string) string {
	b.t.Helper()
	u, err := url.Parse(target)
	if err != nil {
		b.t.Fatal(err)
	}
	for _, c := range b.jar.Cookies(u) {
		if c.Name == cookieName {
			return c.Value
		}
	}
	return ""
}

// base returns the part of an id before the node.
func base(id string) string {
	b, _, _ := strings.Cut(id, "-")
	return b
}

// withID returns another browser that has nothing but the session cookie id.
func (b *browser) withID(target, id string) *browser {
	b.t.Helper()
	u, err := url.Parse(target)
	if err != nil {
		b.t.Fatal(err)
	}
	other := b.world.browser()
	other.jar.SetCookies(u, []*http.Cookie{{Name: cookieName, Value: id, Path: "/"}})
	return other
}

// report is the sample app's page as JSON.
type report struct {
	App, Ref, Created, Node, State string
	Version                        int
	Attributes                     map[string]any
}

// read returns what the sample app says of the session.
func (b *browser) read(target string) report {
	b.t.Helper()
	return b.report(b.get(target))
}

// report reads an answer of the sample app.
func (b *browser) report(p page) report {
	b.t.Helper()
	var r report
	if err := json.Unmarshal([]byte(p.body), &r); err != nil || p.status != http.StatusOK {
		b.t.Fatalf("the sample app answers %d %q, %v; want 200 and JSON", p.status, p.body, err)
	}
	return r
}
