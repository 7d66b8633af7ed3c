package proxy_test

import (
	"fmt"
	"io"
	"net/http"
	"net/netip"
	"strings"
	"testing"

	"github.com/msmd/msmd/internal/proxy"
)

// echo answers with the request as it arrived.
func echo(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	fmt.Fprintf(w, "%s %s %s %q", r.Method, r.RequestURI, r.Host, body)
}

// TestUntouched: what stands in the request line is the app's to understand.
func TestUntouched(t *testing.T) {
	f := start(t, proxy.Config{}, app(t, echo))
	for _, uri := range []string{
		"/", "/?", "/a?x=1;y=2", "/a?x=%zz", "/a?x=%", "/a?a=1&a=2&&b", "/a?x=é", "/a?next=/b?c=d", "/a?q=a+b%20c",
		"/a//b/../c", "//a", "/a/./b/", "/%2f", "/a%2Fb%2e%2e/c", "/a;jsessionid=1", "/a;jsessionid=ABC.n1?x=1",
		"/%C3%A9", "/é", "/a+b", "/a,b:c@d", "/~a/$b/!c/*", "/" + strings.Repeat("x", 8000),
	} {
		_, got := f.send(t, "GET "+uri+" HTTP/1.1\r\nHost: shop.example:8080\r\n\r\n")
		want := fmt.Sprintf(`GET %s shop.example:8080 ""`, strings.ReplaceAll(uri, "/é", "/%C3%A9"))
		if got != want {
			t.Errorf("%.80q arrived as %.120q, want %.120q", uri, got, want)
		}
	}
}

func TestMethodsAndBodies(t *testing.T) {
	f := start(t, proxy.Config{}, app(t, echo))
	for _, method := range []string{"GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND", "PURGE", "M-SEARCH", "QUERY", "x"} {
		for _, body := range []string{"", "a=1&b=2", "\x00\r\n\r\nGET / HTTP/1.1\r\n\r\n"} {
			_, got := f.send(t, fmt.Sprintf("%s /p HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n%s", method, len(body), body))
			if want := fmt.Sprintf("%s /p h %q", method, body); got != want {
				t.Errorf("%s with %q arrived as %q", method, body, got)
			}
		}
	}
	_, got := f.send(t, "POST /p HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n")
	if want := `POST /p h "abcde"`; got != want {
		t.Errorf("a chunked body arrived as %q, want %q", got, want)
	}
	res, err := f.Client().Head(f.URL + "/p")
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if res.StatusCode != http.StatusOK {
		t.Errorf("HEAD: %s", res.Status)
	}
}

// TestForwarded: what clients claim of themselves does not reach the app; what
// a trusted proxy says does, with the proxy's own address.
func TestForwarded(t *testing.T) {
	show := app(t, func(w http.ResponseWriter, r *http.Request) {
		for _, name := range []string{"X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Host"} {
			fmt.Fprintf(w, "%s|", strings.Join(r.Header[name], "+"))
		}
	})
	loopback := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("127.0.0.0/8")}
	elsewhere := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("::1/128")}
	claim := "X-Forwarded-For: 1.2.3.4\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: shop.example\r\n"
	for _, tt := range []struct {
		name    string
		trusted []netip.Prefix
		headers string
		want    string
	}{
		{"nobody trusted", nil, claim, "127.0.0.1|http|h|"},
		{"others trusted", elsewhere, claim, "127.0.0.1|http|h|"},
		{"nothing claimed", nil, "", "127.0.0.1|http|h|"},
		{"trusted", loopback, claim, "1.2.3.4, 127.0.0.1|https|shop.example|"},
		{"trusted, two lines", loopback, "X-Forwarded-For: 1.2.3.4\r\nX-Forwarded-For: 5.6.7.8\r\n", "1.2.3.4, 5.6.7.8, 127.0.0.1|http|h|"},
		{"trusted, nothing said", loopback, "", "127.0.0.1|http|h|"},
		{"named in Connection, to have it dropped", loopback, claim + "Connection: X-Forwarded-For\r\n", "1.2.3.4, 127.0.0.1|https|shop.example|"},
	} {
		f := start(t, proxy.Config{TrustedProxies: tt.trusted}, show)
		_, got := f.send(t, "GET / HTTP/1.1\r\nHost: h\r\n"+tt.headers+"\r\n")
		if got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
}

func TestFromTrusted(t *testing.T) {
	trusted := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("fd00::/8")}
	for _, tt := range []struct {
		remote string
		want   bool
	}{
		{"10.1.2.3:4", true}, {"11.1.2.3:4", false}, {"[fd00::1]:4", true}, {"[fe80::1]:4", false},
		{"[::ffff:10.1.2.3]:4", true}, {"", false}, {"10.1.2.3", false}, {"@", false},
	} {
		r := &http.Request{RemoteAddr: tt.remote}
		if got := proxy.FromTrusted(r, trusted); got != tt.want {
			t.Errorf("FromTrusted(%q) = %v, want %v", tt.remote, got, tt.want)
		}
		if proxy.FromTrusted(r, nil) {
			t.Errorf("FromTrusted(%q) without trusted proxies = true", tt.remote)
		}
	}
}

// TestHopByHop: the connection's own headers end here, the others pass.
func TestHopByHop(t *testing.T) {
	f := start(t, proxy.Config{}, app(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header()["Set-Cookie"] = []string{"a=1", "b=2"}
		w.Header().Set("X-Answer", "yes")
		for _, name := range []string{"Connection", "X-Private", "Keep-Alive", "Te", "User-Agent", "Cookie", "Accept-Encoding"} {
			fmt.Fprintf(w, "%s=%s|", name, strings.Join(r.Header[name], "+"))
		}
	}))
	res, err := http.DefaultTransport.RoundTrip(mustRequest(t, f.URL, http.Header{
		"Connection": {"X-Private"}, "X-Private": {"1"}, "Keep-Alive": {"5"}, "Te": {"gzip"},
		"User-Agent": {""}, "Cookie": {"a=1; b=2"}, "Accept-Encoding": {"br"},
	}))
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	got := readAll(t, res.Body)
	if want := "Connection=|X-Private=|Keep-Alive=|Te=|User-Agent=|Cookie=a=1; b=2|Accept-Encoding=br|"; got != want {
		t.Errorf("the app got %q, want %q", got, want)
	}
	if len(res.Header["Set-Cookie"]) != 2 || res.Header.Get("X-Answer") != "yes" {
		t.Errorf("the client got %v", res.Header)
	}
}

func mustRequest(t *testing.T, url string, h http.Header) *http.Request {
	t.Helper()
	req, err := http.NewRequest(http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header = h
	return req
}
