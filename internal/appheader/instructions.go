package appheader

import (
	"bytes"
	"fmt"
	"net/http"
	"strings"

	"github.com/dunglas/httpsfv"

	"github.com/msmd/msmd/pkg/manager"
)

const (
	maxFields  = 64 << 10 // bytes of Msm-* fields in one response
	maxPatches = 16       // Msm-Session-Patch lines in one response
)

// instructions are the session headers of one response.
type instructions struct {
	patch, replace, do []string
	unknown            []string // names of reserved headers that say nothing to msmd
	size               int
}

// take removes the reserved headers from h and returns those that are known.
func take(h http.Header) instructions {
	in := instructions{patch: h[fieldPatch], replace: h[fieldReplace], do: h[fieldDo]}
	for name, values := range h {
		if !reserved(name) {
			continue
		}
		if name != fieldPatch && name != fieldReplace && name != fieldDo {
			in.unknown = append(in.unknown, name)
		}
		for _, v := range values {
			in.size += len(name) + len(v)
		}
	}
	strip(h)
	return in
}

func (in instructions) empty() bool {
	return len(in.patch) == 0 && len(in.replace) == 0 && len(in.do) == 0
}

// apply applies the instructions to s, in the protocol's order: replace or
// patch, then rotate, then destroy. Its errors wrap ErrBadPatch.
func (in instructions) apply(s *manager.Session) error {
	switch {
	case in.size > maxFields:
		return fmt.Errorf("%w: %d bytes of Msm-* headers, at most %d", ErrBadPatch, in.size, maxFields)
	case len(in.patch) > 0 && len(in.replace) > 0:
		return fmt.Errorf("%w: both %s and %s; send one of them", ErrBadPatch, fieldPatch, fieldReplace)
	case len(in.replace) > 1:
		return fmt.Errorf("%w: %d lines of %s; send one", ErrBadPatch, len(in.replace), fieldReplace)
	case len(in.patch) > maxPatches:
		return fmt.Errorf("%w: %d lines of %s, at most %d", ErrBadPatch, len(in.patch), fieldPatch, maxPatches)
	}
	actions, err := parseDo(in.do)
	if err != nil {
		return fmt.Errorf("%w: %s: %w", ErrBadPatch, fieldDo, err)
	}
	for _, value := range in.replace {
		if err := applyJSON(fieldReplace, value, s.Replace); err != nil {
			return err
		}
	}
	for _, value := range in.patch {
		if err := applyJSON(fieldPatch, value, s.MergePatch); err != nil {
			return err
		}
	}
	return actions.apply(s)
}

func applyJSON(field, value string, apply func([]byte) error) error {
	text, err := decodeJSON(value)
	if err == nil {
		err = apply(text)
	}
	if err != nil {
		return fmt.Errorf("%w: %s: %w", ErrBadPatch, field, err)
	}
	return nil
}

// decodeJSON returns the JSON text of a value: itself if it begins with "{",
// the content of an RFC 9651 Byte Sequence if it begins with ":".
func decodeJSON(value string) ([]byte, error) {
	value = strings.Trim(value, " \t")
	switch {
	case strings.HasPrefix(value, "{"):
		return []byte(value), nil
	case strings.HasPrefix(value, ":"):
		item, err := httpsfv.UnmarshalItem([]string{value})
		if err != nil {
			return nil, fmt.Errorf("not a Byte Sequence (:base64:): %w", err)
		}
		text, ok := item.Value.([]byte)
		if !ok || len(item.Params.Names()) > 0 {
			return nil, fmt.Errorf("not a plain Byte Sequence (:base64:)")
		}
		return bytes.Trim(text, " \t\r\n"), nil
	default:
		return nil, fmt.Errorf("begins with neither { nor :; send a JSON object, or its base64 between colons")
	}
}

// actions are the members of Msm-Session-Do that are set.
type actions struct{ create, rotate, destroy, touch bool }

// parseDo reads a Msm-Session-Do Dictionary. Members that this version does
// not know are errors: ignoring a misspelt "destroy" would leave a user logged
// in.
func parseDo(lines []string) (actions, error) {
	var a actions
	if len(lines) == 0 {
		return a, nil
	}
	dict, err := httpsfv.UnmarshalDictionary(lines)
	if err != nil {
		return a, fmt.Errorf("not an RFC 9651 Dictionary: %w", err)
	}
	known := map[string]*bool{"create": &a.create, "rotate": &a.rotate, "destroy": &a.destroy, "touch": &a.touch}
	for _, name := range dict.Names() {
		flag, ok := known[name]
		if !ok {
			return a, fmt.Errorf("unknown member %q; known are create, rotate, destroy, touch", name)
		}
		member, _ := dict.Get(name)
		item, ok := member.(httpsfv.Item)
		if !ok {
			return a, fmt.Errorf("member %q takes no value", name)
		}
		set, ok := item.Value.(bool)
		if !ok {
			return a, fmt.Errorf("member %q takes no value", name)
		}
		*flag = set
	}
	return a, nil
}

func (a actions) apply(s *manager.Session) error {
	for _, step := range []struct {
		set bool
		do  func() error
	}{{a.create, s.Create}, {a.touch, s.Touch}, {a.rotate, s.RenewID}, {a.destroy, s.Invalidate}} {
		if !step.set {
			continue
		}
		if err := step.do(); err != nil {
			return fmt.Errorf("%w: %w", ErrBadPatch, err)
		}
	}
	return nil
}
