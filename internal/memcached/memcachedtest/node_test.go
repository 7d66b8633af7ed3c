package memcachedtest

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/msmd/msmd/internal/memcached"
)

// backends returns a choice for every backend that this machine has.
func backends(t *testing.T) []choice {
	t.Helper()
	image := os.Getenv("MSMD_TEST_MEMCACHED_IMAGE")
	if image == "" {
		image = DefaultImage
	}
	p := probes{docker: probeDocker, local: func() (string, error) { return exec.LookPath("memcached") }}
	all := []choice{inProcess("test")}
	for _, c := range []func() (choice, error){
		func() (choice, error) { return chooseDocker(image, p) },
		func() (choice, error) { return chooseLocal(p) },
	} {
		found, err := c()
		if err != nil {
			t.Logf("not tested: %v", err)
			continue
		}
		all = append(all, found)
	}
	return all
}

// TestNode drives every backend through the life of a node.
func TestNode(t *testing.T) {
	for _, c := range backends(t) {
		t.Run(c.backend, func(t *testing.T) {
			t.Parallel()
			n := start(t, c, []string{"-I", "2m"})
			if n.Backend() != c.backend {
				t.Errorf("Backend = %q, want %q", n.Backend(), c.backend)
			}
			addr := n.Addr()
			want(t, addr, "set a 0 0 1\r\n1", "STORED")
			n.Flush()
			want(t, addr, "get a", "END")

			testPause(t, n)

			want(t, addr, "set a 0 0 1\r\n1", "STORED")
			n.Kill()
			n.Kill()
			if c, err := net.DialTimeout("tcp", addr, time.Second); err == nil {
				c.Close()
				t.Error("dial of a killed node succeeded")
			}
			n.Restart()
			if n.Addr() != addr {
				t.Errorf("Addr after Restart = %q, want %q", n.Addr(), addr)
			}
			want(t, addr, "get a", "END")
			n.Restart() // without a Kill before
			n.Pause()
			n.Kill() // a paused one
			n.Restart()
			want(t, addr, "get a", "END")
		})
	}
}

// testPause sends a command to a paused node and goes; it must be executed
// after Resume, and not before.
func testPause(t *testing.T, n *Node) {
	t.Helper()
	conn, err := net.Dial("tcp", n.Addr())
	if err != nil {
		t.Fatal(err)
	}
	// An answer shows that memcached has accepted the connection.
	if _, err := fmt.Fprintf(conn, "version\r\n"); err != nil {
		t.Fatal(err)
	}
	if _, err := bufio.NewReader(conn).ReadString('\n'); err != nil {
		t.Fatal(err)
	}
	n.Pause()
	if _, err := fmt.Fprintf(conn, "set paused 0 0 1\r\n1\r\n"); err != nil {
		t.Fatal(err)
	}
	if err := conn.Close(); err != nil {
		t.Fatal(err)
	}
	if got, err := ask(n.Addr(), "version", 50*time.Millisecond); err == nil {
		t.Errorf("paused node answered %q", got)
	}
	n.Resume()
	if err := waitReady(nil, func() error {
		got, err := ask(n.Addr(), "get paused", time.Second)
		if err == nil && got != "VALUE paused 0 1" {
			err = fmt.Errorf("get = %q", got)
		}
		return err
	}); err != nil {
		t.Errorf("command of a client that has gone: %v", err)
	}
}

// want sends command to addr and compares the first line of the answer.
func want(t *testing.T, addr, command, answer string) {
	t.Helper()
	got, err := ask(addr, command, startTimeout)
	if err != nil || got != answer {
		t.Errorf("%q = %q, %v, want %q", command, got, err, answer)
	}
}

func TestStart(t *testing.T) {
	nodes := StartN(t, 2, "-m", "8")
	if nodes[0].Addr() == nodes[1].Addr() {
		t.Errorf("two nodes at %s", nodes[0].Addr())
	}
	name, reason, err := Backend()
	if err != nil || name != nodes[0].Backend() || reason == "" {
		t.Errorf("Backend() = %q, %q, %v, want %q and a reason", name, reason, err, nodes[0].Backend())
	}
}

