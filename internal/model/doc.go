// Package model is to hold the explicit-state checker of the store protocol, as
// tests. It is being built and not finished: its tests need the build tag
// model, and no claim rests on them yet. What was checked before msmd existed is
// in docs/ARCHITECTURE.md, "Why this order".
package model
