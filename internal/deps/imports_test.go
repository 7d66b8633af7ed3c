package deps

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// rule is what one package may import.
type rule struct {
	pkg    string   // path within the module; with /... those below it too
	ours   []string // packages of this module
	third  []string // other modules
	tests  []string // other modules in its tests, besides third
	noHTTP bool     // net/http not even through others
}

// Third-party modules. Each is imported in one place; bench may go around
// pkg/nodes.
const (
	cbor       = "github.com/fxamacker/cbor/v2"
	chi        = "github.com/go-chi/chi/v5"
	cobra      = "github.com/spf13/cobra"
	dockertest = "github.com/ory/dockertest/v3"
	fsnotify   = "github.com/fsnotify/fsnotify"
	gomemcache = "github.com/bradfitz/gomemcache"
	httpsfv    = "github.com/dunglas/httpsfv"
	jsonpatch  = "github.com/evanphx/json-patch/v5"
	porcupine  = "github.com/anishathalye/porcupine"
	mapstruct  = "github.com/go-viper/mapstructure/v2"
	pflag      = "github.com/spf13/pflag"
	viper      = "github.com/spf13/viper"
)

// rules is the picture in docs/ARCHITECTURE.md as a table: imports point down,
// from cmd to internal to manager to the leaves.
func rules() []rule {
	leaves := []string{"pkg/sessionid", "pkg/ignore", "pkg/transcoder", "pkg/nodes"}
	public := append([]string{"pkg/manager"}, leaves...)
	return []rule{
		{pkg: "pkg/sessionid", noHTTP: true},
		{pkg: "pkg/ignore", noHTTP: true},
		{pkg: "pkg/transcoder", third: []string{cbor}, noHTTP: true},
		{pkg: "pkg/transcoder/transcodertest", ours: []string{"pkg/transcoder"}, noHTTP: true},
		{pkg: "pkg/nodes", third: []string{gomemcache}, noHTTP: true},
		{pkg: "pkg/manager", ours: leaves, third: []string{jsonpatch}, tests: []string{gomemcache}},

		{pkg: "internal/proxy"},
		{pkg: "internal/demo"},
		{pkg: "internal/memcached", tests: []string{gomemcache}, noHTTP: true},
		{pkg: "internal/memcached/memcachedtest", ours: []string{"internal/memcached"}, third: []string{dockertest}, tests: []string{gomemcache}},
		{pkg: "internal/appheader", ours: []string{"pkg/manager"}, third: []string{httpsfv}},
		{pkg: "internal/admin", ours: public, third: []string{chi}},
		{pkg: "internal/sessionapi", ours: public, third: []string{chi}},
		{pkg: "internal/config", ours: leaves, third: []string{viper, mapstruct, pflag, fsnotify}},
		{pkg: "internal/deps"},
		{pkg: "internal/model", noHTTP: true},
		{pkg: "internal/relay", noHTTP: true},

		{pkg: "cmd/msmd", third: []string{cobra, pflag, chi}, ours: append(public,
			"internal/admin", "internal/appheader", "internal/config", "internal/demo", "internal/memcached", "internal/proxy", "internal/sessionapi")},
		{pkg: "bench/...", ours: public, third: []string{gomemcache}},
		{pkg: "e2e/...", ours: public, tests: []string{porcupine}},
	}
}

// testOnly are packages that only test files may import, and std packages
// that have no place in a program.
func testOnly() []string {
	return []string{module + "/internal/memcached/memcachedtest", module + "/pkg/transcoder/transcodertest", dockertest, "testing", "net/http/httptest"}
}

func TestImports(t *testing.T) {
	ours, _ := load(t)
	for _, violation := range checkImports(ours, rules()) {
		t.Error(violation)
	}
}

func checkImports(pkgs []*listed, rules []rule) []string {
	var bad []string
	for _, p := range pkgs {
		r, ok := ruleFor(p.path(), rules)
		if !ok {
			bad = append(bad, fmt.Sprintf("%s has no line in the table of rules", p.path()))
			continue
		}
		for _, imp := range p.Imports {
			if !allowed(imp, r.ours, r.third) {
				bad = append(bad, fmt.Sprintf("%s may not import %s", p.path(), imp))
			}
		}
		for _, imp := range slices.Concat(p.TestImports, p.XTestImports) {
			if third := append(slices.Clone(r.third), append(r.tests, chi)...); !allowedInTests(imp, third) {
				bad = append(bad, fmt.Sprintf("tests of %s may not import %s", p.path(), imp))
			}
		}
		bad = append(bad, checkReach(p, r)...)
	}
	return bad
}

