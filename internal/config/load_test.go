package config

import (
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/spf13/pflag"

	"github.com/msmd/msmd/pkg/nodes"
)

const smallest = `listen: 127.0.0.1:8080
memcachedNodes: n1:127.0.0.1:11211,n2:127.0.0.1:11212
apps: [app1=http://127.0.0.1:9001, app2=http://127.0.0.1:9002]
requestUriIgnorePattern: '.*\.(ico|png|gif|jpg|css|js)$'
`

func writeFile(t testing.TB, content string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "msmd.yaml")
	if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func mustLoad(t testing.TB, content string, flags *pflag.FlagSet, environ ...string) *Config {
	t.Helper()
	c, _, err := Load(writeFile(t, content), flags, environ)
	if err != nil {
		t.Fatalf("Load of\n%s\ngave %v", content, err)
	}
	return c
}

func TestSmallestFile(t *testing.T) {
	c := mustLoad(t, smallest, nil)
	wantNodes := []nodes.Spec{{ID: "n1", Addr: "127.0.0.1:11211"}, {ID: "n2", Addr: "127.0.0.1:11212"}}
	if !reflect.DeepEqual(c.Nodes, wantNodes) {
		t.Errorf("Nodes = %+v, want %+v", c.Nodes, wantNodes)
	}
	if len(c.Apps) != 2 || c.Apps[1].ID != "app2" || c.Apps[1].URL.String() != "http://127.0.0.1:9002" {
		t.Errorf("Apps = %+v", c.Apps)
	}
	if len(c.Warnings) != 0 {
		t.Errorf("Warnings = %q, want none", c.Warnings)
	}
	if c.Copies() != 1 || c.SecureCookieName() != "__Host-msmid" {
		t.Errorf("Copies, SecureCookieName = %d, %q", c.Copies(), c.SecureCookieName())
	}
	if c.Sources["apps"] != "file" || c.Sources["replicas"] != "default" {
		t.Errorf("Sources = %v", c.Sources)
	}
}

func TestDefaults(t *testing.T) {
	got := *mustLoad(t, "memcachedNodes: n1:localhost:11211,n2:localhost:11212\napps: a=http://localhost:1\n", nil)
	got.Nodes, got.Apps, got.Sources = nil, nil, nil
	want := Config{
		Listen: "127.0.0.1:8080", Replicas: 1, ReadMode: "both", OnPartition: "available", IgnoreMatch: "path",
		OperationTimeout: nodes.DefaultOperationTimeout, MaxNodeConnections: nodes.DefaultMaxConns,
		UpstreamTimeout: time.Minute, MaxInactiveInterval: 30 * time.Minute, MaxLifetime: 12 * time.Hour,
		MaxSessionSize: 524288, InlineMax: 4096, RotateGrace: 10 * time.Second, SessionBackupTimeout: time.Second,
		CookieName: "msmid", CookieSameSite: "Lax", CookieSecure: "auto",
		LoadFailure: "serve", CommitFailure: "auto", BadPatch: "fail",
		ShutdownTimeout: 10 * time.Second, LogLevel: slog.LevelInfo, LogFormat: "auto",
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("defaults:\n got %+v\nwant %+v", got, want)
	}
}

// otherValues has a value for each key that is not its default.
func otherValues() map[string]string {
	return map[string]string{
		"listen": ":80", "adminListen": "0.0.0.0:81", "adminPublic": "true",
		"memcachedNodes": "a:h1:1,b:h2:2", "failoverNodes": "b", "replicas": "0", "readMode": "primary", "onPartition": "strict", "operationTimeout": "20ms",
		"maxNodeConnections": "7", "allowPlaintext": "true",
		"apps": "x=https://h:1,y=http://[::1]:2/", "upstreamTimeout": "5s", "forwardId": "true",
		"requestUriIgnorePattern": `/s/.*`, "ignoreMatch": "msm",
		"maxInactiveInterval": "90s", "maxLifetime": "0", "rotateGrace": "0", "maxSessionSize": "64KB", "inlineMax": "1KiB",
		"sessionBackupTimeout": "2s",
		"cookieName":           "sid", "cookieDomain": "example.com", "cookieSameSite": "none", "cookieSecure": "always",
		"cookiePartitioned": "true", "cookieMaxAge": "24h", "trustedProxies": "10.1.2.3/8,::1",
		"loadFailure": "reject", "commitFailure": "fail", "badPatch": "ignore",
		"shutdownTimeout": "0", "logLevel": "debug", "logFormat": "json",
	}
}

