package ignore_test

import (
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/msmd/msmd/pkg/ignore"
)

const seedPattern = `.*\.(ico|png|gif|jpg|css|js)$`

func ExampleFilter_Match() {
	f, err := ignore.Compile(seedPattern, ignore.MatchPath)
	if err != nil {
		panic(err)
	}
	for _, s := range []string{"/a.png?v=1", "/cart"} {
		u, _ := url.Parse(s)
		fmt.Println(s, f.Match("GET", u))
	}
	// Output:
	// /a.png?v=1 true
	// /cart false
}

func TestMatch(t *testing.T) {
	for _, tt := range []struct {
		pattern string
		match   ignore.Match
		method  string
		uri     string
		want    bool
	}{
		{seedPattern, ignore.MatchPath, "GET", "/a.png", true},
		{seedPattern, ignore.MatchPath, "GET", "/a.png?v=1", true},
		{seedPattern, ignore.MatchPath, "POST", "/a.png", true},
		{seedPattern, ignore.MatchPath, "GET", "/a.PNG", false},
		{seedPattern, ignore.MatchPath, "GET", "/a.png/cart", false},
		{seedPattern, ignore.MatchPath, "GET", "/cart?x=/a.png", false},
		{seedPattern, ignore.MatchPath, "GET", "/a.png;jsessionid=1", false},
		{seedPattern, ignore.MatchPath, "GET", "/dir%2Ea.p%6Eg", true},
		{seedPattern, ignore.MatchPath, "GET", "/x%0A.png", false}, // as Java's dot
		{`/static/.*`, ignore.MatchPath, "HEAD", "/static/x", true},
		{`/static/.*`, ignore.MatchPath, "GET", "/a/static/x", false},
		{`.*\.png|/x`, ignore.MatchPath, "GET", "/x", true},
		{`.*\.png|/x`, ignore.MatchPath, "GET", "/xy", false},
		{`.*\.png|/x`, ignore.MatchPath, "GET", "/y.png", true},
		{`.*`, ignore.MatchPath, "GET", "/", true},
		// The table msm itself was seen to follow.
		{seedPattern, ignore.MatchMSM, "GET", "/a.png", true},
		{seedPattern, ignore.MatchMSM, "GET", "/a.png?v=1", false},
		{seedPattern, ignore.MatchMSM, "POST", "/a.png?v=1", true},
		{`/static/.*`, ignore.MatchMSM, "GET", "/static/x", false},
		{`GET /static/.*`, ignore.MatchMSM, "GET", "/static/x", true},
		{`GET /static/.*`, ignore.MatchMSM, "HEAD", "/static/x", false},
		{`\w+ /static/.*`, ignore.MatchMSM, "HEAD", "/static/x", true},
	} {
		f, err := ignore.Compile(tt.pattern, tt.match)
		if err != nil {
			t.Errorf("Compile(%q) = %v", tt.pattern, err)
			continue
		}
		u, err := url.ParseRequestURI(tt.uri)
		if err != nil {
			t.Fatal(err)
		}
		if got := f.Match(tt.method, u); got != tt.want {
			t.Errorf("%s %q: Match(%s %s) = %v, want %v", tt.match, tt.pattern, tt.method, tt.uri, got, tt.want)
		}
	}
}

func TestNilIgnoresNothing(t *testing.T) {
	f, err := ignore.Compile("", ignore.MatchPath)
	if err != nil || f != nil {
		t.Fatalf("Compile of an empty pattern = %v, %v, want nil, nil", f, err)
	}
	if f.Match("GET", &url.URL{Path: "/a.png"}) {
		t.Error("a nil Filter ignored a request")
	}
}

func TestCompileRefuses(t *testing.T) {
	for _, tt := range []struct{ pattern, want string }{
		{`(?!x).*`, "look-around"},
		{`(a)\1`, "back-references"},
		{`a*+`, "possessive"},
		{`[a-z&&[^b]]`, "intersection"},
		{`(`, "missing closing"},
		{strings.Repeat("a", 1025), "at most 1024"},
	} {
		_, err := ignore.Compile(tt.pattern, ignore.MatchPath)
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("Compile(%.30q) error = %v, want one with %q", tt.pattern, err, tt.want)
		}
	}
	if _, err := ignore.Compile("x", "uri"); err == nil || !strings.Contains(err.Error(), `"uri"`) {
		t.Errorf("Compile with match uri: error = %v, want it quoted", err)
	}
	if _, err := ignore.Compile(`[a\&&b]&&`, ignore.MatchPath); err != nil {
		t.Errorf("&& outside a class or escaped is refused: %v", err)
	}
}

// FuzzMatch holds the short cut for a leading .* to the plain full match.
func FuzzMatch(f *testing.F) {
	f.Add(seedPattern, "/a.png")
	f.Add(`.*a|b`, "/xb")
	f.Add(`.*(?i)x`, "/X")
	f.Add(`.*^a`, "/a\na")
	f.Fuzz(func(t *testing.T, pattern, path string) {
		if len(pattern) > 40 { // nested repeats compile for seconds
			return
		}
		filter, err := ignore.Compile(pattern, ignore.MatchPath)
		if err != nil || filter == nil {
			return
		}
		want := regexp.MustCompile(`\A(?:` + pattern + `)\z`).MatchString(path)
		if got := filter.Match("GET", &url.URL{Path: path}); got != want {
			t.Errorf("pattern %q, path %q: Match = %v, full match = %v", pattern, path, got, want)
		}
	})
}

func BenchmarkMatch(b *testing.B) {
	f, err := ignore.Compile(seedPattern, ignore.MatchPath)
	if err != nil {
		b.Fatal(err)
	}
	u := &url.URL{Path: "/some/where/in/the/shop/cart"}
	for b.Loop() {
		f.Match("GET", u)
	}
}
