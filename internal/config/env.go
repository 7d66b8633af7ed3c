package config

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
)

const envPrefix = "MSMD_"

// envNames returns the variables of a key: MSMD_MEMCACHED_NODES, then
// MSMD_MEMCACHEDNODES. For a key of one word both are the same.
func envNames(name string) [2]string {
	var snake strings.Builder
	for _, r := range name {
		if unicode.IsUpper(r) {
			snake.WriteByte('_')
		}
		snake.WriteRune(unicode.ToUpper(r))
	}
	return [2]string{envPrefix + snake.String(), envPrefix + strings.ToUpper(name)}
}

// readEnv takes the variables of the keys and warns of others that start with
// MSMD_: they may be misspelt.
func (l *loader) readEnv(environ []string, table []key) {
	vars := map[string]string{}
	for _, e := range environ {
		name, value, _ := strings.Cut(e, "=")
		if _, ok := vars[name]; !ok && strings.HasPrefix(name, envPrefix) && value != "" {
			vars[name] = value
		}
	}
	known := map[string]bool{}
	var names []string
	for _, k := range table {
		n := envNames(k.name)
		known[n[0]], known[n[1]] = true, true
		names = append(names, n[0])
		l.readVariable(k.name, n, vars)
	}
	var unknown []string
	for name := range vars {
		if !known[name] {
			unknown = append(unknown, name)
		}
	}
	slices.Sort(unknown)
	l.warnUnknown(unknown, names)
}

// readVariable refuses two spellings with two values: either could be the one
// that was forgotten.
func (l *loader) readVariable(key string, names [2]string, vars map[string]string) {
	first, ok := vars[names[0]]
	second, both := vars[names[1]]
	switch {
	case ok && both && first != second:
		l.fail(key, fmt.Errorf("%s is %q and %s is %q; hint: set one of them", names[0], first, names[1], second))
	case ok:
		l.override(key, first, fromEnv, names[0])
	case both:
		l.override(key, second, fromEnv, names[1])
	}
}

// warnUnknown gives a line to each variable that looks misspelt and one to all
// others together: Kubernetes sets seven for every service called msmd.
func (l *loader) warnUnknown(unknown, names []string) {
	var others []string
	for _, name := range unknown {
		if hint := didYouMean(name, names); hint != "" {
			l.warnf("environment: %s belongs to no key and is ignored%s", name, hint)
			continue
		}
		others = append(others, name)
	}
	if len(others) > 0 {
		l.warnf("environment: %s: no keys of msmd, ignored (Kubernetes sets such names for a service called msmd)", strings.Join(others, ", "))
	}
}
