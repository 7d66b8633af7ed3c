package demo

import (
	"strconv"
	"strings"
)

// preference is how much a client wants a media type: the weight it gave, how
// exactly it named the type (2), its family (1) or anything (0), and at which
// place of the list.
type preference struct {
	q     float64
	exact int
	place int
}

// prefersJSON reports whether an Accept field asks for JSON rather than HTML.
// A client without a preference, such as curl with its */*, gets HTML.
func prefersJSON(accept string) bool {
	j, h := prefer(accept, "application", "json"), prefer(accept, "text", "html")
	if j.q == 0 {
		return false
	}
	if j.q != h.q {
		return j.q > h.q
	}
	if j.exact != h.exact {
		return j.exact > h.exact
	}
	return j.place < h.place
}

// prefer returns what accept says of the media type family/name. The most
// exact entry counts, as RFC 9110 section 12.5.1 has it.
func prefer(accept, family, name string) preference {
	best := preference{exact: -1}
	for place, entry := range strings.Split(accept, ",") {
		media, params, _ := strings.Cut(entry, ";")
		exact := -1
		switch strings.ToLower(strings.TrimSpace(media)) {
		case family + "/" + name:
			exact = 2
		case family + "/*":
			exact = 1
		case "*/*":
			exact = 0
		}
		if exact > best.exact {
			best = preference{weight(params), exact, place}
		}
	}
	return best
}

// weight returns the parameter q, 1 if it is absent and 0 if it is malformed.
func weight(params string) float64 {
	for param := range strings.SplitSeq(params, ";") {
		key, value, _ := strings.Cut(strings.TrimSpace(param), "=")
		if !strings.EqualFold(key, "q") {
			continue
		}
		q, err := strconv.ParseFloat(value, 64)
		if err != nil || !(q >= 0 && q <= 1) {
			return 0
		}
		return q
	}
	return 1
}
