package demo

import (
	"strings"
	"testing"
)

func TestParseMeta(t *testing.T) {
	tests := []struct {
		field string
		want  meta
	}{
		{okMeta, meta{"ok", "k3tq5", "n1", 17, "2024-11-21T06:53:20Z", "2024-11-21T06:58:20Z"}},
		{"state=none", meta{state: "none"}},
		{"", meta{state: "unknown"}},
		{"state", meta{state: "?1"}},
		{`ref="a, state=ok; v=1", state=none`, meta{state: "none", ref: "a, state=ok; v=1"}},
		{`ref="a\"b\\, c",state=ok,v=2`, meta{state: "ok", ref: `a"b\, c`, version: 2}},
		{"state=none,state=ok;why=\"a,b\", \t v=3;x", meta{state: "ok", version: 3}},
		{"state=ok, v=-1", meta{state: "ok"}},
		{"state=ok, v=1.5", meta{state: "ok"}},
		{"state=ok, v=99999999999999999999", meta{state: "ok"}},
		{`state=ok, ref=:aGk=:, created=@0, accessed=@-1`, meta{"ok", ":aGk=:", "", 0, "1970-01-01T00:00:00Z", "1969-12-31T23:59:59Z"}},
		{"state=ok, created=1732172000, accessed=@253402300800", meta{state: "ok"}},
		{"state=ok, created=@, accessed=@1.5", meta{state: "ok"}},
		{`state=ok, ref="unterminated, v=1`, meta{state: "ok", ref: "unterminated, v=1"}},
		{`,,=,"=",state=ok,`, meta{state: "ok"}},
	}
	for _, tt := range tests {
		if got := parseMeta(tt.field); got != tt.want {
			t.Errorf("parseMeta(%q) = %+v, want %+v", tt.field, got, tt.want)
		}
	}
}

func FuzzParseMeta(f *testing.F) {
	f.Add(okMeta, "")
	f.Add(`ref="a, \"b;", state=none;x="y,z`, `a, state="none"; \`)
	quote := strings.NewReplacer(`"`, `\"`, `\`, `\\`)
	f.Fuzz(func(t *testing.T, field, ref string) {
		if m := parseMeta(field); m.state == "" || m.version < 0 {
			t.Errorf("parseMeta(%q) = %+v", field, m)
		}
		// A quoted text is read back whole and touches nothing around it.
		whole := `v=7, ref="` + quote.Replace(ref) + `";p=1, state=ok`
		want := meta{state: "ok", ref: ref, version: 7}
		if got := parseMeta(whole); got != want {
			t.Errorf("parseMeta(%q) = %+v, want %+v", whole, got, want)
		}
	})
}
