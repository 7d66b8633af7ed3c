//go:build faults

package faults

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"sync"
	"time"
)

const rawTimeout = 5 * time.Second

// raw speaks memcached's protocol to one node, past all relays, for what msmd
// never does: look at what is stored, evict, fill. It may be used concurrently.
type raw struct {
	addr string

	mu   sync.Mutex // guards what follows
	conn net.Conn   // nil before the first use and after a failure
	in   *bufio.Reader
}

// do runs f on the connection, on a new one if there is none or if the one
// that there was has died with its memcached.
func (r *raw) do(f func() error) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	var err error
	for try := range 2 {
		fresh := r.conn == nil
		if fresh {
			if r.conn, err = net.DialTimeout("tcp", r.addr, rawTimeout); err != nil {
				r.conn = nil
				return fmt.Errorf("memcached %s: %w", r.addr, err)
			}
			r.in = bufio.NewReaderSize(r.conn, 64<<10)
		}
		_ = r.conn.SetDeadline(time.Now().Add(rawTimeout))
		if err = f(); err == nil {
			return nil
		}
		_ = r.conn.Close()
		r.conn = nil
		if fresh || try > 0 {
			break
		}
	}
	return fmt.Errorf("memcached %s: %w", r.addr, err)
}

func (r *raw) close() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.conn != nil {
		_ = r.conn.Close()
		r.conn = nil
	}
}

func (r *raw) line() (string, error) {
	line, err := r.in.ReadString('\n')
	return strings.TrimRight(line, "\r\n"), err
}

// get returns the value of key, nil if there is none.
func (r *raw) get(key string) (value []byte, err error) {
	err = r.do(func() error {
		if _, err := fmt.Fprintf(r.conn, "get %s\r\n", key); err != nil {
			return err
		}
		line, err := r.line()
		if err != nil || line == "END" {
			value = nil
			return err
		}
		words := strings.Fields(line) // VALUE <key> <flags> <bytes>
		if len(words) != 4 || words[0] != "VALUE" || words[1] != key {
			return fmt.Errorf("answer %q to get", line)
		}
		size, err := strconv.Atoi(words[3])
		if err != nil {
			return err
		}
		value = make([]byte, size+len("\r\nEND\r\n"))
		_, err = io.ReadFull(r.in, value)
		value = value[:size]
		return err
	})
	return value, err
}

// remove deletes the keys, as an eviction does.
func (r *raw) remove(keys []string) error {
	return r.do(func() error {
		var b strings.Builder
		for _, key := range keys {
			fmt.Fprintf(&b, "delete %s\r\n", key)
		}
		if _, err := io.WriteString(r.conn, b.String()); err != nil {
			return err
		}
		for range keys {
			if line, err := r.line(); err != nil || line != "DELETED" && line != "NOT_FOUND" {
				return fmt.Errorf("answer %q to delete: %w", line, err)
			}
		}
		return nil
	})
}

// add stores n values of the size and returns how many the node took.
func (r *raw) add(keys func(i int) string, n, size int) (taken int, err error) {
	value := strings.Repeat("x", size)
	err = r.do(func() error {
		taken = 0
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, "add %s 0 300 %d\r\n%s\r\n", keys(i), size, value)
		}
		if _, err := io.WriteString(r.conn, b.String()); err != nil {
			return err
		}
		for range n {
			line, err := r.line()
			if err != nil {
				return err
			}
			if line == "STORED" {
				taken++
			}
		}
		return nil
	})
	return taken, err
}

// stats returns the numbers among memcached's own statistics.
func (r *raw) stats() (map[string]int, error) {
	values := map[string]int{}
	err := r.do(func() error {
		if _, err := io.WriteString(r.conn, "stats\r\n"); err != nil {
			return err
		}
		for {
			line, err := r.line()
			if err != nil || line == "END" {
				return err
			}
			name, value, _ := strings.Cut(strings.TrimPrefix(line, "STAT "), " ")
			if n, err := strconv.Atoi(value); err == nil {
				values[name] = n
			}
		}
	})
	return values, err
}
