// Package deps holds the module to its conventions. All of it is tests: who
// may import whom, one package comment per package, no init and no package
// variable that changes, a comment for every exported name, and the sizes of
// files and functions.
//
// A new package needs a line in the table of imports_test.go. Each rule is
// shown to fail on a small source that breaks it.
package deps
