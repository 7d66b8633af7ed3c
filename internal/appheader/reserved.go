package appheader

import (
	"net/http"
	"strings"
)

// reserved reports whether an app server could take a header of that name for
// one of ours. CGI, PHP and WSGI map "-" to "_"; some map "." and every other
// sign as well. So any sign counts as "-": Msm-Session, msm_session,
// MSM.SESSION.
func reserved(name string) bool {
	return len(name) > 3 && strings.EqualFold(name[:3], "msm") && !alnum(name[3])
}

func alnum(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
}

// strip removes the reserved headers of h, and their announcement as trailers.
func strip(h http.Header) {
	for name := range h {
		if reserved(strings.TrimPrefix(name, http.TrailerPrefix)) {
			delete(h, name)
		}
	}
	dropTokens(h, "Trailer")
}

// stripRequest also takes reserved names out of Connection, by which a client
// could make the proxy remove headers that msmd has set.
func stripRequest(r *http.Request) {
	strip(r.Header)
	dropTokens(r.Header, "Connection")
	for name := range r.Trailer {
		if reserved(name) {
			delete(r.Trailer, name)
		}
	}
}

// dropTokens removes reserved names from a comma-separated field.
func dropTokens(h http.Header, field string) {
	lines := h[field]
	for _, line := range lines {
		if strings.Contains(strings.ToLower(line), "msm") {
			h[field] = withoutReserved(lines)
			if len(h[field]) == 0 {
				delete(h, field)
			}
			return
		}
	}
}

func withoutReserved(lines []string) []string {
	var kept []string
	for _, line := range lines {
		var tokens []string
		for token := range strings.SplitSeq(line, ",") {
			if token = strings.TrimSpace(token); token != "" && !reserved(token) {
				tokens = append(tokens, token)
			}
		}
		if len(tokens) > 0 {
			kept = append(kept, strings.Join(tokens, ", "))
		}
	}
	return kept
}
