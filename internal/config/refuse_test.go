package config

import (
	"regexp"
	"strings"
	"testing"
)

const twoNodes = "memcachedNodes: n1:h:1,n2:h:2\n"

// goWords finds what only a Go programmer would understand.
func goWords() *regexp.Regexp {
	return regexp.MustCompile(`mapstructure|invalid keys|map\[|interface \{\}|strconv|netip|\btime: |parse "|!!|cannot unmarshal|pflag|<nil>|%!`)
}

// good is a configuration to add a fault to.
const good = twoNodes + "apps: a=http://h:9\n"

type refusal struct {
	yaml string
	want []string // in the message: the key, the value, the hint
}

func refuses(t *testing.T, refusals []refusal) {
	t.Helper()
	for _, tt := range refusals {
		c, _, err := Load(writeFile(t, tt.yaml), nil, nil)
		if err == nil || c != nil {
			t.Errorf("%q: accepted", tt.yaml)
			continue
		}
		wantMessage(t, tt.yaml, err, tt.want...)
		if strings.Contains(err.Error(), "secret") || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%q: the message tells a password: %v", tt.yaml, err)
		}
	}
}

func TestRefusesListeners(t *testing.T) {
	refuses(t, []refusal{
		{"", []string{"memcachedNodes: no memcached node", "apps: no app", "hint: apps: [app1="}},
		{good + "listen: 8080", []string{"listen: ", `"8080"`, "127.0.0.1:8080"}},
		{good + "listen: ''", []string{"listen: no address", "hint: listen: 127"}},
		{good + "listen:", []string{"listen: no value", `default "127.0.0.1:8080"`}},
		{good + "listen: http://x", []string{"listen: ", `"http://x"`, "host:port"}},
		{good + "listen: h:99999", []string{"listen: ", `"99999"`, "65535"}},
		{good + "adminListen: 0.0.0.0:1", []string{"adminListen: ", `"0.0.0.0:1"`, "adminPublic: true"}},
		{good + "adminListen: :1", []string{"adminListen: ", `":1"`, "adminPublic: true"}},
		{good + "adminListen: example.com:1", []string{"adminListen: ", "adminPublic: true"}},
		{good + "adminListen: 127.0.0.1:8080", []string{"adminListen: ", "listen's address"}},
		{good + "adminPublic: yes", []string{"adminPublic: ", `"yes"`, "true or false"}},
	})
}

func TestRefusesNodes(t *testing.T) {
	refuses(t, []refusal{
		{"apps: a=http://h:9\nmemcachedNodes: h:1,h:2", []string{"memcachedNodes: ", `"h:1"`, `"h:2"`, "no id"}},
		{"apps: a=http://h:9\nmemcachedNodes: {N1: 'h:1'}", []string{"memcachedNodes: ", "a list has dashes", "n1:127.0.0.1:11211"}},
		{"apps: a=http://h:9\nmemcachedNodes:\n  - n1: h:1", []string{"memcachedNodes: ", "n1", "without a space after a colon"}},
		{"apps: a=http://h:9\nmemcachedNodes: 5", []string{"memcachedNodes: ", `"5"`, "id:host:port"}},
		{"apps: a=http://h:9\nmemcachedNodes: n1:8.8.8.8:1,n2:[2001:db8::1]:1", []string{"memcachedNodes: ", `"8.8.8.8:1"`, `"[2001:db8::1]:1"`, "allowPlaintext: true"}},
		{good + "failoverNodes: n3", []string{"failoverNodes: ", `"n3"`}},
		{good + "failoverNodes: [n1, n2]", []string{"failoverNodes: ", "leave at least one"}},
		{good + "replicas: 2", []string{`replicas: "2"`, "comes with a later version; use 0 or 1"}},
		{good + "replicas: all", []string{`replicas: "all"`, "use 0 or 1"}},
		{good + "operationTimeout: 1000", []string{`operationTimeout: "1000" has no unit`, "msm counted milliseconds here: write 1000ms"}},
		{good + "operationTimeout: '1000'", []string{`operationTimeout: "1000" has no unit`, "write 1000ms"}},
		{good + "operationTimeout: 0", []string{`operationTimeout: "0" is out of range`, "1ms to 10s"}},
		{good + "operationTimeout: 11s", []string{`operationTimeout: "11s" is out of range`, "1ms to 10s"}},
		{good + "operationTimeout: soon", []string{`operationTimeout: "soon" is not a duration`, "100ms"}},
		{good + "operationTimeout: [1s]", []string{"operationTimeout: ", `"1s" is a list`, "single value"}},
		{good + "operationTimeout: {a: 1}", []string{"operationTimeout: ", "single value"}},
		{good + "maxNodeConnections: 0", []string{`maxNodeConnections: "0"`, "1 to 4096"}},
		{good + "maxNodeConnections: many", []string{`maxNodeConnections: "many"`, "1 to 4096"}},
		{good + "maxNodeConnections: 1.5", []string{`maxNodeConnections: "1.5"`, "whole number"}},
	})
}

