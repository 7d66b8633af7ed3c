package main

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
)

const okHead = "HTTP/1.1 200 OK\r\n"

func TestResponse(t *testing.T) {
	for _, c := range []struct {
		name, in string
		want     response
	}{
		{"length", okHead + "Content-Length: 5\r\n\r\nhello", response{status: 200, size: 5, first: 'h'}},
		{"any case, no blank", okHead + "content-length:5\r\n\r\nhello", response{status: 200, size: 5, first: 'h'}},
		{"empty", okHead + "Content-Length: 0\r\n\r\n", response{status: 200}},
		{"chunked", okHead + "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nA;x=y\r\n0123456789\r\n0\r\n\r\n", response{status: 200, size: 13, first: 'a'}},
		{"trailer", okHead + "Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\nX: y\r\n\r\n", response{status: 200, size: 1, first: 'a'}},
		{"cookie", okHead + "Set-Cookie: id=a-b.c; Path=/; HttpOnly\r\nContent-Length: 0\r\n\r\n", response{status: 200, setCookie: "id=a-b.c"}},
		{"close", "HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nContent-Length: 0\r\n\r\n", response{status: 503, closes: true}},
		{"keep-alive", okHead + "Connection: keep-alive\r\nContent-Length: 0\r\n\r\n", response{status: 200}},
		{"1xx first", "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + okHead + "Content-Length: 1\r\n\r\nx", response{status: 200, size: 1, first: 'x'}},
		{"204", "HTTP/1.1 204 No Content\r\n\r\n", response{status: 204}},
	} {
		for how, r := range map[string]io.Reader{
			"whole": strings.NewReader(c.in + c.in), "byte by byte": iotest.OneByteReader(strings.NewReader(c.in + c.in))} {
			rr := newResponseReader(r)
			for i := range 2 { // the second one shows whether the first was read to its end
				got, err := rr.read()
				if err != nil || got != c.want {
					t.Errorf("%s, %s, response %d: got %+v, %v, want %+v", c.name, how, i+1, got, err, c.want)
				}
			}
		}
	}
}

func TestResponseRefused(t *testing.T) {
	for _, c := range []struct{ name, in string }{
		{"not HTTP", "SSH-2.0-x\r\n\r\n"},
		{"short status", "HTTP/1.1 20\r\n\r\n"},
		{"status is no number", "HTTP/1.1 abc OK\r\n\r\n"},
		{"negative length", okHead + "Content-Length: -1\r\n\r\n"},
		{"header without colon", okHead + "nonsense\r\nContent-Length: 0\r\n\r\n"},
		{"bad chunk size", okHead + "Transfer-Encoding: chunked\r\n\r\nxyz\r\n"},
		{"chunk too long", okHead + "Transfer-Encoding: chunked\r\n\r\n1\r\nabc\r\n0\r\n\r\n"},
		{"endless head", okHead + "X: " + strings.Repeat("y", readBuffer)},
	} {
		if res, err := newResponseReader(strings.NewReader(c.in)).read(); err == nil {
			t.Errorf("%s: got %+v, want an error", c.name, res)
		}
	}
}

func TestResponseUntilClose(t *testing.T) {
	got, err := newResponseReader(iotest.OneByteReader(strings.NewReader("HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\nno"))).read()
	if want := (response{status: 400, size: 2, first: 'n', closes: true}); err != nil || got != want {
		t.Errorf("got %+v, %v, want %+v", got, err, want)
	}
}

func TestResponseCut(t *testing.T) {
	whole := okHead + "Content-Length: 5\r\n\r\nhello"
	for n := range len(whole) {
		_, err := newResponseReader(strings.NewReader(whole[:n])).read()
		if !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("first %d bytes: error %v, want %v", n, err, io.ErrUnexpectedEOF)
		}
	}
}

// FuzzResponse looks for panics, and for bytes that are counted and never came.
func FuzzResponse(f *testing.F) {
	f.Add([]byte(okHead + "Content-Length: 5\r\n\r\nhello"))
	f.Add([]byte(okHead + "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"))
	f.Add([]byte("HTTP/1.1 400 Bad Request\r\n\r\nno"))
	f.Fuzz(func(t *testing.T, in []byte) {
		got, err := newResponseReader(bytes.NewReader(in)).read()
		if got.size > len(in) || err == nil && got.status < 200 {
			t.Errorf("got %+v, %v from %d bytes", got, err, len(in))
		}
	})
}
