package config

import (
	"os"
	"reflect"
	"regexp"
	"strings"
	"testing"
)

const exampleFile = "../../config.example.yaml"

// commented finds the keys that stand at their defaults as comments.
func commented() *regexp.Regexp {
	return regexp.MustCompile(`(?m)^# ([a-zA-Z]+): *(.*)$`)
}

func readExample(t testing.TB) string {
	t.Helper()
	b, err := os.ReadFile(exampleFile)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// TestExampleFile holds config.example.yaml to the table of keys: every key is
// there, a commented one at its default, and nothing else.
func TestExampleFile(t *testing.T) {
	example := readExample(t)
	if !strings.HasPrefix(example, smallest) {
		t.Errorf("%s does not begin with the smallest file", exampleFile)
	}
	defaults := map[string]string{}
	for _, m := range commented().FindAllStringSubmatch(example, -1) {
		if _, ok := defaults[m[1]]; ok {
			t.Errorf("%s stands twice", m[1])
		}
		defaults[m[1]] = m[2]
	}
	active := regexp.MustCompile(`(?m)^([a-zA-Z]+):`)
	for _, m := range active.FindAllStringSubmatch(example, -1) {
		if _, ok := defaults[m[1]]; ok {
			t.Errorf("%s stands both active and commented", m[1])
		}
		defaults[m[1]] = "active"
	}
	for _, k := range (&loader{c: &Config{}}).keys() {
		got, ok := defaults[k.name]
		if !ok {
			t.Errorf("%s lacks key %s", exampleFile, k.name)
		}
		if got == `""` || got == "[]" {
			got = ""
		}
		if got != k.def && got != "active" {
			t.Errorf("%s has %s: %s, the default is %s", exampleFile, k.name, got, k.def)
		}
		if !strings.Contains(example, k.name) {
			t.Errorf("%s does not explain %s", exampleFile, k.name)
		}
		delete(defaults, k.name)
	}
	for name := range defaults {
		t.Errorf("%s has %s, which is no key", exampleFile, name)
	}
}

// TestExampleFileLoads loads it as it is and with every key enabled.
func TestExampleFileLoads(t *testing.T) {
	example := readExample(t)
	asIs := mustLoad(t, example, nil)
	enabled := mustLoad(t, commented().ReplaceAllString(example, "$1: $2"), nil)
	for name, source := range enabled.Sources {
		if source != fromFile {
			t.Errorf("with all comments taken away, %s comes from %s", name, source)
		}
	}
	asIs.Sources, enabled.Sources = nil, nil
	if !reflect.DeepEqual(asIs, enabled) {
		t.Errorf("defaults in %s change the configuration:\n as is   %+v\n enabled %+v", exampleFile, asIs, enabled)
	}
}

func TestEnvNames(t *testing.T) {
	for key, want := range map[string][2]string{
		"listen":                  {"MSMD_LISTEN", "MSMD_LISTEN"},
		"memcachedNodes":          {"MSMD_MEMCACHED_NODES", "MSMD_MEMCACHEDNODES"},
		"requestUriIgnorePattern": {"MSMD_REQUEST_URI_IGNORE_PATTERN", "MSMD_REQUESTURIIGNOREPATTERN"},
	} {
		if got := envNames(key); got != want {
			t.Errorf("envNames(%q) = %q, want %q", key, got, want)
		}
	}
}

func TestEditDistance(t *testing.T) {
	for _, tt := range []struct {
		a, b string
		want int
	}{
		{"", "", 0}, {"", "abc", 3}, {"abc", "", 3}, {"abc", "abc", 0}, {"abc", "acb", 1}, {"replica", "replicas", 1}, {"kitten", "sitting", 3},
	} {
		if got := editDistance(tt.a, tt.b); got != tt.want {
			t.Errorf("editDistance(%q, %q) = %d, want %d", tt.a, tt.b, got, tt.want)
		}
	}
}

func TestSecureCookieName(t *testing.T) {
	for _, tt := range []struct{ name, domain, secure, want string }{
		{"msmid", "", Auto, "__Host-msmid"},
		{"msmid", "", SecureAlways, "__Host-msmid"},
		{"msmid", "", SecureNever, "msmid"},
		{"msmid", "example.com", Auto, "msmid"},
		{"__Secure-x", "", Auto, "__Secure-x"},
		{"__host-x", "", Auto, "__host-x"},
	} {
		c := &Config{CookieName: tt.name, CookieDomain: tt.domain, CookieSecure: tt.secure}
		if got := c.SecureCookieName(); got != tt.want {
			t.Errorf("SecureCookieName of %+v = %q, want %q", tt, got, tt.want)
		}
	}
}