func TestRefusesApps(t *testing.T) {
	refuses(t, []refusal{
		{twoNodes + "apps: []", []string{"apps: no app", "app1=http://127.0.0.1:9001"}},
		{twoNodes + "apps: {A: 'http://h:1'}", []string{"apps: ", "a list has dashes", "app1=http://127.0.0.1:9001"}},
		{twoNodes + "apps: http://h:1", []string{`apps: "http://h:1" has no id`, "app1=http"}},
		{twoNodes + "apps: http://h:1/?a=b", []string{"apps: ", "has no id"}},
		{twoNodes + "apps: a.b=http://h:1", []string{`apps: id "a.b"`, "A-Z a-z 0-9 _ -"}},
		{twoNodes + "apps: a=ftp://h:1", []string{"apps: ", `"a=ftp://h:1"`, "http:// or https://"}},
		{twoNodes + "apps: a=h:1", []string{"apps: ", `"a=h:1"`, "http:// or https://"}},
		{twoNodes + "apps: a=http://:1", []string{"apps: ", `"a=http://:1"`, "needs a host"}},
		{twoNodes + "apps: a=http://u:secret@h:1", []string{"apps: ", `"a=http://u:xxxxx@h:1"`, "no user"}},
		{twoNodes + "apps: a=http://h:1/x", []string{"apps: ", `"a=http://h:1/x"`, "no path"}},
		{twoNodes + "apps: a=http://h:1?", []string{"apps: ", `"a=http://h:1?"`, "no query"}},
		{twoNodes + "apps: a=http://h:99999", []string{"apps: ", `"a=http://h:99999"`, "1 to 65535"}},
		{twoNodes + "apps: a=http://h:x", []string{"apps: ", `"a"`, "a=http://127.0.0.1:9001"}},
		{twoNodes + "apps: a=http://h:1,a=http://h:2", []string{`apps: id "a" stands twice`, "its own"}},
		{twoNodes + "apps: a=http://h:1,b=http://H:1/", []string{`apps: "a" and "b"`, `"h:1"`, "once"}},
		{twoNodes + "apps: a=http://h,b=http://h:80", []string{`"a" and "b"`, `"h:80"`, "once"}},
		{twoNodes + "apps: a=http://127.0.0.1:8080", []string{"apps: ", `"a=http://127.0.0.1:8080"`, "another port"}},
		{twoNodes + "apps: a=http://localhost:80\nlisten: ':80'", []string{"apps: ", "another port"}},
		{good + "requestUriIgnorePattern: '(?!x)'", []string{"requestUriIgnorePattern: ", `"(?!x)"`, "look-around"}},
		{good + "requestUriIgnorePattern: 010", []string{`requestUriIgnorePattern: "8"`, "put it in quotes"}},
		{good + "ignoreMatch: uri", []string{`ignoreMatch: "uri"`, "path, msm"}},
	})
}