func ruleFor(path string, rules []rule) (rule, bool) {
	for _, r := range rules {
		if below, ok := strings.CutSuffix(r.pkg, "/..."); ok && (path == below || strings.HasPrefix(path, below+"/")) || r.pkg == path {
			return r, true
		}
	}
	return rule{}, false
}

// allowed reports whether an import is of std, or one of those given.
func allowed(imp string, ours, third []string) bool {
	if path, ok := strings.CutPrefix(imp, module+"/"); ok {
		return slices.Contains(ours, path)
	}
	first, _, _ := strings.Cut(imp, "/")
	return !strings.Contains(first, ".") || slices.ContainsFunc(third, func(m string) bool { return within(imp, m) })
}

// allowedInTests: tests may use any package of ours but a command.
func allowedInTests(imp string, third []string) bool {
	if path, ok := strings.CutPrefix(imp, module+"/"); ok {
		return !strings.HasPrefix(path, "cmd/")
	}
	return allowed(imp, nil, third)
}

func within(imp, module string) bool {
	return imp == module || strings.HasPrefix(imp, module+"/")
}

// checkReach checks what a package reaches through others.
func checkReach(p *listed, r rule) []string {
	var bad []string
	for _, dep := range p.Deps {
		if r.noHTTP && within(dep, "net/http") {
			bad = append(bad, fmt.Sprintf("%s reaches %s", p.path(), dep))
		}
		if p.Name != "main" {
			continue
		}
		for _, banned := range testOnly() {
			if within(dep, banned) {
				bad = append(bad, fmt.Sprintf("%s, a program, reaches %s", p.path(), dep))
			}
		}
	}
	return bad
}

// TestImportsCatches shows that each rule can fail.
func TestImportsCatches(t *testing.T) {
	rules := []rule{
		{pkg: "leaf", noHTTP: true, third: []string{cbor}, tests: []string{pflag}},
		{pkg: "mid", ours: []string{"leaf"}},
		{pkg: "cmd/x", ours: []string{"mid"}},
		{pkg: "bench/..."},
	}
	in := func(path string) string { return module + "/" + path }
	for _, tt := range []struct {
		name string
		p    listed
		says string
	}{
		{"nothing wrong", listed{ImportPath: in("mid"), Imports: []string{"net/http", in("leaf")}, Deps: []string{"net/http"}}, ""},
		{"unknown package", listed{ImportPath: in("new")}, "no line"},
		{"below a pattern", listed{ImportPath: in("bench/a")}, ""},
		{"not below a pattern", listed{ImportPath: in("benchmark")}, "no line"},
		{"arrow up", listed{ImportPath: in("leaf"), Imports: []string{in("mid")}}, "leaf may not import " + in("mid")},
		{"a command imported", listed{ImportPath: in("mid"), Imports: []string{in("cmd/x")}}, "may not import"},
		{"a command imported by a test", listed{ImportPath: in("mid"), TestImports: []string{in("cmd/x")}}, "tests of mid"},
		{"our package in a test", listed{ImportPath: in("leaf"), XTestImports: []string{in("mid")}}, ""},
		{"its third party", listed{ImportPath: in("leaf"), Imports: []string{cbor}}, ""},
		{"part of its third party", listed{ImportPath: in("leaf"), Imports: []string{cbor + "/x"}}, ""},
		{"another's third party", listed{ImportPath: in("mid"), Imports: []string{cbor}}, "may not import " + cbor},
		{"unknown third party", listed{ImportPath: in("mid"), Imports: []string{"rsc.io/quote"}}, "rsc.io/quote"},
		{"third party in a test", listed{ImportPath: in("mid"), XTestImports: []string{viper}}, "tests of mid"},
		{"third party of tests in a test", listed{ImportPath: in("leaf"), TestImports: []string{pflag, chi}}, ""},
		{"third party of tests elsewhere", listed{ImportPath: in("leaf"), Imports: []string{pflag}}, "leaf may not import"},
		{"net/http through another", listed{ImportPath: in("leaf"), Deps: []string{"net/http"}}, "reaches net/http"},
		{"part of net/http", listed{ImportPath: in("leaf"), Deps: []string{"net/http/httptrace"}}, "reaches net/http/httptrace"},
		{"test package in a program", listed{ImportPath: in("cmd/x"), Name: "main", Deps: []string{dockertest + "/docker"}}, "a program, reaches"},
		{"testing in a program", listed{ImportPath: in("cmd/x"), Name: "main", Deps: []string{"testing"}}, "a program, reaches"},
	} {
		catches(t, tt.name, checkImports([]*listed{&tt.p}, rules), tt.says)
	}
}
