package memcached_test

import (
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/msmd/msmd/internal/memcached"
)

// testNoEvict fills a -M node: it refuses, a refused set takes the old
// value with it, a refused cas does not, and what was freed can be used.
func testNoEvict(t *testing.T, start starter) {
	tg := start(t, scenario{
		args: []string{"-m", "8", "-M"},
		cfg:  memcached.Config{MaxBytes: 8 << 20, NoEvict: true},
	})
	const size = 100_000
	s := newSession(t, tg)
	value := strings.Repeat("x", size)
	n := 0
	for ; n < 1000; n++ {
		s.send(fmt.Sprintf("set k%d 0 0 %d\r\n%s\r\n", n, size, value))
		if got := s.line(); got != "STORED\r\n" {
			if want := "SERVER_ERROR out of memory storing object\r\n"; got != want {
				t.Fatalf("set %d answered %q, want %q", n, got, want)
			}
			break
		}
	}
	if n < 10 || n == 1000 {
		t.Fatalf("an 8 MB node stored %d items of %d bytes", n, size)
	}
	refusal := fmt.Sprintf(" 0 0 %d\n> %s\n< SERVER_ERROR out of memory storing object\n", size, value)
	found := fmt.Sprintf("< VALUE k1 0 %d\n< %s\n< END\n", size, value)
	runScript(t, tg, "> add new"+refusal+
		"> replace k1"+refusal+
		fmt.Sprintf("> cas k1 0 0 %d 1\n> %s\n< SERVER_ERROR out of memory storing object\n", size, value)+
		"> get k1\n"+found+
		"> set k1"+refusal+
		"> get k1\n< END\n"+
		fmt.Sprintf("> set k1 0 0 %d\n> %s\n< STORED\n", size, value))
}

// testEvict overfills a node: the oldest item goes, the newest stays.
func testEvict(t *testing.T, start starter) {
	tg := start(t, scenario{args: []string{"-m", "8"}, cfg: memcached.Config{MaxBytes: 8 << 20}})
	var script strings.Builder
	for i := range 300 {
		fmt.Fprintf(&script, "> set k%d 0 0 100000\n> {x*100000}\n< STORED\n", i)
	}
	script.WriteString("> get k0 k1 k2\n< END\n> get k299\n< VALUE k299 0 100000\n< {x*100000}\n< END\n")
	runScript(t, tg, script.String())
}

// testCounters runs one of everything on a fresh node and compares the
// counters of stats. Numbers memcached rounds or keeps otherwise (bytes
// before the crawler ran, connections) are compared by name only.
func testCounters(t *testing.T, start starter) {
	tg := start(t, scenario{})
	runScript(t, tg, `> get a
> set a 0 0 1
> 1
> get a a b
> cas a 0 0 1 0
> x
> cas b 0 0 1 0
> x
> gat 0 a
> touch b 0
> incr a 1
> incr b 1
> decr a 1
> decr b 1
> delete b
> set c 0 0 1
> 3
> delete c
> set d 0 0 1100000
> {x*1100000}
> flush_all noreply
> set e 0 0 1
> 5
< END
< STORED
< VALUE a 0 1
< 1
< VALUE a 0 1
< 1
< END
< EXISTS
< NOT_FOUND
< VALUE a 0 1
< 1
< END
< NOT_FOUND
< 2
< NOT_FOUND
< 1
< NOT_FOUND
< NOT_FOUND
< STORED
< DELETED
< SERVER_ERROR object too large for cache
< STORED`)
	got := generalStats(t, tg)
	want := map[string]int{
		"cmd_get": 4, "get_hits": 2, "get_misses": 2, "cmd_set": 5, "cmd_flush": 1,
		"cas_badval": 1, "cas_misses": 1, "cas_hits": 0, "cmd_touch": 2, "touch_hits": 1, "touch_misses": 1,
		"incr_hits": 1, "incr_misses": 1, "decr_hits": 1, "decr_misses": 1,
		"delete_hits": 1, "delete_misses": 1, "store_too_large": 1, "store_no_memory": 0,
		"limit_maxbytes": 64 << 20, "evictions": 0,
	}
	for name, n := range want {
		if got[name] != strconv.Itoa(n) {
			t.Errorf("stats %s = %q, want %d", name, got[name], n)
		}
	}
	for _, name := range []string{"pid", "uptime", "time", "version", "curr_items", "bytes", "curr_connections", "total_connections"} {
		if got[name] == "" {
			t.Errorf("stats %s is missing", name)
		}
	}
}

// generalStats returns the lines of plain stats.
func generalStats(t *testing.T, tg target) map[string]string {
	t.Helper()
	s := newSession(t, tg)
	s.send("stats\r\n")
	stats := make(map[string]string)
	for {
		line := strings.TrimSuffix(s.line(), "\r\n")
		if line == "END" {
			return stats
		}
		fields := strings.Fields(line)
		if len(fields) != 3 || fields[0] != "STAT" {
			t.Fatalf("stats line %q", line)
		}
		stats[fields[1]] = fields[2]
	}
}
