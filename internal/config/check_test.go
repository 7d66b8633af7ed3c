package config

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/msmd/msmd/pkg/sessionid"
)

// TestCheckGolden compares what Check prints with testdata/check-*.txt; -update
// writes them anew. The example id is fixed, Check draws one.
func TestCheckGolden(t *testing.T) {
	for _, tt := range []struct{ name, yaml string }{
		{"smallest", smallest},
		{"tutorial", `className: x
memcachedNodes: n1:192.168.0.6:11211,n2:192.168.0.7:11211
failoverNodes: n2
apps: tomcat1=http://192.168.0.8:8080
`},
		{"full", `listen: :80
adminListen: 127.0.0.1:81
memcachedNodes: [a:h1:1, b:h2:2, c:h3:3, d:h4:4]
failoverNodes: d
apps: app1=https://app.example.com
requestUriIgnorePattern: 'GET /static/.*'
ignoreMatch: msm
maxLifetime: 0
cookieMaxAge: 24h
cookieSameSite: None
cookiePartitioned: true
trustedProxies: [10.0.0.0/8, '::1']
forwardId: true
commitFailure: fail
`},
		{"alone", "memcachedNodes: h:11211\napps: a=http://h:1\ncookieDomain: example.com\ncookieSecure: always\n"},
	} {
		c := mustLoad(t, tt.yaml, nil)
		id, err := sessionid.Parse("mfrggzdfmztwq2lknnwg23tpob")
		if err != nil {
			t.Fatal(err)
		}
		var got strings.Builder
		if err := c.check(&got, []string{"/", "/cart", "/logo.png", "/a.png?v=1", "/static/x", "cart"}, id); err != nil {
			t.Fatal(err)
		}
		compareGolden(t, "check-"+tt.name+".txt", got.String())
	}
}

func compareGolden(t testing.TB, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if f := flag.Lookup("update"); f != nil && f.Value.String() == "true" {
		if err := os.WriteFile(file, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s:\n got\n%s\nwant\n%s", name, got, want)
	}
}

func TestMain(m *testing.M) {
	flag.Bool("update", false, "write testdata anew")
	flag.Parse()
	os.Exit(m.Run())
}

func TestCheckSamples(t *testing.T) {
	c := mustLoad(t, smallest, nil)
	var out strings.Builder
	if err := c.Check(&out, nil); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		"/": "session", "/cart": "session", "/logo.png": "ignored", "/a.png?v=1": "ignored", "/style.css": "ignored",
	} {
		found := false
		for line := range strings.Lines(out.String()) {
			f := strings.Fields(line)
			found = found || len(f) == 3 && f[0] == "GET" && f[1] == path && f[2] == want
		}
		if !found {
			t.Errorf("no line says that GET %s is %q:\n%s", path, want, out.String())
		}
	}
	if !strings.Contains(out.String(), "any one of n1, n2 may die") {
		t.Errorf("Check does not say what survives:\n%s", out.String())
	}
}

type brokenPipe struct{}

func (brokenPipe) Write([]byte) (int, error) { return 0, os.ErrClosed }

func TestCheckReportsWriteError(t *testing.T) {
	if err := mustLoad(t, smallest, nil).Check(brokenPipe{}, nil); err == nil {
		t.Error("Check to a broken pipe gave no error")
	}
}
