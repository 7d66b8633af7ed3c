package e2e

import (
	"bytes"
	"io"
	"net"
	"net/http"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"
)

// outcome is what a command line that ends by itself left behind.
type outcome struct {
	stdout, stderr string
	code           int
}

// run runs msmd to its end.
func run(t testing.TB, args ...string) outcome {
	t.Helper()
	path, err := program()
	if err != nil {
		t.Fatal(err)
	}
	var stdout, stderr bytes.Buffer
	cmd := exec.Command(path, args...)
	cmd.Env, cmd.Stdout, cmd.Stderr = cleanEnv(), &stdout, &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	overdue := time.AfterFunc(patience, func() { _ = cmd.Process.Kill() })
	_ = cmd.Wait() // the exit code says it
	if !overdue.Stop() {
		t.Fatalf("msmd %q did not end in %v", args, patience)
	}
	return outcome{stdout.String(), stderr.String(), cmd.ProcessState.ExitCode()}
}

func TestCommandLine(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		args           string
		code           int
		stdout, stderr []string // parts of what is written; none: nothing is
	}{
		{"version", 0, []string{"msmd ", "go1."}, nil},
		{"completion bash", 0, []string{"msmd", "complete"}, nil},
		{"--help", 0, []string{"serve", "check", "demo", "sample-app"}, nil},
		{"serve --help", 0, []string{"--config", "--memcachedNodes"}, nil},
		{"serve --wibble", 1, nil, []string{"msmd: ", "unknown flag: --wibble"}},
		{"sevre", 1, nil, []string{"msmd: ", `unknown command "sevre"`}},
		{"serve extra", 1, nil, []string{"msmd: ", "extra"}},
		{"serve --config /nowhere/msmd.yaml", 1, nil, []string{"msmd: ", "/nowhere/msmd.yaml"}},
		{"check --config ../config.example.yaml", 0, []string{"n1", "app1", "survives", "any one of n1, n2 may die", "/logo.png   ignored", "warnings"}, nil},
		{"check --config ../config.example.yaml /x.css?v=2 /x", 0, []string{"/x.css?v=2  ignored", "/x          session"}, nil},
		{"check --config ../config.example.yaml --replicas 0", 0, []string{"copy        none"}, nil},
	} {
		got := run(t, strings.Fields(tt.args)...)
		if got.code != tt.code {
			t.Errorf("msmd %s: exit code %d, want %d; stderr %q", tt.args, got.code, tt.code, got.stderr)
		}
		wantParts(t, "msmd "+tt.args+" on stdout", got.stdout, tt.stdout)
		wantParts(t, "msmd "+tt.args+" on stderr", got.stderr, tt.stderr)
	}
}

// wantParts fails the test unless text has all parts, or is empty if there are
// none.
func wantParts(t testing.TB, what, text string, parts []string) {
	t.Helper()
	if len(parts) == 0 && text != "" {
		t.Errorf("%s: %q, want nothing", what, text)
	}
	for _, part := range parts {
		if !strings.Contains(text, part) {
			t.Errorf("%s: %q lacks %q", what, text, part)
		}
	}
}

// broken are faults in a configuration, and what a message has to name: the
// key, the value, a hint.
func broken() map[string][]string {
	return map[string][]string{
		"failovernode: n2":                  {`"failovernode"`, `did you mean "failoverNodes"?`},
		"failoverNodes: n3":                 {"failoverNodes", `"n3"`},
		"operationTimeout: 1000":            {"operationTimeout", `"1000"`, "1000ms"},
		"replicas: 7":                       {"replicas", `"7"`, "use 0 or 1"},
		"requestUriIgnorePattern: '(?!x)y'": {"requestUriIgnorePattern", `"(?!x)y"`, "look-around"},
		"cookieSameSite: laxx":              {"cookieSameSite", `"laxx"`, `did you mean "Lax"`},
		"adminListen: 0.0.0.0:8081":         {"adminListen", `"0.0.0.0:8081"`, "adminPublic: true"},
		"badPatch: maybe\nlogLevel: loud":   {"badPatch", `"maybe"`, "logLevel", `"loud"`}, // all at once
		"cookieName: __Host-x":              {"cookieName", `"__Host-x"`, "plaintext"},
	}
}

// TestBrokenConfig also checks that serve refuses before it listens: the
// address is taken, and that is not what it complains about.
func TestBrokenConfig(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	good := "listen: " + l.Addr().String() + "\nmemcachedNodes: n1:127.0.0.1:1,n2:127.0.0.1:2\napps: [app1=http://127.0.0.1:3]\n"
	for fault, want := range broken() {
		file := writeFile(t, good+fault+"\n")
		for _, command := range []string{"check", "serve"} {
			got := run(t, command, "--config", file)
			if got.code != 1 || got.stdout != "" || strings.Contains(got.stderr, "address already in use") {
				t.Errorf("%s with %q: exit code %d, stdout %q, stderr %q; want 1 and a refusal of the file", command, fault, got.code, got.stdout, got.stderr)
			}
			wantParts(t, command+" with "+fault, got.stderr, want)
		}
	}
	got := run(t, "serve", "--config", writeFile(t, good))
	if got.code != 1 || !strings.Contains(got.stderr, "listen: ") || !strings.Contains(got.stderr, l.Addr().String()) {
		t.Errorf("serve on a taken address: exit code %d, %q; want 1, naming listen and the address", got.code, got.stderr)
	}
}

// TestTerminate ends msmd while an app works on a request: the request is
// finished, with its change, no new ones are taken, the exit code is 0.
func TestTerminate(t *testing.T) {
	t.Parallel()
	arrived, finish := make(chan bool), make(chan bool)
	s := newGoSite(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/slow" {
			arrived <- true
			<-finish
			w.Header().Set("Msm-Session-Patch", `{"slow":true}`)
		}
		_, _ = io.WriteString(w, "whole")
	})
	b, addr := s.browser(), strings.TrimPrefix(s.servers[0].url, "http://")
	answer := make(chan page, 1)
	go func() {
		p, err := b.try("POST", s.servers[0].url+"/slow", "")
		if err != nil {
			p.body = err.Error()
		}
		answer <- p
	}()
	<-arrived
	s.servers[0].signal(syscall.SIGTERM)
	waitUntil(t, "msmd stops listening", func() bool {
		conn, err := net.Dial("tcp", addr)
		if err == nil {
			_ = conn.Close()
		}
		return err != nil
	})
	close(finish)
	if p := <-answer; p.status != http.StatusOK || p.body != "whole" || b.given != 1 {
		t.Errorf("the request under way: %d %q, %d Set-Cookie; want 200, whole, 1", p.status, p.body, b.given)
	}
	if code := s.servers[0].wait(); code != 0 {
		t.Errorf("exit code %d after SIGTERM, want 0", code)
	}
}
