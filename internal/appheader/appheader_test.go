package appheader_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/dunglas/httpsfv"

	"github.com/msmd/msmd/internal/appheader"
	"github.com/msmd/msmd/internal/memcached"
	"github.com/msmd/msmd/internal/proxy"
	"github.com/msmd/msmd/pkg/ignore"
	"github.com/msmd/msmd/pkg/manager"
	"github.com/msmd/msmd/pkg/nodes"
)

// chain is manager, layer and proxy in front of an app, as msmd serve joins
// them.
type chain struct {
	t      testing.TB
	url    string
	cookie string
}

func newChain(t testing.TB, cfg appheader.Config, app http.HandlerFunc) *chain {
	t.Helper()
	upstream := httptest.NewServer(app)
	t.Cleanup(upstream.Close)
	node := memcached.New(memcached.Config{})
	if err := node.Start("127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(node.Stop)
	pool, err := nodes.Open(nodes.Config{Nodes: []nodes.Spec{{ID: "n1", Addr: node.Addr()}}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(pool.Close)
	filter, err := ignore.Compile(`.*\.png`, ignore.MatchPath)
	if err != nil {
		t.Fatal(err)
	}
	m, err := manager.New(manager.Config{Nodes: pool, Ignore: filter})
	if err != nil {
		t.Fatal(err)
	}
	cfg.CookieNames = m.CookieNames()
	layer := appheader.New(cfg)
	target, err := url.Parse(upstream.URL)
	if err != nil {
		t.Fatal(err)
	}
	p, err := proxy.New(proxy.Config{Upstreams: []proxy.Upstream{{ID: "app1", URL: target}}, ModifyResponse: layer.ModifyResponse})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Close)
	srv := httptest.NewServer(m.Handler(layer.Handler(p)))
	t.Cleanup(srv.Close)
	return &chain{t: t, url: srv.URL}
}

// do sends a request with the given header lines, keeps the cookie, and
// returns the response, whose body is read.
func (c *chain) do(path string, lines http.Header) (*http.Response, string) {
	c.t.Helper()
	req, err := http.NewRequest("POST", c.url+path, nil)
	if err != nil {
		c.t.Fatal(err)
	}
	for name, values := range lines {
		req.Header[name] = values
	}
	if c.cookie != "" {
		req.Header.Add("Cookie", "msmid="+c.cookie)
	}
	res, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		c.t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		c.t.Fatal(err)
	}
	for _, k := range res.Cookies() {
		if k.Name == "msmid" {
			c.cookie = k.Value
		}
	}
	return res, string(body)
}

// mirror is an app that answers with the request headers it got, and sends the
// response headers that the test gives it in X-Send: name, space, value.
func mirror(w http.ResponseWriter, r *http.Request) {
	for _, line := range r.Header["X-Send"] {
		name, value, _ := strings.Cut(line, " ")
		w.Header().Add(name, value)
	}
	delete(r.Header, "X-Send")
	_ = r.Header.Write(w)
}

func send(lines ...string) http.Header { return http.Header{"X-Send": lines} }

func TestRoundTrip(t *testing.T) {
	t.Parallel()
	c := newChain(t, appheader.Config{}, mirror)
	_, body := c.do("/", nil)
	if !strings.Contains(body, "Msm-Session-Meta: state=none\r\n") || strings.Contains(body, "Msm-Session:") {
		t.Errorf("without a session the app got\n%s", body)
	}
	res, _ := c.do("/", send(`Msm-Session-Patch {"user":"ann","n":1.10}`))
	for name := range res.Header {
		if strings.HasPrefix(strings.ToLower(name), "msm") {
			t.Errorf("the client got %s", name)
		}
	}
	_, body = c.do("/", http.Header{"Cookie": {"other=1"}})
	for _, want := range []string{`Msm-Session: {"n":1.10,"user":"ann"}`, "Msm-Session-Meta: state=ok, ref=\"", `node="n1"`, "Cookie: other=1\r\n"} {
		if !strings.Contains(body, want) {
			t.Errorf("the app got no %s in\n%s", want, body)
		}
	}
	if strings.Contains(body, "msmid") {
		t.Errorf("the app got the id:\n%s", body)
	}
	if res.Header.Get("Vary") != "Cookie" {
		t.Errorf("Vary = %q, want Cookie", res.Header.Get("Vary"))
	}
}

func TestMetaIsADictionary(t *testing.T) {
	t.Parallel()
	c := newChain(t, appheader.Config{}, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Msm-Session-Do", "create")
		_, _ = io.WriteString(w, r.Header.Get("Msm-Session-Meta"))
	})
	c.do("/", nil)
	_, meta := c.do("/", nil)
	dict, err := httpsfv.UnmarshalDictionary([]string{meta})
	if err != nil {
		t.Fatalf("%q: %v", meta, err)
	}
	if got := strings.Join(dict.Names(), " "); got != "state ref v new created accessed idle abs size node" {
		t.Errorf("members = %s", got)
	}
	if v, _ := dict.Get("v"); v.(httpsfv.Item).Value != int64(1) {
		t.Errorf("v = %v, want 1", v)
	}
}

