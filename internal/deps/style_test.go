package deps

import (
	"fmt"
	"go/ast"
	"go/token"
	"regexp"
	"strings"
	"testing"
)

// The ceilings of style.md's budget. What stands much below them is normal.
const (
	maxFileLines = 400
	maxFuncLines = 70
)

// TestOnePackageComment: one file of each package says what it is for.
func TestOnePackageComment(t *testing.T) { forEach(t, checkPackageComment) }

func checkPackageComment(s source) []string {
	var with []*ast.File
	for _, f := range s.files {
		if f.Doc.Text() != "" {
			with = append(with, f)
		}
	}
	if len(with) != 1 {
		return []string{fmt.Sprintf("%s: %d files have a package comment, want one", s.path, len(with))}
	}
	begin := "Package " + s.name + " "
	if s.name == "main" {
		begin = "Command "
	}
	if !strings.HasPrefix(with[0].Doc.Text(), begin) {
		return []string{fmt.Sprintf("%s: the package comment does not begin with %q", s.at(with[0].Doc.Pos()), begin)}
	}
	return nil
}

func TestOnePackageCommentCatches(t *testing.T) {
	const with, without = "// Package p is.\npackage p", "package p"
	for name, tt := range map[string]struct {
		s    source
		says string
	}{
		"one":         {memory(t, with, without), ""},
		"none":        {memory(t, without), "0 files"},
		"two":         {memory(t, with, with), "2 files"},
		"build line":  {memory(t, with, "//go:build linux\n\npackage p"), ""},
		"not its own": {memory(t, "// Package q is.\npackage p"), "does not begin"},
	} {
		catches(t, name, checkPackageComment(tt.s), tt.says)
	}
}

// TestExportedNamesAreDocumented: the comment of an exported name begins with
// it. Names of a group may share the group's comment.
func TestExportedNamesAreDocumented(t *testing.T) { forEach(t, checkDocs) }

func checkDocs(s source) []string {
	if s.name == "main" || strings.HasSuffix(s.name, "_test") {
		return nil
	}
	var bad []string
	for _, f := range s.files {
		if strings.HasSuffix(s.fset.Position(f.Pos()).Filename, "_test.go") {
			continue
		}
		for _, d := range f.Decls {
			switch d := d.(type) {
			case *ast.FuncDecl:
				if d.Name.IsExported() && exportedReceiver(d) && !begins(d.Doc, d.Name.Name) {
					bad = append(bad, undocumented(s, d.Name))
				}
			case *ast.GenDecl:
				bad = append(bad, checkGroup(s, d)...)
			}
		}
	}
	return bad
}

func undocumented(s source, name *ast.Ident) string {
	return fmt.Sprintf("%s: no comment that begins with %s", s.at(name.Pos()), name.Name)
}

// exportedReceiver reports whether a function is none of a type that nobody
// outside sees.
func exportedReceiver(d *ast.FuncDecl) bool {
	if d.Recv == nil {
		return true
	}
	t := d.Recv.List[0].Type
	for {
		switch x := t.(type) {
		case *ast.StarExpr:
			t = x.X
		case *ast.IndexExpr:
			t = x.X
		case *ast.Ident:
			return x.IsExported()
		default:
			return true
		}
	}
}

func begins(doc *ast.CommentGroup, name string) bool {
	first, _, _ := strings.Cut(strings.ReplaceAll(doc.Text(), "\n", " "), " ")
	return strings.TrimRight(first, ",:.") == name
}

// checkGroup checks a declaration of types, constants or variables.
func checkGroup(s source, d *ast.GenDecl) []string {
	var bad []string
	above := "" // the comments of the group so far
	if d.Lparen.IsValid() {
		above = d.Doc.Text()
	}
	shared := above != "" && d.Tok != token.TYPE
	for _, spec := range d.Specs {
		switch spec := spec.(type) {
		case *ast.TypeSpec:
			if spec.Name.IsExported() && !begins(spec.Doc, spec.Name.Name) && !begins(d.Doc, spec.Name.Name) {
				bad = append(bad, undocumented(s, spec.Name))
			}
		case *ast.ValueSpec:
			above += spec.Doc.Text()
			for _, name := range spec.Names {
				ok := begins(spec.Doc, name.Name) || begins(spec.Comment, name.Name) ||
					!d.Lparen.IsValid() && begins(d.Doc, name.Name) || d.Lparen.IsValid() && (shared || mentions(above, name.Name))
				if name.IsExported() && !ok {
					bad = append(bad, undocumented(s, name))
				}
			}
		}
	}
	return bad
}

func mentions(text, name string) bool {
	return regexp.MustCompile(`\b` + regexp.QuoteMeta(name) + `\b`).MatchString(text)
}

func TestExportedNamesAreDocumentedCatches(t *testing.T) {
	for _, tt := range []struct{ text, says string }{
		{"func F() {}", "begins with F"},
		{"// F does.\nfunc F() {}", ""},
		{"// This is F.\nfunc F() {}", "begins with F"},
		{"func f() {}", ""},
		{"// T is.\ntype T int\nfunc (t *T) M() {}", "begins with M"},
		{"type t int\nfunc (t) M() {}", ""},
		{"type T int", "begins with T"},
		{"// T is.\ntype T int", ""},
		{"// Types of things.\ntype (\n\tT int\n)", "begins with T"},
		{"const C = 1", "begins with C"},
		{"// C is.\nconst C = 1", ""},
		{"// The kinds of thing.\nconst (\n\tA = 1\n\tB = 2\n)", ""},
		{"const (\n\t// A is one, B two.\n\tA = 1\n\tB = 2\n)", ""},
		{"const (\n\t// A is one.\n\tA = 1\n\tB = 2\n)", "begins with B"},
		{"var (\n\t// something\n\tv = 1\n\tV = 2\n)", "begins with V"},
		{"var ErrA = 1", "begins with ErrA"},
	} {
		catches(t, tt.text, checkDocs(memory(t, "package p\n"+tt.text)), tt.says)
	}
}

// TestSizes: no file and no function is above the ceiling.
func TestSizes(t *testing.T) {
	forEach(t, func(s source) []string { return checkSizes(s, maxFileLines, maxFuncLines) })
}

func checkSizes(s source, maxFile, maxFunc int) []string {
	var bad []string
	for _, f := range s.files {
		if n := s.fset.File(f.Pos()).LineCount(); n > maxFile {
			bad = append(bad, fmt.Sprintf("%s: file of %d lines, at most %d", s.at(f.Pos()), n, maxFile))
		}
		for _, d := range f.Decls {
			fn, ok := d.(*ast.FuncDecl)
			if !ok {
				continue
			}
			if n := s.fset.Position(fn.End()).Line - s.fset.Position(fn.Pos()).Line + 1; n > maxFunc {
				bad = append(bad, fmt.Sprintf("%s: func %s of %d lines, at most %d", s.at(fn.Pos()), fn.Name.Name, n, maxFunc))
			}
		}
	}
	return bad
}

func TestSizesCatches(t *testing.T) {
	s := memory(t, "package p\nfunc f() {\n\n}\n") // a file of four lines, a function of three
	catches(t, "just fits", checkSizes(s, 4, 3), "")
	catches(t, "long file", checkSizes(s, 3, 3), "file of 4 lines")
	catches(t, "long function", checkSizes(s, 4, 2), "func f of 3 lines")
}
