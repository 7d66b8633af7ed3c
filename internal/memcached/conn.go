package memcached

import (
	"bufio"
	"bytes"
	"errors"
	"net"
)

// Limits of what one connection may make the server hold, besides the one
// value it is sending.
const (
	readBuffer  = 16 << 10
	maxLine     = 2048     // a line longer than this must be a get
	maxGetLine  = 64 << 10 // and no longer than this
	maxKey      = 250
	crlf        = "\r\n"
	maxGetSpace = 100 // spaces before a long get
)

var (
	errLineTooLong = errors.New("memcached: command line too long")
	errQuit        = errors.New("memcached: quit")
)

// conn serves one client, from one goroutine.
type conn struct {
	srv  *Server
	stop <-chan struct{} // closed when the server stops
	nc   net.Conn
	r    *bufio.Reader
	w    *bufio.Writer

	noreply bool // of the current command
}

func newConn(s *Server, stop <-chan struct{}, nc net.Conn) *conn {
	return &conn{
		srv: s, stop: stop, nc: nc,
		r: bufio.NewReaderSize(nc, readBuffer),
		w: bufio.NewWriterSize(nc, readBuffer),
	}
}

// serve executes commands until the client or the server ends it. The
// reason is of no interest: a memcached has nobody to tell.
func (c *conn) serve() {
	c.srv.countConn(+1)
	defer c.srv.countConn(-1)
	for {
		line, err := c.readLine()
		if err != nil {
			return
		}
		if err := c.execute(tokenize(line)); err != nil {
			_ = c.w.Flush() // answers before a quit
			return
		}
	}
}

// readLine returns the next command line without its newline. Answers are
// flushed only when it has to wait: a client may send a command and its
// whole data before it reads anything, which over net.Pipe would deadlock
// with an earlier flush.
func (c *conn) readLine() ([]byte, error) {
	for {
		buffered, _ := c.r.Peek(c.r.Buffered())
		if i := bytes.IndexByte(buffered, '\n'); i >= 0 {
			_, err := c.r.Discard(i + 1)
			return buffered[:i], err
		}
		if len(buffered) > maxLine && !longGet(buffered) || len(buffered) >= maxGetLine {
			return nil, errLineTooLong
		}
		if len(buffered) == c.r.Size() {
			c.r = bufio.NewReaderSize(c.r, maxGetLine)
		}
		if err := c.w.Flush(); err != nil {
			return nil, err
		}
		if _, err := c.r.Peek(len(buffered) + 1); err != nil {
			return nil, err
		}
	}
}

// longGet reports whether line starts like a multi-get, which memcached
// allows to be long.
func longGet(line []byte) bool {
	text := bytes.TrimLeft(line, " ")
	return len(line)-len(text) <= maxGetSpace &&
		(bytes.HasPrefix(text, []byte("get ")) || bytes.HasPrefix(text, []byte("gets ")))
}

// reply answers with line, unless the command said noreply.
func (c *conn) reply(line string) error {
	if c.noreply {
		return nil
	}
	return c.answer([]byte(line + crlf))
}

// answer writes the whole answer of a command, after the delay in force. A
// failed write shows at the next flush: until then commands that have been
// received are executed, as memcached does for a client that has gone.
func (c *conn) answer(b []byte) error {
	if err := c.srv.waitDelay(c.stop); err != nil {
		return err
	}
	_, _ = c.w.Write(b)
	return nil
}

// do runs f with the store locked, once the server is not paused.
func (c *conn) do(f func(st *store)) error {
	if err := c.srv.lockRunning(c.stop); err != nil {
		return err
	}
	defer c.srv.dataMu.Unlock()
	c.srv.store.flushDue()
	f(c.srv.store)
	return nil
}