// TestClientCannotPose: SEC 1 to 3, in a dozen spellings, on tracked and
// ignored requests.
func TestClientCannotPose(t *testing.T) {
	t.Parallel()
	c := newChain(t, appheader.Config{}, mirror)
	c.do("/", send(`Msm-Session-Patch {"user":"ann"}`))
	forged := http.Header{"Connection": {"Msm-Session, Msm-Session-Meta", "close, msm_session"}}
	for _, name := range []string{"Msm-Session", "msm-session", "MSM-SESSION", "Msm_Session", "msm_session", "MSM.SESSION", "Msm.Session-Meta",
		"Msm-Session_Meta", "msm_session_meta", "Msm.Session.Meta", "mSm-sEsSiOn", "Msm-Anything", "msm~session", "Msm!Session"} {
		forged[name] = []string{`{"user":"evil"}`}
	}
	for _, path := range []string{"/", "/a.png"} {
		_, body := c.do(path, forged)
		if strings.Contains(body, "evil") {
			t.Errorf("%s: the app got a forged header:\n%s", path, body)
		}
		if got := strings.Contains(body, `Msm-Session: {"user":"ann"}`); got != (path == "/") {
			t.Errorf("%s: our header there: %v", path, got)
		}
		if path == "/" && !strings.Contains(body, "Msm-Session-Meta: state=ok") {
			t.Errorf("the client removed our headers:\n%s", body)
		}
	}
}

// TestNothingLeaks: SEC 4, headers, 1xx and both kinds of trailer.
func TestNothingLeaks(t *testing.T) {
	t.Parallel()
	c := newChain(t, appheader.Config{}, func(w http.ResponseWriter, _ *http.Request) {
		h := w.Header()
		h.Set("Msm-Session-Patch", `{"a":1}`)
		w.WriteHeader(http.StatusEarlyHints)
		h.Set("Trailer", "Msm-Trailer, X-Trailer")
		h.Set("msm_other", "1")
		w.WriteHeader(http.StatusOK)
		_, _ = io.WriteString(w, "body")
		h.Set("Msm-Trailer", "1")
		h.Set("X-Trailer", "kept")
		h.Set(http.TrailerPrefix+"Msm-Late", "1")
		h.Set(http.TrailerPrefix+"X-Late", "kept")
	})
	res, _ := c.do("/", nil)
	for where, h := range map[string]http.Header{"header": res.Header, "trailer": res.Trailer} {
		for name := range h {
			if strings.HasPrefix(strings.ToLower(name), "msm") {
				t.Errorf("the client got %s %s", where, name)
			}
		}
	}
	if res.Trailer.Get("X-Trailer") != "kept" || res.Trailer.Get("X-Late") != "kept" {
		t.Errorf("trailers %v, want the app's others kept", res.Trailer)
	}
	if c.cookie == "" {
		t.Error("the patch that came with a 103 before it was not applied")
	}
}

func TestOwnCookieIsDropped(t *testing.T) {
	t.Parallel()
	c := newChain(t, appheader.Config{}, mirror)
	res, _ := c.do("/", send("Set-Cookie msmid=stolen; Path=/", "Set-Cookie __Host-msmid=stolen", "Set-Cookie app=1"))
	if got := strings.Join(res.Header["Set-Cookie"], "|"); got != "app=1" {
		t.Errorf("Set-Cookie = %q, want the app's own only", got)
	}
}

func TestForwardID(t *testing.T) {
	t.Parallel()
	c := newChain(t, appheader.Config{ForwardID: true}, mirror)
	c.do("/", send(`Msm-Session-Do create`))
	if _, body := c.do("/", nil); !strings.Contains(body, "Cookie: msmid="+c.cookie) {
		t.Errorf("the app did not get the id")
	}
}

func TestInlineMax(t *testing.T) {
	t.Parallel()
	c := newChain(t, appheader.Config{InlineMax: 300}, mirror)
	c.do("/", send(`Msm-Session-Patch {"big":"`+strings.Repeat("x", 280)+`"}`))
	if _, body := c.do("/", nil); !strings.Contains(body, `Msm-Session: {"big"`) {
		t.Errorf("a session below inlineMax is missing in\n%s", body)
	}
	c.do("/", send(`Msm-Session-Patch {"more":"`+strings.Repeat("x", 280)+`"}`))
	if _, body := c.do("/", nil); strings.Contains(body, "Msm-Session: ") || !strings.Contains(body, "state=toolarge") {
		t.Errorf("a session above inlineMax: the app got\n%s", body)
	}
}

func TestLogin(t *testing.T) {
	t.Parallel()
	c := newChain(t, appheader.Config{}, mirror)
	c.do("/", send(`Msm-Session-Patch {"a":1}`))
	old := c.cookie
	c.do("/", send(`Msm-Session-Patch {"user":"ann"}`, `Msm-Session-Do rotate`))
	if c.cookie == old || c.cookie == "" {
		t.Fatal("rotate kept the id")
	}
	if _, body := c.do("/", nil); !strings.Contains(body, `Msm-Session: {"a":1,"user":"ann"}`) {
		t.Errorf("after rotate the app got\n%s", body)
	}
	c.do("/", send(`Msm-Session-Do destroy`))
	if c.cookie != "" {
		t.Error("destroy kept the cookie")
	}
	for _, id := range []string{old} {
		c.cookie = id
		if _, body := c.do("/", nil); !strings.Contains(body, "state=none") {
			t.Errorf("an id from before the login: the app got\n%s", body)
		}
	}
}