// TestFailedStart checks that memcached's own words reach the developer,
// and that a taken port is told from other failures.
func TestFailedStart(t *testing.T) {
	path, err := exec.LookPath("memcached")
	if err != nil {
		t.Skipf("needs a local memcached: %v", err)
	}
	if _, err := launchProcess(path, []string{"-m", "nonsense"}); err == nil || !strings.Contains(err.Error(), "stderr") {
		t.Errorf("launch with bad flags = %v, want memcached's stderr", err)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	_, port, err := net.SplitHostPort(ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	p := &process{path: path, port: port, stderr: t.TempDir() + "/stderr"}
	if err := p.restart(); !errors.Is(err, errPortTaken) {
		t.Errorf("start on a taken port = %v, want errPortTaken", err)
	}
}

func TestFakeFailsLoudly(t *testing.T) {
	s, err := launchInProcess([]string{"-m", "64"})
	if err != nil {
		t.Fatal(err)
	}
	want(t, s.addr(), "mg a v", "ERROR")
	if err := s.remove(); err == nil {
		t.Error("remove of a node that got an unknown command = nil, want an error")
	}
}

func TestChoose(t *testing.T) {
	fails := errors.New("not here")
	for _, tt := range []struct {
		backend       string
		docker, local error
		require       bool
		want          string // "" for an error
	}{
		{"", nil, nil, true, Docker},
		{"auto", fails, nil, true, Local},
		{"auto", fails, fails, false, InProcess},
		{"auto", fails, fails, true, ""},
		{Docker, nil, nil, false, Docker},
		{Docker, fails, nil, false, ""},
		{Local, nil, nil, false, Local},
		{Local, nil, fails, false, ""},
		{InProcess, nil, nil, false, InProcess},
		{InProcess, nil, nil, true, ""},
		{"podman", nil, nil, false, ""},
	} {
		p := probes{
			docker: func(string) error { return tt.docker },
			local:  func() (string, error) { return "/bin/memcached", tt.local },
		}
		got, err := choose(settings{backend: tt.backend, requireReal: tt.require}, p)
		if got.backend != tt.want || (err != nil) != (tt.want == "") {
			t.Errorf("choose(%q, require %v) = %q, %v, want %q", tt.backend, tt.require, got.backend, err, tt.want)
		}
	}
}

func TestParseFlags(t *testing.T) {
	got, err := parseFlags([]string{"-m", "64", "-m", "8", "-M", "-I", "2m", "-c", "100"})
	if want := (memcached.Config{MaxBytes: 8 << 20, MaxItemSize: 2 << 20, NoEvict: true}); err != nil || got.MaxBytes != want.MaxBytes ||
		got.MaxItemSize != want.MaxItemSize || got.NoEvict != want.NoEvict {
		t.Errorf("parseFlags = %+v, %v, want %+v", got, err, want)
	}
	for _, bad := range [][]string{{"-t", "4"}, {"-m"}, {"-m", "x"}, {"-m", "0"}, {"-I", "-1"}, {"-m64"}} {
		if _, err := parseFlags(bad); err == nil {
			t.Errorf("parseFlags(%q) succeeded", bad)
		}
	}
}

func TestSplitImage(t *testing.T) {
	for _, tt := range [][3]string{
		{"memcached:1.6", "memcached", "1.6"},
		{"msmd-test/memcached", "msmd-test/memcached", "latest"},
		{"registry:5000/memcached", "registry:5000/memcached", "latest"},
		{"registry:5000/memcached:1", "registry:5000/memcached", "1"},
	} {
		if repository, tag := splitImage(tt[0]); repository != tt[1] || tag != tt[2] {
			t.Errorf("splitImage(%q) = %q, %q, want %q, %q", tt[0], repository, tag, tt[1], tt[2])
		}
	}
}
