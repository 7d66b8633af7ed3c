package e2e

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/msmd/msmd/internal/memcached/memcachedtest"
)

// exchange sends the bytes of a request as they are, line feeds as CR LF, and
// returns the bytes that come back until the server closes. The request should
// have "Connection: close".
func exchange(t testing.TB, url, request string) string {
	t.Helper()
	conn, err := net.DialTimeout("tcp", strings.TrimPrefix(url, "http://"), patience)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	_ = conn.SetDeadline(time.Now().Add(patience))
	if _, err := io.WriteString(conn, strings.ReplaceAll(request, "\n", "\r\n")); err != nil {
		t.Logf("the server did not read all of the request: %v", err)
	}
	answer, err := io.ReadAll(conn)
	if err != nil && len(answer) == 0 {
		t.Fatalf("no answer to %.200q: %v", request, err)
	}
	return string(answer)
}

// parse reads the last response in what exchange returned.
func parse(t testing.TB, answer string) page {
	t.Helper()
	in := bufio.NewReader(strings.NewReader(answer))
	for {
		res, err := http.ReadResponse(in, nil)
		if err != nil {
			t.Fatalf("response %.300q: %v", answer, err)
		}
		body, err := io.ReadAll(res.Body)
		if err != nil {
			t.Fatalf("response %.300q: %v", answer, err)
		}
		if res.StatusCode >= 200 {
			return page{status: res.StatusCode, header: res.Header, body: string(body)}
		}
	}
}

// newGoSite starts two nodes, an app that is the handler, in this process,
// and one msmd.
func newGoSite(t testing.TB, handler http.HandlerFunc, lines ...string) *site {
	t.Helper()
	upstream := httptest.NewServer(handler)
	t.Cleanup(upstream.Close)
	return newUpstreamSite(t, strings.TrimPrefix(upstream.URL, "http://"), lines...)
}

// newUpstreamSite starts two nodes and one msmd in front of an address. Unless
// the lines say otherwise, msmd is patient with the nodes of a busy machine.
func newUpstreamSite(t testing.TB, addr string, lines ...string) *site {
	t.Helper()
	s := &site{world: newWorld(t), nodes: memcachedtest.StartN(t, 2)}
	if !strings.Contains(strings.Join(lines, "\n"), "operationTimeout:") {
		lines = append(lines, "operationTimeout: 500ms")
	}
	lines = append(s.config(addr), lines...)
	s.servers = []*server{s.serve("msmd", lines...)}
	return s
}