func TestRefusesLimits(t *testing.T) {
	refuses(t, []refusal{
		{good + "maxInactiveInterval: 1800", []string{`maxInactiveInterval: "1800" has no unit`, "write 1800s or 30m"}},
		{good + "maxInactiveInterval: 0", []string{`maxInactiveInterval: "0"`, "never expires", "such as 30m"}},
		{good + "maxInactiveInterval: -1", []string{`maxInactiveInterval: "-1"`, "never expires"}},
		{good + "maxInactiveInterval: -5s", []string{`maxInactiveInterval: "-5s"`, "never expires"}},
		{good + "maxInactiveInterval: 1ms", []string{`maxInactiveInterval: "1ms"`, "1s to"}},
		{good + "maxInactiveInterval: 1500ms", []string{`maxInactiveInterval: "1500ms"`, "whole seconds"}},
		{good + "maxInactiveInterval: 13h", []string{`maxLifetime: "12h" is less than maxInactiveInterval "13h"`, "0 for no limit"}},
		{good + "maxLifetime: -1h", []string{`maxLifetime: "-1h" is out of range`, "or 0"}},
		{good + "maxSessionSize: 1MiB", []string{`maxSessionSize: "1MiB" is out of range`, "1024 to 1000000 bytes"}},
		{good + "maxSessionSize: 9223372036854775807KiB", []string{"maxSessionSize: ", "out of range"}},
		{good + "maxSessionSize: -1", []string{`maxSessionSize: "-1"`, "out of range"}},
		{good + "maxSessionSize: large", []string{`maxSessionSize: "large"`, "64KiB"}},
		{good + "inlineMax: 255", []string{`inlineMax: "255"`, "256 to 65536"}},
		{good + "sessionBackupTimeout: 50ms", []string{`sessionBackupTimeout: "50ms" is less than operationTimeout "100ms"`, "hint"}},
		{good + "sessionBackupTimeout: 100", []string{`sessionBackupTimeout: "100" has no unit`, "write 100ms"}},
	})
}

func TestRefusesCookie(t *testing.T) {
	refuses(t, []refusal{
		{good + "cookieName: a b", []string{`cookieName: "a b"`, "letters"}},
		{good + "cookieName: 007", []string{`cookieName: "7"`, "quotes"}},
		{good + "cookieName: __Host-x", []string{`cookieName: "__Host-x"`, "plaintext", "trustedProxies"}},
		{good + "cookieName: __host-x\ncookieSecure: never", []string{`cookieName: "__host-x"`, "cookieSecure is never", "hint: set cookieSecure: auto"}},
		{good + "cookieName: __Secure-x\ncookieSecure: never\ntrustedProxies: ::1", []string{`cookieName: "__Secure-x"`, "never"}},
		{good + "cookieName: __Host-x\ncookieDomain: e.com\ncookieSecure: always", []string{`cookieName: "__Host-x"`, `cookieDomain "e.com"`, "remove one"}},
		{good + "cookieDomain: .e.com", []string{`cookieDomain: ".e.com"`, "example.com"}},
		{good + "cookieDomain: 127.0.0.1", []string{`cookieDomain: "127.0.0.1"`, "leave cookieDomain out"}},
		{good + "cookieDomain: 'e.com; Secure'", []string{`cookieDomain: "e.com; Secure"`, "example.com"}},
		{good + "cookieSameSite: None", []string{`cookieSameSite: "None"`, "without Secure", "trustedProxies"}},
		{good + "cookieSameSite: Laxx", []string{`cookieSameSite: "Laxx"`, "Lax, Strict, None", `did you mean "Lax"`}},
		{good + "cookiePartitioned: true", []string{`cookiePartitioned: "true"`, "without Secure"}},
		{good + "cookieSecure: true", []string{`cookieSecure: "true"`, "auto, always, never"}},
		{good + "cookieMaxAge: 3600", []string{`cookieMaxAge: "3600"`, "3600s or 60m"}},
		{good + "trustedProxies: [10.0.0.0/33, proxy]", []string{"trustedProxies: ", `"10.0.0.0/33"`, `"proxy"`, "10.0.0.0/8"}},
		{good + "trustedProxies: fe80::1%eth0", []string{"trustedProxies: ", `"fe80::1%eth0"`}},
	})
}