// TestEveryKey gives each key another value than its default, in the file, in
// the environment and by flag: what the three make of it must be the same.
func TestEveryKey(t *testing.T) {
	values := otherValues()
	var yaml strings.Builder
	var environ, args []string
	for _, k := range (&loader{c: &Config{}}).keys() {
		v, ok := values[k.name]
		if !ok {
			t.Fatalf("no value for key %s", k.name)
		}
		if strings.ContainsAny(v, ":*") {
			v = "'" + v + "'"
		}
		yaml.WriteString(k.name + ": " + v + "\n")
		environ = append(environ, envNames(k.name)[0]+"="+values[k.name])
		args = append(args, "--"+k.name+"="+values[k.name])
	}
	byFile := mustLoad(t, yaml.String(), nil)
	byEnv := mustLoad(t, "", nil, environ...)
	byFlag := mustLoad(t, "", parseFlags(t, args...))
	for name := range values {
		if byFile.Sources[name] != "file" || byEnv.Sources[name] != "environment" || byFlag.Sources[name] != "flag" {
			t.Errorf("sources of %s: %s, %s, %s", name, byFile.Sources[name], byEnv.Sources[name], byFlag.Sources[name])
		}
	}
	byFile.Sources, byEnv.Sources, byFlag.Sources = nil, nil, nil
	if !reflect.DeepEqual(byFile, byEnv) || !reflect.DeepEqual(byFile, byFlag) {
		t.Errorf("file        %+v\nenvironment %+v\nflags       %+v", byFile, byEnv, byFlag)
	}
	differsEverywhere(t, byFile, mustLoad(t, smallest, nil))
	if want := netip.MustParsePrefix("10.0.0.0/8"); byFile.TrustedProxies[0] != want {
		t.Errorf("TrustedProxies[0] = %v, want %v", byFile.TrustedProxies[0], want)
	}
	if byFile.MaxSessionSize != 64000 || byFile.InlineMax != 1024 || byFile.CookieSameSite != SameSiteNone {
		t.Errorf("sizes %d, %d; SameSite %s", byFile.MaxSessionSize, byFile.InlineMax, byFile.CookieSameSite)
	}
}

// differsEverywhere finds the field that no key sets.
func differsEverywhere(t testing.TB, c, defaults *Config) {
	t.Helper()
	a, b := reflect.ValueOf(*c), reflect.ValueOf(*defaults)
	for i := range a.NumField() {
		name := a.Type().Field(i).Name
		if name == "Sources" || name == "Warnings" {
			continue
		}
		if reflect.DeepEqual(a.Field(i).Interface(), b.Field(i).Interface()) {
			t.Errorf("%s is still the default", name)
		}
	}
}

func parseFlags(t testing.TB, args ...string) *pflag.FlagSet {
	t.Helper()
	flags := pflag.NewFlagSet("msmd", pflag.ContinueOnError)
	AddFlags(flags)
	if err := flags.Parse(args); err != nil {
		t.Fatal(err)
	}
	return flags
}

func TestPrecedence(t *testing.T) {
	file := smallest + "operationTimeout: 20ms\n"
	for _, tt := range []struct {
		environ, args []string
		want          time.Duration
		source        string
	}{
		{nil, nil, 20 * time.Millisecond, "file"},
		{[]string{"MSMD_OPERATION_TIMEOUT=30ms"}, nil, 30 * time.Millisecond, "environment"},
		{[]string{"MSMD_OPERATIONTIMEOUT=30ms"}, nil, 30 * time.Millisecond, "environment"},
		{[]string{"MSMD_OPERATIONTIMEOUT=30ms", "MSMD_OPERATION_TIMEOUT=30ms"}, nil, 30 * time.Millisecond, "environment"},
		{[]string{"MSMD_OPERATION_TIMEOUT="}, nil, 20 * time.Millisecond, "file"},
		{[]string{"MSMD_OPERATION_TIMEOUT=30ms"}, []string{"--operationTimeout=40ms"}, 40 * time.Millisecond, "flag"},
		{nil, []string{"--operationTimeout=100ms"}, 100 * time.Millisecond, "flag"}, // the default, given
	} {
		c := mustLoad(t, file, parseFlags(t, tt.args...), tt.environ...)
		if c.OperationTimeout != tt.want || c.Sources["operationTimeout"] != tt.source {
			t.Errorf("%v %v: %v from %s, want %v from %s", tt.environ, tt.args,
				c.OperationTimeout, c.Sources["operationTimeout"], tt.want, tt.source)
		}
	}
	c, _, err := Load("", parseFlags(t, "--apps=a=http://h:1", "--apps=b=http://h:2", "--memcachedNodes=h:1", "--forwardId"), nil)
	if err != nil || len(c.Apps) != 2 || !c.ForwardID {
		t.Errorf("Load from flags alone = %+v, %v", c, err)
	}
}

