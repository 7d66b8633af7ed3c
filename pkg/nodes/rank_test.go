package nodes_test

import (
	"flag"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/msmd/msmd/pkg/nodes"
)

var update = flag.Bool("update", false, "write the golden files")

func ExampleRank() {
	specs, err := nodes.ParseList("n1:10.0.0.1:11211 n2:10.0.0.2:11211 n3:10.0.0.3:11211", "n3")
	if err != nil {
		panic(err)
	}
	for _, i := range nodes.Rank("mfrggzdfmztwq2lknnwg23tpob", specs) {
		fmt.Println(specs[i].ID)
	}
	// Output:
	// n2
	// n1
	// n3
}

// cluster returns n specs n1, n2, ...
func cluster(n int) []nodes.Spec {
	specs := make([]nodes.Spec, n)
	for i := range specs {
		specs[i] = nodes.Spec{ID: fmt.Sprintf("n%d", i+1), Addr: fmt.Sprintf("h:%d", i+1)}
	}
	return specs
}

// ranked returns the ids in the order of Rank.
func ranked(base string, specs []nodes.Spec) []string {
	var ids []string
	for _, i := range nodes.Rank(base, specs) {
		ids = append(ids, specs[i].ID)
	}
	return ids
}

// bases returns n session bases, always the same.
func bases(n int) []string {
	const alphabet = "abcdefghijklmnopqrstuvwxyz234567"
	r := rand.New(rand.NewPCG(1, 2))
	list := make([]string, n)
	for i := range list {
		var b [26]byte
		for j := range b {
			b[j] = alphabet[r.IntN(len(alphabet))]
		}
		list[i] = string(b[:])
	}
	return list
}

// TestRankGolden: all msmds of a cluster, old and new, must agree on where a
// session lives. A change of this file loses sessions in a rolling upgrade.
func TestRankGolden(t *testing.T) {
	lists := [][]nodes.Spec{cluster(1), cluster(3), cluster(9), {{ID: "a"}, {ID: "A"}, {ID: "_"}, {ID: "cache_10", Failover: true}, {ID: "0"}}}
	var got strings.Builder
	for _, specs := range lists {
		for _, base := range append(bases(6), "", "a") {
			fmt.Fprintf(&got, "%-26s %s\n", base, strings.Join(ranked(base, specs), " "))
		}
	}
	const path = "testdata/rank.golden"
	if *update {
		if err := os.WriteFile(path, []byte(got.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got.String() != string(want) {
		t.Errorf("the order of nodes changed; every stored session would be looked for elsewhere\ngot:\n%swant:\n%s", &got, want)
	}
}

func TestRankIgnoresListOrder(t *testing.T) {
	specs := cluster(7)
	specs[2].Failover, specs[5].Failover = true, true
	for _, base := range bases(500) {
		want := ranked(base, specs)
		shuffled := slices.Clone(specs)
		rand.Shuffle(len(shuffled), func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
		if got := ranked(base, shuffled); !slices.Equal(got, want) {
			t.Fatalf("%s: %v from the list %v, %v from the list %v", base, got, shuffled, want, specs)
		}
	}
}

func TestRankFailoverLast(t *testing.T) {
	specs := cluster(6)
	specs[0].Failover, specs[3].Failover = true, true
	for _, base := range bases(500) {
		got := nodes.Rank(base, specs)
		if sorted := slices.Sorted(slices.Values(got)); !slices.Equal(sorted, []int{0, 1, 2, 3, 4, 5}) {
			t.Fatalf("%s: %v is not every node once", base, got)
		}
		for place, i := range got {
			if specs[i].Failover != (place >= 4) {
				t.Fatalf("%s: %v: failover nodes are not behind the others", base, got)
			}
		}
	}
}

// TestRankManyNodes is for the list longer than Rank's buffer.
func TestRankManyNodes(t *testing.T) {
	specs := cluster(nodes.MaxNodes)
	for _, base := range bases(20) {
		got := nodes.Rank(base, specs)
		slices.Sort(got)
		for i := range specs {
			if got[i] != i {
				t.Fatalf("%s: %v is not every node once", base, got)
			}
		}
	}
	if got := nodes.Rank("a", nil); len(got) != 0 {
		t.Errorf("Rank without nodes = %v", got)
	}
}

// TestRankSpreads: every node is the home, and the copy, of as many sessions;
// and so is every pair, so that a lost node's sessions go to all others.
func TestRankSpreads(t *testing.T) {
	const n = 100_000
	specs := cluster(3)
	var home, second [3]int
	pairs := map[[2]int]int{}
	for _, base := range bases(n) {
		order := nodes.Rank(base, specs)
		home[order[0]]++
		second[order[1]]++
		pairs[[2]int{order[0], order[1]}]++
	}
	for i := range specs {
		checkShare(t, fmt.Sprintf("home of %s", specs[i].ID), home[i], n/3.0)
		checkShare(t, fmt.Sprintf("copies on %s", specs[i].ID), second[i], n/3.0)
	}
	if len(pairs) != 6 {
		t.Errorf("%d pairs of home and copy occur, want 6", len(pairs))
	}
	for pair, count := range pairs {
		checkShare(t, fmt.Sprintf("pair %v", pair), count, n/6.0)
	}
}

func checkShare(t *testing.T, what string, got int, want float64) {
	t.Helper()
	if math.Abs(float64(got)-want) > 0.05*want {
		t.Errorf("%s: %d sessions, want %.0f within 5 %%", what, got, want)
	}
}

// TestRankChangesLittle: adding or removing one node leaves at least one of a
// session's two holders a holder, and the others in their order.
func TestRankChangesLittle(t *testing.T) {
	for _, size := range []int{2, 3, 5, 8} {
		specs := cluster(size)
		moved := 0
		for _, base := range bases(3000) {
			before := ranked(base, specs)
			for drop := range specs {
				fewer := slices.Delete(slices.Clone(specs), drop, drop+1)
				after := ranked(base, fewer)
				want := slices.DeleteFunc(slices.Clone(before), func(id string) bool { return id == specs[drop].ID })
				if !slices.Equal(after, want) {
					t.Fatalf("%s: %v without %s is %v, want %v", base, before, specs[drop].ID, after, want)
				}
			}
			more := ranked(base, cluster(size+1))
			kept := 0
			for _, id := range more[:2] {
				if slices.Contains(before[:2], id) {
					kept++
				}
			}
			if kept == 0 {
				t.Fatalf("%s: holders %v, with one more node %v", base, before[:2], more[:2])
			}
			if kept == 1 {
				moved++
			}
		}
		checkShare(t, fmt.Sprintf("moved copies with node %d", size+1), moved, 3000*2/float64(size+1))
	}
}
