package memcached

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"
)

// scriptConn is a client that sends in and goes away.
type scriptConn struct {
	net.Conn
	in  io.Reader
	out io.Writer
}

func (c *scriptConn) Read(p []byte) (int, error)  { return c.in.Read(p) }
func (c *scriptConn) Write(p []byte) (int, error) { return c.out.Write(p) }
func (c *scriptConn) Close() error                { return nil }

// FuzzConn feeds a connection with anything. It must end, and leave the
// store with sums that add up, within its limits.
func FuzzConn(f *testing.F) {
	for _, seed := range []string{
		"get a\r\n", "set a 1 2 3\r\nabc\r\nget a\r\ngets a b\r\n", "cas a 0 0 1 1\r\nx\r\n",
		"set n 0 0 2\r\n10\r\nincr n 5\r\ndecr n 20\r\nappend n 0 0 1\r\n1\r\nprepend n 0 0 1 noreply\r\n1\r\n",
		"touch a -1\r\ngat 10 a\r\ngats 0 a\r\nflush_all 1\r\nflush_all\r\n", "stats\r\nstats settings\r\nstats reset\r\n",
		"set a 0 0 2147483647\r\n", "set a 0 0 -1\r\n", "add a 0 0 100000 noreply\r\n" + strings.Repeat("x", 1000),
		"delete a 0 noreply\r\n\x00\r\n\r\r\n", strings.Repeat("get ", 30000), strings.Repeat("x", 3000),
		"add a 0 0 300\r\n" + strings.Repeat("y", 300) + "\r\nadd b 0 0 500\r\n" + strings.Repeat("z", 500) + "\r\n",
	} {
		f.Add([]byte(seed), false)
		f.Add([]byte(seed), true)
	}
	f.Fuzz(func(t *testing.T, in []byte, noEvict bool) {
		s := New(Config{MaxBytes: 1000, MaxItemSize: 800, NoEvict: noEvict})
		newConn(s, make(chan struct{}), &scriptConn{in: bytes.NewReader(in), out: io.Discard}).serve()
		checkStore(t, s.store)
	})
}

func checkStore(t *testing.T, st *store) {
	t.Helper()
	sum := int64(0)
	for e := st.lru.Front(); e != nil; e = e.Next() {
		it := e.Value.(*item)
		sum += it.size()
		if st.items[it.key] != e || len(it.key) > maxKey || it.cas == 0 || it.cas > st.casID {
			t.Errorf("item %q is not in order: %+v", it.key, it)
		}
	}
	if sum != st.bytes || sum > st.cfg.MaxBytes || st.reserved != 0 || st.lru.Len() != len(st.items) {
		t.Errorf("items %d, listed %d, bytes %d, summed %d of %d, reserved %d",
			len(st.items), st.lru.Len(), st.bytes, sum, st.cfg.MaxBytes, st.reserved)
	}
}

// TestGoneClientIsExecuted sends a batch from a client that takes no
// answers: all of it counts, up to the first wait for more.
func TestGoneClientIsExecuted(t *testing.T) {
	s := New(Config{})
	broken, w := io.Pipe()
	broken.Close() // writes fail from here
	in := strings.NewReader("set a 0 0 1\r\n1\r\nget a\r\nset b 0 0 1\r\n2\r\n")
	newConn(s, make(chan struct{}), &scriptConn{in: in, out: w}).serve()
	if got := s.Stats().Items; got != 2 {
		t.Errorf("%d items, want 2", got)
	}
}

func TestParseNumbers(t *testing.T) {
	for _, tt := range []struct {
		in, want string // signed, 32 and 64 bits unsigned
	}{
		{"0", "0 0 0"},
		{"+7", "7 7 7"},
		{"-0", "0 0 0"},
		{"-1", "-1 - -"},
		{"\t5\r", "5 5 5"},
		{"4294967297", "1 1 4294967297"}, // cut to 32 bits
		{"18446744073709551615", "- 4294967295 18446744073709551615"},
		{"18446744073709551616", "- - -"},
		{"-18446744073709551615", "- 1 1"}, // strtoull negates
		{"", "- - -"},
		{"-", "- - -"},
		{"+-1", "- - -"},
		{"1x", "- - -"},
		{"0x1", "- - -"},
	} {
		show := func(v any, ok bool) string {
			if !ok {
				return "-"
			}
			return fmt.Sprint(v)
		}
		i, iOK := parseInt32(tt.in)
		u, uOK := parseUint32(tt.in)
		l, lOK := parseUint64(tt.in)
		if got := show(i, iOK) + " " + show(u, uOK) + " " + show(l, lOK); got != tt.want {
			t.Errorf("parse(%q) = %s, want %s", tt.in, got, tt.want)
		}
	}
}

func TestExpiry(t *testing.T) {
	now := time.Unix(1_800_000_000, 500)
	for _, tt := range []struct {
		exptime int32
		want    time.Time
	}{
		{0, time.Time{}},
		{-1, now},
		{1, now.Add(time.Second)},
		{maxRelative, now.Add(30 * 24 * time.Hour)},
		{maxRelative + 1, time.Unix(maxRelative+1, 0)},
		{1_800_000_060, time.Unix(1_800_000_060, 0)},
	} {
		if got := expiry(tt.exptime, now); !got.Equal(tt.want) {
			t.Errorf("expiry(%d) = %v, want %v", tt.exptime, got, tt.want)
		}
	}
}
