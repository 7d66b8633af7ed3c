package manager

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"unicode/utf8"

	jsonpatch "github.com/evanphx/json-patch/v5"

	"github.com/msmd/msmd/pkg/transcoder"
)

const (
	maxPatchDepth = transcoder.MaxNesting
	maxPatchKeys  = transcoder.MaxElements
)

type changeKind byte

const (
	setAttr    changeKind = iota
	deleteAttr            // raw is empty
	mergeAttr             // raw is a JSON object, RFC 7396
	clearAttrs            // name is empty
)

// attrChange is one change to the attributes. It is applied to what the
// request loaded and, if another request was faster, again to what that one
// stored. That is how two requests at once keep each other's changes.
type attrChange struct {
	kind changeKind
	name string
	raw  transcoder.Raw
}

func (c attrChange) apply(attrs transcoder.Attributes, tc transcoder.Transcoder) (transcoder.Attributes, error) {
	switch c.kind {
	case setAttr:
		return attrs.With(c.name, c.raw), nil
	case deleteAttr:
		return attrs.Without(c.name), nil
	case clearAttrs:
		return nil, nil
	}
	old := []byte("{}")
	if raw, ok := attrs.Get(c.name); ok {
		text, err := tc.AppendJSON(nil, raw)
		if err != nil {
			return attrs, err
		}
		if text[0] == '{' {
			old = text
		}
	}
	merged, err := jsonpatch.MergePatch(old, []byte(c.raw))
	if err != nil {
		return attrs, fmt.Errorf("%w: attribute %q: %w", ErrPatch, c.name, err)
	}
	raw, err := tc.FromJSON(merged)
	if err != nil {
		return attrs, fmt.Errorf("%w: attribute %q: %w", ErrPatch, c.name, err)
	}
	return attrs.With(c.name, raw), nil
}

// MergePatch applies a JSON merge patch (RFC 7396) to the attributes: members
// set attributes, null removes them, objects are merged. It returns an error
// that wraps ErrPatch, and changes nothing, if patch is not one JSON object in
// UTF-8 without duplicate keys, at most 32 deep and with at most 10,000 keys.
func (s *Session) MergePatch(patch []byte) error {
	members, err := objectMembers(patch)
	if err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(members)) {
		value := members[name]
		c := attrChange{kind: setAttr, name: name}
		switch {
		case string(value) == "null":
			c.kind = deleteAttr
		case value[0] == '{':
			c.kind, c.raw = mergeAttr, transcoder.Raw(value)
		default:
			if c.raw, err = s.m.cfg.Transcoder.FromJSON(value); err != nil {
				return fmt.Errorf("%w: attribute %q: %w", ErrPatch, name, err)
			}
		}
		if err := s.change(c); err != nil {
			return err
		}
	}
	return nil
}

// Replace makes the members of a JSON object the session's whole content. Its
// errors are MergePatch's.
func (s *Session) Replace(object []byte) error {
	members, err := objectMembers(object)
	if err != nil {
		return err
	}
	changes := []attrChange{{kind: clearAttrs}}
	for _, name := range slices.Sorted(maps.Keys(members)) {
		raw, err := s.m.cfg.Transcoder.FromJSON(members[name])
		if err != nil {
			return fmt.Errorf("%w: attribute %q: %w", ErrPatch, name, err)
		}
		changes = append(changes, attrChange{kind: setAttr, name: name, raw: raw})
	}
	for _, c := range changes {
		if err := s.change(c); err != nil {
			return err
		}
	}
	return nil
}

// AppendJSON appends the attributes to dst as one JSON object, in ASCII and
// without line ends, so that it may stand in a header. It returns an error if
// an attribute has no JSON form.
func (s *Session) AppendJSON(dst []byte) ([]byte, error) {
	s.mu.Lock()
	attrs := s.attrs
	s.mu.Unlock()
	dst = append(dst, '{')
	for i, a := range attrs {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(transcoder.AppendJSONString(dst, a.Name), ':')
		var err error
		if dst, err = s.m.cfg.Transcoder.AppendJSON(dst, a.Raw); err != nil {
			return dst, fmt.Errorf("session attribute %q: %w", a.Name, err)
		}
	}
	return append(dst, '}'), nil
}

// objectMembers checks that text is one JSON object within the limits and
// returns its members.
func objectMembers(text []byte) (map[string]json.RawMessage, error) {
	if !utf8.Valid(text) {
		return nil, fmt.Errorf("%w: invalid UTF-8", ErrPatch)
	}
	if err := checkJSON(text); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrPatch, err)
	}
	var members map[string]json.RawMessage
	if err := json.Unmarshal(text, &members); err != nil || members == nil {
		return nil, fmt.Errorf("%w: not a JSON object", ErrPatch)
	}
	return members, nil
}

// checkJSON walks text once, so that nothing after it meets duplicate keys,
// deep nesting or great numbers of keys.
func checkJSON(text []byte) error {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	var open []map[string]bool // one per open object or array; nil for arrays
	keys, isKey := 0, false
	for {
		tok, err := d.Token()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("not JSON: at byte %d", d.InputOffset())
		}
		switch t := tok.(type) {
		case json.Delim:
			switch t {
			case '{':
				open = append(open, map[string]bool{})
			case '[':
				open = append(open, nil)
			default:
				open = open[:len(open)-1]
			}
			if len(open) > maxPatchDepth {
				return fmt.Errorf("nested deeper than %d", maxPatchDepth)
			}
			isKey = len(open) > 0 && open[len(open)-1] != nil
			continue
		case string:
			if isKey {
				seen := open[len(open)-1]
				if seen[t] {
					return errors.New("duplicate key")
				}
				seen[t] = true
				if keys++; keys > maxPatchKeys {
					return fmt.Errorf("more than %d keys", maxPatchKeys)
				}
				isKey = false
				continue
			}
		}
		isKey = len(open) > 0 && open[len(open)-1] != nil
	}
}
