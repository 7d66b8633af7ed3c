//go:build faults

package faults

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// mutant is an msmd with one thing wrong, which the nemesis must find out.
type mutant struct {
	name  string
	kinds []string // of fault; those that the wrong thing does not survive
	edits []edit
}

// edit replaces a text, which must stand in the file exactly count times.
type edit struct {
	file     string // from the root of the repository
	old, new string
	count    int
}

// mutants returns the ways to do it that seem as good and are not
// (docs/ARCHITECTURE.md says why).
func mutants() []mutant {
	return []mutant{
		{"home first", []string{faultCut1, faultCut, faultHang, faultEvict, faultDrop}, []edit{{
			"pkg/manager/store.go", "for i := len(v.members) - 1; i >= 0; i-- {", "for i := range v.members {", 1,
		}}},
		{"miss is absent", []string{faultKill, faultEvict}, []edit{{
			"pkg/manager/load.go", "		best := v.newest()\n",
			"		if v.members[0].answer == miss {\n			v.presence = absent\n			return\n		}\n		best := v.newest()\n", 1,
		}}},
		{"delete instead of tombstone", []string{faultHang, faultCut1, faultCut, faultDrop}, []edit{{
			"pkg/manager/store.go", "	result := unreachable\n",
			"	if next.Tombstone {\n		exptime = -1\n	}\n	result := unreachable\n", 1,
		}}},
		{"no repair before use", []string{faultCut1, faultCut, faultHang, faultEvict, faultDrop}, []edit{{
			"pkg/manager/load.go", "if !s.repair(ctx, v, best) {", "if best >= 0 {", 1,
		}}},
		{"the copy wins ties", []string{faultCut1, faultCut, faultHang, faultDrop, faultSlow}, []edit{{
			"pkg/manager/view.go", "m.rec.Version > v.members[best].rec.Version", "m.rec.Version >= v.members[best].rec.Version", 1,
		}}},
		{"plain set", []string{faultCut1, faultCut, faultHang, faultSlow}, []edit{
			{"pkg/nodes/node.go", "n.client.CompareAndSwap(&item)", "n.client.Set(&item)", 1},
			{"pkg/nodes/node.go", "n.client.Add(&item)", "n.client.Set(&item)", 1},
		}},
	}
}

// TestMutants builds each mutant and wants the nemesis to find it out. It takes
// minutes, so it runs only with -faults.mutants.
func TestMutants(t *testing.T) {
	for _, m := range mutants() {
		t.Run(m.name, func(t *testing.T) {
			overlay := m.overlay(t)
			if !given.mutants {
				t.Log("it applies; -faults.mutants runs it")
				return
			}
			needReal(t)
			m.run(t, buildMsmd(t, "-overlay", overlay))
		})
	}
}

// overlay writes the mutant's files and the list of them for go build. It fails
// if the text that is to be replaced has moved: then the mutant is to follow.
func (m mutant) overlay(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	replace := map[string]string{}
	for _, e := range m.edits {
		path, err := filepath.Abs(filepath.Join("../..", e.file))
		if err != nil {
			t.Fatal(err)
		}
		from := path
		if changed, ok := replace[path]; ok {
			from = changed
		}
		text, err := os.ReadFile(from)
		if err != nil {
			t.Fatal(err)
		}
		if n := strings.Count(string(text), e.old); n != e.count {
			t.Fatalf("mutant %q no longer applies: %q stands %d times in %s, want %d", m.name, e.old, n, e.file, e.count)
		}
		replace[path] = filepath.Join(dir, filepath.Base(path))
		if err := os.WriteFile(replace[path], []byte(strings.ReplaceAll(string(text), e.old, e.new)), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	list, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "overlay.json")
	if err := os.WriteFile(file, list, 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// run lets the nemesis at the mutant until it is found out, with one seed after
// the other: on a busy machine the first violation may be one that does not
// count, see crossed_test.go.
func (m mutant) run(t *testing.T, binary string) {
	t.Helper()
	opt := newOptions(t)
	opt.binary, opt.kinds, opt.firstBad, opt.duration = binary, m.kinds, true, given.mutantFor/3
	opt.maxHang, opt.browsers = time.Second, min(opt.browsers, 8)
	began := time.Now()
	for time.Since(began) < given.mutantFor {
		found := ""
		t.Run("run", func(t *testing.T) {
			r := newRun(t, opt)
			r.play()
			for _, kind := range violationKinds() {
				if n := r.figures.violations[kind]; n > 0 {
					found += kind + "; "
				}
			}
			if found != "" {
				t.Logf("mutant %q found out by: %safter %v and %d faults, seed %d; first: %s", m.name, found,
					time.Duration(r.bad[0].at).Round(time.Millisecond), r.figures.count(), opt.seed, r.bad[0].text)
			}
		})
		if found != "" {
			return
		}
		opt.seed++
	}
	t.Errorf("mutant %q was not found out within %v", m.name, time.Since(began).Round(time.Second))
}
