package e2e

import (
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"
)

// TestPostBodies posts to an app that sends header and body of its answer in
// two packets and closes, as php -S and wsgiref do. Every answer must arrive
// whole.
//
// It is a trap of net/http, golang/go#40747: when a response begins, the server
// closes the request body. The transport reads a body of known length once more
// after the last byte, to see that no more follows; if that comes too late, it
// takes the request for failed and closes the connection under the response. A
// plain ReverseProxy cuts off one such answer in ten to fifty here, and one in
// fifty of php -S.
func TestPostBodies(t *testing.T) {
	t.Parallel()
	s := newUpstreamSite(t, twoPacketApp(t, `"}`))
	b, cut := s.browser(), 0
	const posts = 300
	for range posts {
		if p, err := b.try("POST", s.servers[0].url+"/", `{"a":"b"}`); err != nil || p.body != "whole" {
			cut++
		}
	}
	if cut > 0 {
		t.Errorf("of %d answers to POST %d were cut off", posts, cut)
	}
}

// twoPacketApp returns the address of an app that answers as soon as it has
// read the text after.
func twoPacketApp(t testing.TB, after string) (addr string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var conns sync.WaitGroup
	conns.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return // closed below
			}
			conns.Go(func() { answerInTwo(conn, after) })
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		conns.Wait()
	})
	return l.Addr().String()
}

func answerInTwo(conn net.Conn, after string) {
	defer func() { _ = conn.Close() }()
	_ = conn.SetDeadline(time.Now().Add(patience))
	request := make([]byte, 0, 64<<10)
	for !strings.Contains(string(request), after) {
		n, err := conn.Read(request[len(request):cap(request)])
		if err != nil {
			return
		}
		request = request[:len(request)+n]
	}
	_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")
	<-time.After(time.Millisecond) // the packets are to arrive one by one
	_, _ = io.WriteString(conn, "whole")
	_ = conn.(*net.TCPConn).CloseWrite()
	_, _ = io.Copy(io.Discard, conn) // a close with unread data would reset the connection
}
