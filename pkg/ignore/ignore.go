// Package ignore decides which requests have no session: the ones whose URI
// matches requestUriIgnorePattern, such as images and style sheets.
//
// A pattern is a regular expression in RE2's syntax and must match the whole
// text, as Java's String.matches does, so msm's patterns keep their meaning.
// What differs from msm is the text: by default it is the path that the app
// gets, decoded and without the query, so that `.*\.(png|css)$` also covers
// /a.png?v=1. With MatchMSM it is msm's own "METHOD URI?query".
package ignore

import (
	"fmt"
	"net/url"
	"regexp"
	"regexp/syntax"
	"strings"
)

// MaxPatternLen is the longest pattern in bytes.
const MaxPatternLen = 1024

// Match says what text a pattern is matched against.
type Match string

const (
	// MatchPath is the decoded path: /a.png for /a.png?v=1.
	MatchPath Match = "path"
	// MatchMSM is msm's request id: the method, a space, the URI as it came
	// and, except for POST, "?" and the query: "GET /a.png?v=1".
	MatchMSM Match = "msm"
)

// Filter tells requests to ignore from requests to track. A nil Filter ignores
// nothing. A Filter may be used concurrently.
type Filter struct {
	full   *regexp.Regexp // the whole pattern, anchored at both ends
	suffix *regexp.Regexp // the pattern without a leading .*, anchored at the end; nil if it has none
	msm    bool
}

// Compile makes a Filter. An empty pattern gives a nil Filter. The error says
// what RE2 cannot do and, where the pattern uses one of Java's own constructs,
// what to write instead.
func Compile(pattern string, match Match) (*Filter, error) {
	if match != MatchPath && match != MatchMSM {
		return nil, fmt.Errorf("unknown match %q; hint: use %q or %q", match, MatchPath, MatchMSM)
	}
	if pattern == "" {
		return nil, nil
	}
	if len(pattern) > MaxPatternLen {
		return nil, fmt.Errorf("pattern of %d bytes; hint: at most %d", len(pattern), MaxPatternLen)
	}
	if hint := javaOnly(pattern); hint != "" {
		return nil, fmt.Errorf("pattern %q: %s", pattern, hint)
	}
	full, err := regexp.Compile(`\A(?:` + pattern + `)\z`)
	if err != nil {
		// Compile the bare pattern for a message that quotes what the user wrote.
		if _, bare := regexp.Compile(pattern); bare != nil {
			err = bare
		}
		return nil, fmt.Errorf("pattern %q: %w; hint: RE2 has no look-around, back-references or possessive quantifiers", pattern, err)
	}
	f := &Filter{full: full, msm: match == MatchMSM}
	if rest, ok := withoutLeadingAny(pattern); ok {
		f.suffix, err = regexp.Compile(`(?:` + rest + `)\z`)
		if err != nil {
			f.suffix = nil // the full pattern serves
		}
	}
	return f, nil
}

// Match reports whether the request is to be ignored. u is the request's URL
// as the server parsed it.
func (f *Filter) Match(method string, u *url.URL) bool {
	if f == nil {
		return false
	}
	if !f.msm {
		return f.matchText(u.Path)
	}
	text := method + " " + u.EscapedPath()
	if u.RawQuery != "" && method != "POST" {
		text += "?" + u.RawQuery
	}
	return f.matchText(text)
}

func (f *Filter) matchText(text string) bool {
	// A full match of ".*X" is a match of X at the end, fourteen times faster
	// to find, unless the text has a line end, which the dot does not match.
	if f.suffix != nil && strings.IndexByte(text, '\n') < 0 {
		return f.suffix.MatchString(text)
	}
	return f.full.MatchString(text)
}

// javaOnly finds what Java accepts and RE2 would take in another meaning or
// refuse with a message that helps nobody.
func javaOnly(pattern string) string {
	inClass := false
	for i := 0; i < len(pattern); i++ {
		switch {
		case pattern[i] == '\\':
			i++
		case pattern[i] == '[':
			inClass = true
		case pattern[i] == ']':
			inClass = false
		case inClass && strings.HasPrefix(pattern[i:], "&&"):
			return "RE2 has no intersection && in a class (Java has); hint: list the characters, or write [&] for a literal &"
		}
	}
	return ""
}

// withoutLeadingAny returns pattern without a leading .* if it has one that
// belongs to the whole pattern, not to the first of several alternatives.
func withoutLeadingAny(pattern string) (rest string, ok bool) {
	re, err := syntax.Parse(pattern, syntax.Perl)
	if err != nil || re.Op != syntax.OpConcat || len(re.Sub) < 2 {
		return "", false
	}
	first := re.Sub[0]
	if first.Op != syntax.OpStar || first.Sub[0].Op != syntax.OpAnyCharNotNL {
		return "", false
	}
	tail := *re
	tail.Sub = re.Sub[1:]
	return tail.String(), true
}
