package sessionid_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/msmd/msmd/pkg/sessionid"
)

const base = "mfrggzdfmztwq2lknnwg23tpob"

func ExampleParse() {
	id, err := sessionid.Parse("mfrggzdfmztwq2lknnwg23tpob-n1.tomcat-1")
	if err != nil {
		panic(err)
	}
	key, _ := id.Key("msmd:")
	moved, _ := id.WithNode("n2").Key("msmd:")
	fmt.Println(id.Node, id.Route)
	fmt.Println(key, key == moved)
	// Output:
	// n1 tomcat-1
	// msmd:sri4abjed3o3c2bzzh2ihwkqtaer2i3y true
}

func TestParse(t *testing.T) {
	for _, tt := range []struct {
		in          string
		node, route string
		ok          bool
	}{
		{base + "-n1", "n1", "", true},
		{base + "-n1.jvm1", "n1", "jvm1", true},
		{base + "-n1.j-v-m1", "n1", "j-v-m1", true},
		{base + "-n1.a.b", "n1", "a.b", true}, // msm could not store such a session
		{base + "-N_1", "N_1", "", true},
		{base, "", "", true},
		{base + ".jvm1", "", "jvm1", true},
		{base + "-" + strings.Repeat("n", 16), strings.Repeat("n", 16), "", true},
		{base + "-" + strings.Repeat("n", 17), "", "", false},
		{base + "-n." + strings.Repeat("r", 64), "n", strings.Repeat("r", 64), true},
		{base + "-n." + strings.Repeat("r", 65), "", "", false},
		{"", "", "", false},
		{base[1:] + "-n1", "", "", false},
		{base + "-", "", "", false},
		{base + "-.r", "", "", false},
		{base + "-n1.", "", "", false},
		{base + ".", "", "", false},
		{base + "x-n1", "", "", false},
		{base + "-n-1", "", "", false},
		{base + "-n 1", "", "", false},
		{base + "-n1\r\nset x", "", "", false},
		{base + "-n1\x00", "", "", false},
		{base + "-né", "", "", false},
		{strings.ToUpper(base) + "-n1", "", "", false},
		{strings.Replace(base, "m", "1", 1) + "-n1", "", "", false},
		{strings.Replace(base, "m", "8", 1) + "-n1", "", "", false},
		{strings.Repeat("a", 300), "", "", false},
	} {
		id, err := sessionid.Parse(tt.in)
		if (err == nil) != tt.ok {
			t.Errorf("Parse(%q) error = %v, want ok %v", tt.in, err, tt.ok)
			continue
		}
		if err != nil {
			if !errors.Is(err, sessionid.ErrMalformed) {
				t.Errorf("Parse(%q) error %v does not wrap ErrMalformed", tt.in, err)
			}
			if len(tt.in) > 3 && strings.Contains(err.Error(), tt.in) {
				t.Errorf("Parse(%q) quotes the id: %v", tt.in, err)
			}
			continue
		}
		if id.Node != tt.node || id.Route != tt.route || id.String() != tt.in {
			t.Errorf("Parse(%q) = %+v, String %q; want node %q route %q", tt.in, id, id, tt.node, tt.route)
		}
	}
}

func TestNewIsRandomAndUniform(t *testing.T) {
	const n = 100_000
	seen := make(map[string]bool, n)
	var count [256]int
	for range n {
		id := sessionid.New("n1", "")
		if seen[id.Base] {
			t.Fatalf("duplicate base after %d ids", len(seen))
		}
		seen[id.Base] = true
		if _, err := sessionid.Parse(id.String()); err != nil {
			t.Fatalf("Parse(New()) = %v", err)
		}
		for i := range len(id.Base) {
			count[id.Base[i]]++
		}
	}
	// Chi-square over the 32 characters, 31 degrees of freedom: above 80 by
	// chance less than once in 3 million runs.
	want := float64(n*sessionid.BaseLen) / 32
	var chi float64
	for _, c := range "abcdefghijklmnopqrstuvwxyz234567" {
		d := float64(count[c]) - want
		chi += d * d / want
	}
	if chi > 80 {
		t.Errorf("chi-square of the characters = %.1f, want below 80", chi)
	}
}

func TestKeyDependsOnBaseOnly(t *testing.T) {
	id, err := sessionid.Parse(base + "-n1.r")
	if err != nil {
		t.Fatal(err)
	}
	key, fp := id.Key("p:")
	moved, movedFP := id.WithNode("n2").WithRoute("").Key("p:")
	if key != moved || fp != movedFP {
		t.Errorf("key changed with node and route: %q, %q", key, moved)
	}
	if len(key) != len("p:")+32 || strings.Contains(key, base) {
		t.Errorf("key = %q, want prefix and 32 characters without the base", key)
	}
	other, otherFP := sessionid.New("n1", "").Key("p:")
	if other == key || otherFP == fp {
		t.Errorf("two bases share key or fingerprint")
	}
}

func TestRef(t *testing.T) {
	id, err := sessionid.Parse(base + "-n1")
	if err != nil {
		t.Fatal(err)
	}
	ref := id.Ref(nil)
	if len(ref) != 10 || ref != id.WithNode("n2").WithRoute("x").Ref(nil) {
		t.Errorf("Ref = %q, want 10 characters, the same on every node", ref)
	}
	if ref == id.Ref([]byte("secret")) {
		t.Errorf("Ref does not depend on the secret")
	}
	if got := (sessionid.ID{}).Ref(nil); got != "" {
		t.Errorf("Ref of no id = %q, want empty", got)
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{base, base + "-n1", base + "-n1.r", base + ".r", base + "-n1.a.b-c", "-n1", ""} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		id, err := sessionid.Parse(s)
		if err != nil {
			return
		}
		if id.String() != s {
			t.Errorf("Parse(%q).String() = %q", s, id)
		}
		if key, _ := id.Key("msmd:"); len(key) > 250 || strings.ContainsAny(key, " \r\n\x00\x7f") {
			t.Errorf("Parse(%q).Key() = %q, not a legal memcached key", s, key)
		}
	})
}
