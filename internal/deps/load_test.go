package deps

import (
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

const module = "github.com/msmd/msmd"

// listed is what go list says of a package.
type listed struct {
	ImportPath, Dir, Name, Export string

	GoFiles, CgoFiles, IgnoredGoFiles  []string
	TestGoFiles, XTestGoFiles          []string
	Imports, TestImports, XTestImports []string
	Deps                               []string // all that Imports lead to
	Module                             *struct{ Path string }
}

// path returns the package's path within the module, "." for its root.
func (p *listed) path() string {
	return strings.TrimPrefix(strings.TrimPrefix(p.ImportPath, module), "/")
}

// ours reports whether the package is one of this module.
func (p *listed) ours() bool { return p.Module != nil && p.Module.Path == module }

// list runs go list once for all tests, on all packages of the module and on
// what they import.
var list = sync.OnceValues(func() ([]*listed, error) {
	cmd := exec.Command("go", "list", "-deps", "-export",
		"-json=ImportPath,Dir,Name,Export,GoFiles,CgoFiles,IgnoredGoFiles,TestGoFiles,XTestGoFiles,Imports,TestImports,XTestImports,Deps,Module", "./...")
	cmd.Dir = "../.."
	out, err := cmd.Output()
	if exit := new(exec.ExitError); errors.As(err, &exit) {
		return nil, fmt.Errorf("go list: %w\n%s", err, exit.Stderr)
	}
	if err != nil {
		return nil, err
	}
	var all []*listed
	for d := json.NewDecoder(strings.NewReader(string(out))); ; {
		p := new(listed)
		if err := d.Decode(p); errors.Is(err, io.EOF) {
			return all, nil
		} else if err != nil {
			return nil, err
		}
		all = append(all, p)
	}
})

// load returns the packages of this module, and the files of export data of
// all packages, by import path.
func load(t *testing.T) (ours []*listed, exports map[string]string) {
	t.Helper()
	all, err := list()
	if err != nil {
		t.Fatal(err)
	}
	exports = map[string]string{}
	for _, p := range all {
		exports[p.ImportPath] = p.Export
		if p.ours() {
			ours = append(ours, p)
		}
	}
	if len(ours) < 10 {
		t.Fatalf("go list found %d packages of %s", len(ours), module)
	}
	return ours, exports
}

// source is the parsed files of a package, without its tests unless it has
// nothing else.
type source struct {
	path  string // within the module
	name  string
	fset  *token.FileSet
	files []*ast.File
}

// parse parses the files of p that are not tests, those of other platforms
// too; of a package that is only tests, the tests.
func parse(t *testing.T, p *listed) source {
	t.Helper()
	all := slices.Concat(p.GoFiles, p.CgoFiles, p.IgnoredGoFiles, p.TestGoFiles, p.XTestGoFiles)
	names := slices.DeleteFunc(slices.Clone(all), func(name string) bool { return strings.HasSuffix(name, "_test.go") })
	if len(names) == 0 {
		names = all
	}
	s := source{path: p.path(), name: p.Name, fset: token.NewFileSet()}
	for _, name := range names {
		f, err := parser.ParseFile(s.fset, filepath.Join(p.Dir, name), nil, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		s.files = append(s.files, f)
	}
	return s
}

// memory parses texts as the files of package p, for showing that a rule can
// fail.
func memory(t *testing.T, texts ...string) source {
	t.Helper()
	s := source{path: "p", name: "p", fset: token.NewFileSet()}
	for i, text := range texts {
		f, err := parser.ParseFile(s.fset, fmt.Sprintf("p/%d.go", i), text, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		s.files = append(s.files, f)
	}
	return s
}

// at returns the place of pos as file:line.
func (s source) at(pos token.Pos) string {
	p := s.fset.Position(pos)
	return fmt.Sprintf("%s/%s:%d", s.path, filepath.Base(p.Filename), p.Line)
}

// forEach runs a rule on every package of the module.
func forEach(t *testing.T, rule func(source) []string) {
	t.Helper()
	ours, _ := load(t)
	for _, p := range ours {
		for _, violation := range rule(parse(t, p)) {
			t.Error(violation)
		}
	}
}

// catches checks that the rule finds exactly one violation, with that text in
// it, or none if says is "".
func catches(t *testing.T, name string, violations []string, says string) {
	t.Helper()
	switch {
	case says == "" && len(violations) > 0:
		t.Errorf("%s: caught without reason: %q", name, violations)
	case says != "" && (len(violations) != 1 || !strings.Contains(violations[0], says)):
		t.Errorf("%s: got %q, want one violation that says %q", name, violations, says)
	}
}
