// Package e2e tests msmd from outside: the real program, apps in several
// languages and memcached nodes, each a process that a test may kill.
//
// # Environment
//
// The nodes come from internal/memcached/memcachedtest and follow its
// variables. Apps in PHP, Python and Node need php, python3 and node on PATH;
// what is missing is skipped by name, or, if MSMD_TEST_REQUIRE_APPS is set,
// fails. CI sets it.
package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
)

// program builds msmd once per test process and returns its path.
var program = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "msmd-e2e-")
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "msmd")
	out, err := exec.Command("go", "build", raceFlag, "-o", path, "github.com/msmd/msmd/cmd/msmd").CombinedOutput()
	if err != nil {
		return path, fmt.Errorf("go build: %w\n%s", err, out)
	}
	return path, nil
})

func TestMain(m *testing.M) {
	path, err := program()
	code := 1
	if err == nil {
		code = m.Run()
	} else {
		fmt.Fprintln(os.Stderr, err)
	}
	if path != "" {
		_ = os.RemoveAll(filepath.Dir(path))
	}
	os.Exit(code)
}