func TestRefusesChoices(t *testing.T) {
	refuses(t, []refusal{
		{good + "loadFailure: fail", []string{`loadFailure: "fail"`, "serve, reject"}},
		{good + "commitFailure: 1", []string{`commitFailure: "1"`, "auto, fail, serve"}},
		{good + "badPatch: serve", []string{`badPatch: "serve"`, "fail, ignore"}},
		{good + "logLevel: trace", []string{`logLevel: "trace"`, "debug, info, warn, error"}},
		{good + "logFormat: xml", []string{`logFormat: "xml"`, "auto, json, text"}},
		{good + "shutdownTimeout: 2026-01-02", []string{`shutdownTimeout: "2026-01-02`, "quotes"}},
		{good + "upstreamTimeout: nan", []string{`upstreamTimeout: "nan" is not a duration`}},
	})
}

func TestRefusesKeys(t *testing.T) {
	refuses(t, []refusal{
		{good + "failovernode: n2", []string{`unknown key "failovernode"`, "msmd.yaml", `did you mean "failoverNodes"?`}},
		{good + "wibble: 1", []string{`unknown key "wibble"`, "config.example.yaml lists all keys"}},
		{good + "session:\n  timeout: 1s", []string{`unknown key "session"`}},
		{good + "cookie.name: x", []string{`unknown key "cookie.name"`, `did you mean "cookieName"?`}},
		{good + "replicas: 1\nReplicas: 0", []string{`keys "Replicas" and "replicas"`, "write it once"}},
		{good + "Sticky: true", []string{`unknown key "Sticky"`, "non-sticky, which is correct behind any balancer"}},
		{good + "sessionBackupAsync: false", []string{`unknown key "sessionBackupAsync"`, "always stores before it answers"}},
		{good + "password: hunter2", []string{`unknown key "password"`, "private network"}},
	})
}

func TestRefusesYAML(t *testing.T) {
	refuses(t, []refusal{
		{"listen: a\nlisten: b\n", []string{`msmd.yaml" line 2`, `key "listen" already defined at line 1`, "only once"}},
		{"listen: 'x:1'\nrequestUriIgnorePattern: \".*\\.png\"\n", []string{`msmd.yaml" line 2`, "single quotes"}},
		{"\tlisten: x\n", []string{`msmd.yaml" line 1`, "not tabs"}},
		{"requestUriIgnorePattern: *.png\n", []string{`msmd.yaml" line 1`, "in quotes"}},
		{"listen: *x\n", []string{"msmd.yaml", "anchor", "in quotes"}},
		{"listen: a: b\n", []string{`msmd.yaml" line 1`, "in quotes"}},
		{"listen: 'a\n", []string{`msmd.yaml" line`, "closing quote"}},
		{"memcachedNodes=\"n1:h:1\"\nfailoverNodes=\"n2\"\n", []string{`msmd.yaml" line 1`, "one key a line", "XML"}},
		{"listen: x:1\napps: [a\nreplicas: 1\n", []string{`msmd.yaml" line 2`, "not closed"}},
		{"listen: x:1\ntrustedProxies: [::1]\n", []string{`msmd.yaml" line 2`, "starts with a colon needs quotes"}},
		{"listen: 'x:1' 'y'\n", []string{`msmd.yaml" line 1`, "after a closing one"}},
		{"listen: x:1\napps\n", []string{`msmd.yaml" line`, "key: value"}},
		{"- a\n", []string{"not a list of keys and values"}},
		{"# x\n---\n" + good + "--- # more\nlisten: x:1\n", []string{"line 5", "second document"}},
	})
}

func wantMessage(t testing.TB, input string, err error, want ...string) {
	t.Helper()
	for _, w := range want {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("%q: message\n%v\nlacks %q", input, err, w)
		}
	}
	if found := goWords().FindString(err.Error()); found != "" {
		t.Errorf("%q: message\n%v\nspeaks Go: %q", input, err, found)
	}
}

