package demo

import (
	"encoding/json"
	"fmt"
	"math/big"
	"net/http"
	"strconv"
	"strings"
	"unicode/utf16"
)

// session is the session of one request as its headers tell it.
type session struct {
	meta
	attributes map[string]json.RawMessage // never nil; numbers keep their text
	partial    bool                       // attributes may lack some
}

// report is the page as JSON.
type report struct {
	App        string                     `json:"app"`
	Ref        string                     `json:"ref"`
	Created    string                     `json:"created"`
	LastAccess string                     `json:"lastAccess"`
	Version    int64                      `json:"version"`
	Node       string                     `json:"node"`
	State      string                     `json:"state"`
	Attributes map[string]json.RawMessage `json:"attributes"`
}

// readSession returns the session that the request fields h carry.
func readSession(h http.Header) session {
	s := session{attributes: map[string]json.RawMessage{}}
	fields, behind := h["Msm-Session-Meta"]
	if !behind {
		// msmd sends Meta with every tracked request and takes out what a
		// client sends, so a lone Msm-Session is the client's invention.
		s.state = stateDirect
		return s
	}
	s.meta = parseMeta(strings.Join(fields, ","))
	s.partial = s.state == stateTooLarge || s.state == stateUnavailable
	field := h.Get("Msm-Session")
	if field == "" {
		return s
	}
	var attributes map[string]json.RawMessage
	if json.Unmarshal([]byte(field), &attributes) != nil {
		s.partial = true
		return s
	}
	if attributes != nil {
		s.attributes = attributes
	}
	return s
}

// report returns s as the JSON that app answers.
func (s session) report(app string) report {
	return report{
		App:        app,
		Ref:        s.ref,
		Created:    s.created,
		LastAccess: s.accessed,
		Version:    s.version,
		Node:       s.node,
		State:      s.state,
		Attributes: s.attributes,
	}
}

// increment returns the JSON number after raw. What is absent, no number, or
// beyond the range of numbers counts as 0.
func increment(raw json.RawMessage) json.RawMessage {
	text := string(raw)
	if n, ok := new(big.Int).SetString(text, 10); ok {
		return json.RawMessage(n.Add(n, big.NewInt(1)).String())
	}
	// Only here come fractions and exponents; strconv also reads "inf" and
	// "0x1", which are no JSON, but raw is.
	if f, err := strconv.ParseFloat(text, 64); err == nil {
		if next, err := json.Marshal(f + 1); err == nil {
			return next
		}
	}
	return json.RawMessage("1")
}

// mergePatch returns a JSON merge patch (RFC 7396) that sets name to value, or
// removes name if value is nil, as one header line.
func mergePatch(name string, value any) (string, error) {
	text, err := json.Marshal(map[string]any{name: value})
	if err != nil {
		return "", fmt.Errorf("encode the patch: %w", err)
	}
	patch := asciiJSON(string(text))
	if len(patch) > maxPatch {
		return "", &statusError{http.StatusRequestEntityTooLarge, "the attribute is too large for a response header"}
	}
	return patch, nil
}

// asciiJSON returns the JSON text with all that is not printable ASCII as
// \uXXXX. That happens inside strings only, where JSON allows it, and
// encoding/json has already escaped what lies below a space. DEL is legal in
// JSON but not in a header.
func asciiJSON(text string) string {
	var b strings.Builder
	for _, r := range text {
		if r < 0x7f {
			b.WriteByte(byte(r))
			continue
		}
		if r <= 0xffff {
			fmt.Fprintf(&b, `\u%04x`, r)
			continue
		}
		high, low := utf16.EncodeRune(r)
		fmt.Fprintf(&b, `\u%04x\u%04x`, high, low)
	}
	return b.String()
}