func TestPortZeroTwice(t *testing.T) {
	c := mustLoad(t, smallest, parseFlags(t, "--listen=127.0.0.1:0", "--adminListen=127.0.0.1:0"))
	if c.Listen != c.AdminListen {
		t.Errorf("Listen, AdminListen = %q, %q", c.Listen, c.AdminListen)
	}
}

func TestListForms(t *testing.T) {
	for _, form := range []string{
		"memcachedNodes: n1:h:1,n2:h:2",
		"memcachedNodes: n1:h:1 n2:h:2",
		"memcachedNodes: 'n1:h:1, n2:h:2'",
		"memcachedNodes: [n1:h:1, n2:h:2]",
		"MEMCACHEDNODES:\n  - n1:h:1\n  - n2:h:2",
		"memcachedNodes:\n  n1:h:1\n  n2:h:2",
	} {
		c := mustLoad(t, form+"\napps: a=http://h:1,b=http://h:2\n", nil)
		if len(c.Nodes) != 2 || c.Nodes[1].ID != "n2" || len(c.Apps) != 2 {
			t.Errorf("%q: nodes %+v, apps %+v", form, c.Nodes, c.Apps)
		}
	}
}

// TestSeedManager loads the attributes of the tutorial's Manager element.
func TestSeedManager(t *testing.T) {
	c := mustLoad(t, `className: "de.javakaffee.web.msm.MemcachedBackupSessionManager"
memcachedNodes: "n1:192.168.0.6:11211,n2:192.168.0.7:11211"
failoverNodes: "n2"
requestUriIgnorePattern: '.*\.(ico|png|gif|jpg|css|js)$'
transcoderFactoryClass: "de.javakaffee.web.msm.serializer.javolution.JavolutionTranscoderFactory"
apps: tomcat1=http://192.168.0.8:8080
`, nil)
	if !c.Nodes[1].Failover || c.Nodes[0].Failover {
		t.Errorf("Nodes = %+v", c.Nodes)
	}
	wantWarnings(t, c.Warnings, "className: ignored", "transcoderFactoryClass: ignored", "CBOR", "192.168.0.6:11211, 192.168.0.7:11211 unencrypted")
}

func TestWarnings(t *testing.T) {
	for _, tt := range []struct {
		yaml    string
		environ []string
		want    string
	}{
		{"memcachedNodes: h:1", nil, "one node alone"},
		{"memcachedNodes: n1:h:1,n2:h:2\nreplicas: 0", nil, "replicas: 0"},
		{"memcachedNodes: n1:10.0.0.1:1,n2:h:2", nil, "10.0.0.1:1 unencrypted"},
		{"memcachedNodes: n1:[fd00::1]:1,n2:h:2", nil, "[fd00::1]:1 unencrypted"},
		{"memcachedNodes: n1:8.8.8.8:1,n2:h:2\nallowPlaintext: true", nil, "public network to 8.8.8.8:1"},
		{"memcachedNodes: n1:h:1,n2:h:2\ntrustedProxies: 0.0.0.0/0", nil, "everybody"},
		{"memcachedNodes: n1:h:1,n2:h:2\nadminListen: :81\nadminPublic: true", nil, "adminListen: :81"},
		{"memcachedNodes: n1:h:1,n2:h:2\ncookieMaxAge: 1m", nil, "cookieMaxAge: browsers forget the cookie after 1m"},
		{"memcachedNodes: n1:h:1,n2:h:2", []string{"MSMD_FAILOVER_NODE=n2"}, `MSMD_FAILOVER_NODE belongs to no key and is ignored; did you mean "MSMD_FAILOVER_NODES"?`},
		{"memcachedNodes: n1:h:1,n2:h:2", []string{"MSMD_SERVICE_HOST=1", "MSMD_PORT=2", "MSMDX=3"}, "MSMD_PORT, MSMD_SERVICE_HOST: no keys"},
	} {
		c := mustLoad(t, tt.yaml+"\napps: a=http://h:1\n", nil, tt.environ...)
		if len(c.Warnings) != 1 {
			t.Errorf("%q: warnings %q, want one", tt.yaml, c.Warnings)
		}
		wantWarnings(t, c.Warnings, tt.want)
	}
}

func wantWarnings(t testing.TB, warnings []string, want ...string) {
	t.Helper()
	all := strings.Join(warnings, "\n")
	for _, w := range want {
		if !strings.Contains(all, w) {
			t.Errorf("warnings\n%s\nlack %q", all, w)
		}
	}
}
