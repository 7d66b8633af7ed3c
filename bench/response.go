package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
)

const readBuffer = 32 << 10 // a response's head must fit

// response is what the load generator wants to know of a response.
type response struct {
	status    int
	size      int    // of the body
	first     byte   // of the body, 0 if it is empty
	setCookie string // name=value of the last Set-Cookie, "" without one
	closes    bool   // the server closes the connection after it
}

// responseReader reads HTTP/1.1 responses from a connection. It is as cheap as
// it can be: it understands what the measured servers send and refuses the
// rest.
type responseReader struct {
	r        io.Reader
	buf      []byte
	pos, end int // buf[pos:end] is read and not used yet
}

func newResponseReader(r io.Reader) *responseReader {
	return &responseReader{r: r, buf: make([]byte, readBuffer)}
}

// read returns the next final response; 1xx ones are skipped.
func (rr *responseReader) read() (response, error) {
	for {
		head, err := rr.until("\r\n\r\n")
		if err != nil {
			return response{}, err
		}
		res, length, err := parseHead(head)
		if err != nil {
			return res, err
		}
		if res.status < 200 {
			continue
		}
		switch length {
		case chunked:
			err = rr.chunks(&res)
		case untilClose:
			err = rr.rest(&res)
		default:
			err = rr.body(&res, length)
		}
		return res, err
	}
}

// Lengths of a body that are none.
const (
	chunked    = -1
	untilClose = -2
)

// parseHead reads a status line and the headers that matter. head ends with an
// empty line.
func parseHead(head []byte) (res response, length int, err error) {
	line, rest, _ := bytes.Cut(head, []byte("\r\n"))
	if len(line) < 12 || !bytes.HasPrefix(line, []byte("HTTP/1.")) {
		return res, 0, fmt.Errorf("status line %q", line)
	}
	if res.status, err = strconv.Atoi(string(line[9:12])); err != nil {
		return res, 0, fmt.Errorf("status line %q", line)
	}
	length = untilClose
	if res.status < 200 || res.status == 204 || res.status == 304 {
		length = 0
	}
	for len(rest) > 2 {
		line, rest, _ = bytes.Cut(rest, []byte("\r\n"))
		name, value, ok := bytes.Cut(line, []byte(":"))
		if !ok {
			return res, 0, fmt.Errorf("header line %q", line)
		}
		if err := res.header(name, bytes.TrimSpace(value), &length); err != nil {
			return res, 0, err
		}
	}
	return res, length, nil
}

// header takes note of one header. The switch on the length spares the
// comparison for most names.
func (res *response) header(name, value []byte, length *int) error {
	switch len(name) {
	case len("Content-Length"):
		if !bytes.EqualFold(name, []byte("Content-Length")) {
			return nil
		}
		n, err := strconv.Atoi(string(value))
		if err != nil || n < 0 {
			return fmt.Errorf("content length %q", value)
		}
		*length = n
	case len("Transfer-Encoding"):
		if bytes.EqualFold(name, []byte("Transfer-Encoding")) && bytes.EqualFold(value, []byte("chunked")) {
			*length = chunked
		}
	case len("Set-Cookie"): // and Connection
		if bytes.EqualFold(name, []byte("Set-Cookie")) {
			pair, _, _ := bytes.Cut(value, []byte(";"))
			res.setCookie = string(pair)
		} else if bytes.EqualFold(name, []byte("Connection")) {
			res.closes = bytes.EqualFold(value, []byte("close"))
		}
	}
	return nil
}

// chunks reads a chunked body and its trailers.
func (rr *responseReader) chunks(res *response) error {
	for {
		line, err := rr.until("\r\n")
		if err != nil {
			return err
		}
		digits, _, _ := bytes.Cut(line[:len(line)-2], []byte(";"))
		n, err := strconv.ParseUint(string(bytes.TrimSpace(digits)), 16, 31)
		if err != nil {
			return fmt.Errorf("chunk size %q", line)
		}
		if n == 0 {
			return rr.trailers()
		}
		if err := rr.body(res, int(n)); err != nil {
			return err
		}
		if line, err = rr.until("\r\n"); err != nil {
			return err
		}
		if len(line) != 2 {
			return fmt.Errorf("chunk longer than %d bytes", n)
		}
	}
}

func (rr *responseReader) trailers() error {
	for {
		line, err := rr.until("\r\n")
		if err != nil || len(line) == 2 {
			return err
		}
	}
}

// body skips n bytes of a body.
func (rr *responseReader) body(res *response, n int) error {
	for n > 0 {
		if rr.pos == rr.end {
			if err := rr.fill(); err != nil {
				return err
			}
		}
		if res.size == 0 {
			res.first = rr.buf[rr.pos]
		}
		skip := min(n, rr.end-rr.pos)
		rr.pos += skip
		res.size += skip
		n -= skip
	}
	return nil
}

// rest skips a body that ends with the connection, as error pages do.
func (rr *responseReader) rest(res *response) error {
	res.closes = true
	for {
		err := rr.body(res, rr.end-rr.pos)
		if err == nil {
			err = rr.fill()
		}
		if errors.Is(err, io.ErrUnexpectedEOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// until returns what comes up to and with delim. It is valid until the next
// read.
func (rr *responseReader) until(delim string) ([]byte, error) {
	for {
		if i := bytes.Index(rr.buf[rr.pos:rr.end], []byte(delim)); i >= 0 {
			found := rr.buf[rr.pos : rr.pos+i+len(delim)]
			rr.pos += len(found)
			return found, nil
		}
		if err := rr.fill(); err != nil {
			return nil, err
		}
	}
}

// fill reads more bytes, at least one.
func (rr *responseReader) fill() error {
	if rr.pos > 0 {
		rr.end = copy(rr.buf, rr.buf[rr.pos:rr.end])
		rr.pos = 0
	}
	if rr.end == len(rr.buf) {
		return fmt.Errorf("response head longer than %d bytes", len(rr.buf))
	}
	n, err := rr.r.Read(rr.buf[rr.end:])
	rr.end += n
	switch {
	case n > 0:
		return nil // err, if any, comes again
	case errors.Is(err, io.EOF):
		return io.ErrUnexpectedEOF
	case err == nil:
		return io.ErrNoProgress
	default:
		return err
	}
}
