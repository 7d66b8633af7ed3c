//go:build faults

// Package faults runs msmd under faults and checks that it keeps what it
// promises (docs/ARCHITECTURE.md).
//
// TestNemesis starts three memcached, two or three msmd and an app, each a
// process, and browsers of three tabs each that read, change, rotate and
// destroy sessions, while a nemesis kills, hangs, cuts off, empties and fills
// the nodes and kills msmds. What the browsers saw is checked with porcupine
// against a model of a session, and what the nodes hold is read from them
// directly.
//
// One node at a time has a fault. After it, every live session is read once
// through msmd before the next node's turn: that writes its second copy back,
// and two copies cannot promise more. A session that is not used between two
// faults may lose both copies. The same goes for what was destroyed: the ids
// that died during a fault are asked for once after it, or a tombstone that
// one node missed could be lost with the other.
//
// A run is replayed by its seed, which it prints with each fault; the faults
// are the same, the interleaving with the browsers is not.
//
//	go test ./e2e/faults -run TestNemesis -faults.duration=3m -faults.strict
//
// TestMutants builds msmds that are wrong on purpose and wants the nemesis to
// find them out. TestSteps and its neighbours meet each step of loading and
// storing with each fault of the network, one at a time, in this process.
package faults

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// appVariable makes the test program the app of a run, see app_test.go.
const appVariable = "MSMD_FAULTS_APP"

// flags are those of this package; see their texts in newFlags.
type flags struct {
	duration  time.Duration
	seed      uint64
	strict    bool
	race      bool
	msmds     int
	browsers  int
	think     time.Duration
	timeout   time.Duration
	grace     time.Duration
	maxHang   time.Duration
	kinds     string
	out       string
	config    string
	mutants   bool
	mutantFor time.Duration
}

var given = newFlags(flag.CommandLine)

func newFlags(fs *flag.FlagSet) *flags {
	f := &flags{}
	fs.DurationVar(&f.duration, "faults.duration", 12*time.Second, "how long the nemesis goes on")
	fs.Uint64Var(&f.seed, "faults.seed", 1, "seed of the faults and of what the browsers do")
	fs.BoolVar(&f.strict, "faults.strict", false, "fail a run with too little traffic, too few faults or too long stalls")
	fs.BoolVar(&f.race, "faults.race", underRace, "build msmd with the race detector")
	fs.IntVar(&f.msmds, "faults.msmds", 3, "msmd processes")
	fs.IntVar(&f.browsers, "faults.browsers", 16, "browsers, of three tabs each")
	fs.DurationVar(&f.think, "faults.think", 30*time.Millisecond, "mean time between a tab's requests")
	fs.DurationVar(&f.timeout, "faults.timeout", 400*time.Millisecond, "operationTimeout of the msmds; longer than the default since the machine of a test is busy")
	fs.DurationVar(&f.grace, "faults.grace", time.Second, "rotateGrace of the msmds; 0 for none")
	fs.DurationVar(&f.maxHang, "faults.maxhang", 0, "longest SIGSTOP; 0 for a sixtieth of the duration, at most 10s")
	fs.StringVar(&f.kinds, "faults.kinds", "", "kinds of fault, with commas; empty for all")
	fs.StringVar(&f.out, "faults.out", "", "directory for the evidence of violations; empty for one in the temporary directory")
	fs.StringVar(&f.config, "faults.config", "", "further lines of the msmds' configuration, with semicolons")
	fs.BoolVar(&f.mutants, "faults.mutants", false, "run TestMutants")
	fs.DurationVar(&f.mutantFor, "faults.mutantfor", 90*time.Second, "how long a mutant may stay undetected")
	return f
}

func TestMain(m *testing.M) {
	if os.Getenv(appVariable) != "" {
		if err := serveApp(os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	flag.Parse()
	os.Exit(m.Run())
}

// buildMsmd builds the program with further arguments of go build.
func buildMsmd(t testing.TB, args ...string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "msmd")
	args = append([]string{"build"}, args...)
	if given.race {
		args = append(args, "-race")
	}
	out, err := exec.Command("go", append(args, "-o", path, "github.com/msmd/msmd/cmd/msmd")...).CombinedOutput()
	if err != nil {
		t.Fatalf("go %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return path
}