func TestLaterKeysHaveHints(t *testing.T) {
	for _, name := range strings.Fields(`sticky lockingMode lockExpiration sessionBackupAsync backupThreadCount
		sessionAttributeFilter storageKeyPrefix transcoder stickyMaxAge customConverter
		copyCollectionsForSerialization enabled enableStatistics memcachedProtocol username password`) {
		_, _, err := Load(writeFile(t, smallest+name+": x\n"), nil, nil)
		if err == nil {
			t.Errorf("%s: accepted", name)
			continue
		}
		wantMessage(t, name, err, `unknown key "`+name+`"`, "; hint: msmd")
		if strings.Contains(err.Error(), "did you mean") {
			t.Errorf("%s: message %v guesses", name, err)
		}
	}
}

func TestRefusesOtherPlaces(t *testing.T) {
	for _, tt := range []struct {
		environ, args, want []string
	}{
		{[]string{"MSMD_REPLICAS=x"}, nil, []string{`replicas (MSMD_REPLICAS): "x"`}},
		{[]string{"MSMD_FORWARDID=maybe"}, nil, []string{`forwardId (MSMD_FORWARDID): "maybe"`, "true or false"}},
		{[]string{"MSMD_FORWARD_ID=true", "MSMD_FORWARDID=false"}, nil, []string{`forwardId: MSMD_FORWARD_ID is "true" and MSMD_FORWARDID is "false"`, "set one"}},
		{nil, []string{"--maxNodeConnections=x"}, []string{`maxNodeConnections (--maxNodeConnections): "x"`}},
		{nil, []string{"--forwardId=maybe"}, []string{`forwardId (--forwardId): "maybe"`}},
		{nil, []string{"--listen="}, []string{"listen (--listen): no address"}},
	} {
		_, _, err := Load(writeFile(t, smallest), parseFlags(t, tt.args...), tt.environ)
		if err == nil {
			t.Errorf("%v %v: accepted", tt.environ, tt.args)
			continue
		}
		wantMessage(t, strings.Join(append(tt.environ, tt.args...), " "), err, tt.want...)
	}
}

func TestUnreadableFile(t *testing.T) {
	_, _, err := Load("/nonexistent/msmd.yaml", nil, nil)
	if err == nil {
		t.Fatal("Load of a missing file succeeded")
	}
	wantMessage(t, "missing file", err, `no configuration file "/nonexistent/msmd.yaml"`, "config.example.yaml")
	dir := t.TempDir()
	if _, _, err = Load(dir, nil, nil); err == nil {
		t.Fatal("Load of a directory succeeded")
	}
	wantMessage(t, "directory", err, dir, "is a directory")
}

func TestAllErrorsAtOnce(t *testing.T) {
	_, _, err := Load(writeFile(t, "listen: 1\nmemcachedNodes: h:1,h:2\napps: x\nreplicas: 9\nwibble: 1\n"), nil, nil)
	if err == nil {
		t.Fatal("accepted")
	}
	if got := strings.Count(err.Error(), "\n") + 1; got != 6 {
		t.Errorf("%d lines, want 6, one for each fault:\n%v", got, err)
	}
}

func FuzzLoad(f *testing.F) {
	f.Add(smallest, "MSMD_REPLICAS=1")
	f.Add("memcachedNodes:\n  - n1: h\n", "MSMD_APPS=a=http://h")
	f.Add("maxLifetime: -1\ntrustedProxies: [1, 2]\n", "MSMD_MAX_SESSION_SIZE=9e9")
	f.Fuzz(func(t *testing.T, yaml, variable string) {
		c, _, err := Load(writeFile(t, yaml), nil, []string{variable})
		if (c == nil) != (err != nil) {
			t.Errorf("Load = %v, %v", c, err)
		}
		if c != nil {
			if err := c.Check(&strings.Builder{}, nil); err != nil {
				t.Error(err)
			}
		}
	})
}
