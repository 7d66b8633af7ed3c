package manager

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/msmd/msmd/pkg/transcoder"
)

// loose returns a session that belongs to no request.
func loose() *Session {
	return &Session{m: &Manager{cfg: Config{Transcoder: transcoder.NewCBOR()}}, state: StateNone}
}

func content(t *testing.T, s *Session) string {
	t.Helper()
	text, err := s.AppendJSON(nil)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestMergePatch(t *testing.T) {
	t.Parallel()
	// The object cases of RFC 7396, appendix A, and numbers and characters.
	for _, tt := range []struct{ before, patch, after string }{
		{`{"a":"b"}`, `{"a":"c"}`, `{"a":"c"}`},
		{`{"a":"b"}`, `{"b":"c"}`, `{"a":"b","b":"c"}`},
		{`{"a":"b"}`, `{"a":null}`, `{}`},
		{`{"a":"b","b":"c"}`, `{"a":null}`, `{"b":"c"}`},
		{`{"a":["b"]}`, `{"a":"c"}`, `{"a":"c"}`},
		{`{"a":"c"}`, `{"a":["b"]}`, `{"a":["b"]}`},
		{`{"a":{"b":"c"}}`, `{"a":{"b":"d","c":null}}`, `{"a":{"b":"d"}}`},
		{`{"a":[{"b":"c"}]}`, `{"a":[1]}`, `{"a":[1]}`},
		{`{"e":null}`, `{"a":1}`, `{"a":1,"e":null}`},
		{`{}`, `{"a":{"bb":{"ccc":null}}}`, `{"a":{"bb":{}}}`},
		{`{"a":1}`, `{"a":{"b":1.10}}`, `{"a":{"b":1.10}}`},
		{`{}`, ` { "n" : 12345678901234567890123 } `, `{"n":12345678901234567890123}`},
		{`{}`, `{"é":"中\u2028😀"}`, `{"\u00e9":"\u4e2d\u2028\ud83d\ude00"}`},
		{`{}`, `{"":1,"__proto__":2}`, `{"":1,"__proto__":2}`},
	} {
		s := loose()
		if err := s.Replace([]byte(tt.before)); err != nil {
			t.Errorf("Replace(%s) = %v", tt.before, err)
			continue
		}
		if err := s.MergePatch([]byte(tt.patch)); err != nil {
			t.Errorf("MergePatch(%s) = %v", tt.patch, err)
		}
		if got := content(t, s); got != tt.after {
			t.Errorf("%s with %s = %s, want %s", tt.before, tt.patch, got, tt.after)
		}
	}
}

func TestPatchRefuses(t *testing.T) {
	t.Parallel()
	keys := make([]string, maxPatchKeys+1)
	for i := range keys {
		keys[i] = fmt.Sprintf(`"k%d":1`, i)
	}
	for _, patch := range []string{
		``, `x`, `[]`, `null`, `1`, `{"a":1`, `{"a":1}{"b":2}`, `{"a":1} x`, `{"a":01}`, "{\"a\":\"\xff\"}",
		`{"a":1,"a":2}`, `{"x":{"a":1,"b":2,"a":3}}`, `{"x":[{"a":1,"a":2}]}`, `{"\u0061":1,"a":2}`,
		`{"a":` + strings.Repeat("[", 32) + strings.Repeat("]", 32) + `}`,
		`{` + strings.Join(keys, ",") + `}`,
	} {
		for name, apply := range map[string]func(*Session) error{
			"MergePatch": func(s *Session) error { return s.MergePatch([]byte(patch)) },
			"Replace":    func(s *Session) error { return s.Replace([]byte(patch)) },
		} {
			s := loose()
			if err := s.Set("old", "1"); err != nil {
				t.Fatal(err)
			}
			if err := apply(s); !errors.Is(err, ErrPatch) {
				t.Errorf("%s(%.40q) error = %v, want ErrPatch", name, patch, err)
			}
			if got := content(t, s); got != `{"old":"1"}` {
				t.Errorf("%s(%.40q) changed the session to %s", name, patch, got)
			}
		}
	}
}

func TestAtomically(t *testing.T) {
	t.Parallel()
	s := loose()
	if err := s.Set("a", 1); err != nil {
		t.Fatal(err)
	}
	failure := errors.New("no")
	err := s.Atomically(func() error {
		return errors.Join(s.Set("a", 2), s.Set("b", 3), s.Delete("a"), s.RenewID(), s.Invalidate(), failure)
	})
	if !errors.Is(err, failure) {
		t.Errorf("error %v, want f's", err)
	}
	if got := content(t, s); got != `{"a":1}` || s.renew || s.destroyed || len(s.changes) != 1 {
		t.Errorf("after a failure: %s, renew %v, destroyed %v, %d changes, want nothing of f", got, s.renew, s.destroyed, len(s.changes))
	}
}

func TestGetAndSet(t *testing.T) {
	t.Parallel()
	type cart struct {
		Items []string
		Total int
	}
	s := loose()
	if err := errors.Join(s.Set("cart", cart{[]string{"é"}, 3}), s.Set("n", 42), s.Set("nil", nil)); err != nil {
		t.Fatal(err)
	}
	if got, err := Get[cart](s, "cart"); err != nil || got.Total != 3 || got.Items[0] != "é" {
		t.Errorf("Get cart = %+v, %v", got, err)
	}
	if got, err := Get[int](s, "none"); err != nil || got != 0 {
		t.Errorf("Get of no attribute = %v, %v, want 0, nil", got, err)
	}
	if _, err := Get[int](s, "cart"); err == nil || !strings.Contains(err.Error(), `"cart"`) {
		t.Errorf("Get of a cart as int: error %v, want one that names the attribute", err)
	}
	if err := s.Set("f", func() {}); err == nil || !strings.Contains(err.Error(), `"f"`) {
		t.Errorf("Set of a func: error %v, want one that names the attribute", err)
	}
	if got := strings.Join(s.Names(), " "); got != "cart n nil" {
		t.Errorf("Names = %q", got)
	}
	if err := s.Invalidate(); err != nil {
		t.Fatal(err)
	}
	if err := s.Set("n", 1); err != ErrInvalidated {
		t.Errorf("Set after Invalidate: error %v, want ErrInvalidated", err)
	}
}

func FuzzMergePatch(f *testing.F) {
	f.Add(`{"a":{"b":1}}`, `{"a":{"b":null,"c":"é"}}`)
	f.Add(`{}`, `{"a":1e400}`)
	f.Fuzz(func(t *testing.T, before, patch string) {
		s := loose()
		if s.Replace([]byte(before)) != nil {
			return
		}
		was := content(t, s)
		err := s.Atomically(func() error { return s.MergePatch([]byte(patch)) })
		now := content(t, s)
		if err != nil && now != was {
			t.Errorf("refused patch changed %s to %s", was, now)
		}
		for _, c := range []byte(now) {
			if c < 0x20 || c >= 0x7f {
				t.Fatalf("byte %#x in %q, which is to be a header", c, now)
			}
		}
	})
}
