package e2e

import (
	"testing"
	"time"
)

// TestRotateGrace is security.md 9: within the grace the old id reads what was
// before the rotation, changes nothing, and never sees what came after; then,
// or without a grace, it is dead.
func TestRotateGrace(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		grace string
		after string // the session under the old id, at first
	}{
		{"1m", `{"n":1}`}, {"1s", `{"n":1}`}, {"0", ""},
	} {
		t.Run(tt.grace, func(t *testing.T) {
			t.Parallel()
			const patch = "Msm-Session-Patch"
			s := newGoSite(t, scripted(map[string][]string{
				"create": {patch, `{"n":1}`}, "change": {patch, `{"n":2}`}, "attack": {patch, `{"n":666}`},
				"login":   {patch, `{"user":"ann"}`, "Msm-Session-Do", "rotate"},
				"destroy": {"Msm-Session-Do", "destroy"},
			}), "rotateGrace: "+tt.grace)
			b, url := s.browser(), s.servers[0].url+"/"
			b.send("POST", url+"create", "")
			old := b.withID(url, b.id(url))
			rotated := time.Now()
			b.send("POST", url+"login", "")
			b.send("POST", url+"change", "")
			if got := old.get(url).body; got != tt.after && time.Since(rotated) < time.Second {
				t.Errorf("under the old id: %q, want %q", got, tt.after)
			}
			for _, path := range []string{"attack", "login", "destroy"} {
				attacker := old.withID(url, old.id(url))
				attacker.send("POST", url+path, "")
				if got := attacker.get(url).body; base(attacker.id(url)) == base(b.id(url)) || got == `{"n":2,"user":"ann"}` {
					t.Errorf("POST /%s under the old id leads to the session after the rotation: %q", path, got)
				}
			}
			if got := b.get(url).body; got != `{"n":2,"user":"ann"}` {
				t.Errorf("under the new id: %q, want the changes made under it only", got)
			}
			if tt.grace != "1m" {
				waitUntil(t, "the old id is dead", func() bool { return old.get(url).body == "" })
			} else if got := old.get(url).body; got != tt.after {
				t.Errorf("under the old id, after writes under both: %q, want %q", got, tt.after)
			}
		})
	}
}
