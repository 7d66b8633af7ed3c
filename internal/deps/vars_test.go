package deps

import (
	"fmt"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"os"
	"path/filepath"
	"testing"
)

// TestNoInit: what runs before main cannot be tested or ordered.
func TestNoInit(t *testing.T) { forEach(t, checkInit) }

func checkInit(s source) []string {
	var bad []string
	for _, f := range s.files {
		for _, d := range f.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok && fn.Recv == nil && fn.Name.Name == "init" {
				bad = append(bad, s.at(fn.Pos())+": func init")
			}
		}
	}
	return bad
}

func TestNoInitCatches(t *testing.T) {
	catches(t, "init", checkInit(memory(t, "package p\nfunc init() {}")), "p/0.go:2: func init")
	catches(t, "method", checkInit(memory(t, "package p\ntype t int\nfunc (t) init() {}")), "")
}

// TestNoMutableVariables: a package variable keeps the value of its
// declaration, so that two managers in a process share nothing.
func TestNoMutableVariables(t *testing.T) {
	ours, exports := load(t)
	for _, p := range ours {
		if len(p.GoFiles) == 0 {
			continue // only tests
		}
		s := source{path: p.path(), name: p.Name, fset: token.NewFileSet()}
		for _, name := range p.GoFiles { // without those of other platforms, which would not type-check
			f, err := parser.ParseFile(s.fset, filepath.Join(p.Dir, name), nil, parser.SkipObjectResolution)
			if err != nil {
				t.Fatal(err)
			}
			s.files = append(s.files, f)
		}
		for _, violation := range checkVariables(t, s, exports) {
			t.Error(violation)
		}
	}
}

// checkVariables reports each place where a package variable, of any package,
// may be changed: it is assigned to, itself or an element or field of it, or
// its address is taken, with & or by calling a method with a pointer receiver.
func checkVariables(t *testing.T, s source, exports map[string]string) []string {
	t.Helper()
	info := &types.Info{
		Uses: map[*ast.Ident]types.Object{}, Selections: map[*ast.SelectorExpr]*types.Selection{}, Types: map[ast.Expr]types.TypeAndValue{},
	}
	lookup := func(path string) (io.ReadCloser, error) { return os.Open(exports[path]) }
	conf := types.Config{Importer: importer.ForCompiler(s.fset, "gc", lookup)}
	if _, err := conf.Check(s.path, s.fset, s.files, info); err != nil {
		t.Fatalf("type-check %s: %v", s.path, err)
	}
	v := &varVisitor{s: s, info: info}
	for _, f := range s.files {
		ast.Inspect(f, v.visit)
	}
	return v.bad
}

type varVisitor struct {
	s    source
	info *types.Info
	bad  []string
}

func (v *varVisitor) visit(n ast.Node) bool {
	switch n := n.(type) {
	case *ast.AssignStmt:
		for _, e := range n.Lhs {
			v.changed(e, "is assigned to")
		}
	case *ast.IncDecStmt:
		v.changed(n.X, "is assigned to")
	case *ast.RangeStmt:
		v.changed(n.Key, "is assigned to")
		v.changed(n.Value, "is assigned to")
	case *ast.UnaryExpr:
		if n.Op == token.AND {
			v.changed(n.X, "has its address taken")
		}
	case *ast.SliceExpr:
		if _, ok := v.info.TypeOf(n.X).Underlying().(*types.Array); ok {
			v.changed(n.X, "has its address taken")
		}
	case *ast.CallExpr:
		v.builtin(n)
	case *ast.SelectorExpr:
		v.method(n)
	}
	return true
}

// builtin reports calls that change their first argument.
func (v *varVisitor) builtin(call *ast.CallExpr) {
	id, ok := call.Fun.(*ast.Ident)
	if !ok {
		return
	}
	if b, ok := v.info.Uses[id].(*types.Builtin); ok && (b.Name() == "delete" || b.Name() == "clear" || b.Name() == "copy") {
		v.changed(call.Args[0], "is changed by "+b.Name())
	}
}

// method reports x.m where m wants the address of x.
func (v *varVisitor) method(sel *ast.SelectorExpr) {
	selection := v.info.Selections[sel]
	if selection == nil || selection.Kind() != types.MethodVal {
		return
	}
	fn, ok := selection.Obj().(*types.Func)
	if !ok {
		return
	}
	_, wantsPointer := fn.Signature().Recv().Type().(*types.Pointer)
	_, isPointer := v.info.TypeOf(sel.X).Underlying().(*types.Pointer)
	if wantsPointer && !isPointer {
		v.changed(sel.X, "has its address taken by "+fn.Name())
	}
}

// changed reports e if it is a package variable or a part of one.
func (v *varVisitor) changed(e ast.Expr, how string) {
	for {
		switch x := e.(type) {
		case *ast.ParenExpr:
			e = x.X
		case *ast.IndexExpr:
			e = x.X
		case *ast.SliceExpr:
			e = x.X
		case *ast.StarExpr:
			e = x.X
		case *ast.SelectorExpr:
			if v.info.Selections[x] == nil { // a name of another package
				e = x.Sel
				continue
			}
			e = x.X
		case *ast.Ident:
			obj, ok := v.info.Uses[x].(*types.Var)
			if ok && obj.Pkg() != nil && obj.Parent() == obj.Pkg().Scope() {
				v.bad = append(v.bad, fmt.Sprintf("%s: package variable %s %s", v.s.at(x.Pos()), x.Name, how))
			}
			return
		default:
			return
		}
	}
}

func TestNoMutableVariablesCatches(t *testing.T) {
	_, exports := load(t)
	const vars = "package p\nimport (\"sync\"; \"os\")\nvar n int\nvar m = map[string]int{}\nvar s []int\nvar a [2]int\n" +
		"var p *struct{ f int }\nvar mu sync.Mutex\nvar once = sync.OnceValue(func() int { return 1 })\nvar _ = os.Args\n"
	for _, tt := range []struct{ body, says string }{
		{"n = 1", "n is assigned to"},
		{"n++", "n is assigned to"},
		{"n += 2", "n is assigned to"},
		{"var x int; x, n = 1, 2; _ = x", "n is assigned to"},
		{"for n = range 3 {}", "n is assigned to"},
		{"func() { n = 1 }()", "n is assigned to"},
		{"m[\"a\"] = 1", "m is assigned to"},
		{"delete(m, \"a\")", "m is changed by delete"},
		{"clear(s)", "s is changed by clear"},
		{"copy(s[1:], s)", "s is changed by copy"},
		{"(s)[0]++", "s is assigned to"},
		{"a[0] = 1", "a is assigned to"},
		{"_ = a[:]", "a has its address taken"},
		{"_ = &n", "n has its address taken"},
		{"_ = &s[0]", "s has its address taken"},
		{"p.f = 1", "p is assigned to"},
		{"*p = struct{ f int }{}", "p is assigned to"},
		{"mu.Lock()", "mu has its address taken by Lock"},
		{"os.Args = nil", "Args is assigned to"},
		{"_, _ = n, m[\"a\"]; _ = once(); _ = len(s); for range s {}", ""},
		{"n := 1; n++; _ = &n", ""},
		{"m := m; _ = m", ""},
		{"var mu sync.Mutex; mu.Lock()", ""},
	} {
		s := memory(t, vars+"func f() {\n"+tt.body+"\n}")
		catches(t, tt.body, checkVariables(t, s, exports), tt.says)
	}
}
