package main

import (
	"strings"
	"testing"
)

func TestParseMemStats(t *testing.T) {
	var got memStats
	const answer = "STAT pid 7\r\nSTAT version 1.6.18\r\nSTAT libevent 2.1.12 stable\r\nSTAT cmd_get 10\r\nSTAT cmd_set 6\r\nSTAT cmd_touch 1\r\n" +
		"STAT cas_misses 1\r\nSTAT cas_hits 2\r\nSTAT cas_badval 1\r\nSTAT delete_hits 3\r\nSTAT delete_misses 4\r\nSTAT evictions 5\r\nEND\r\n"
	for range 2 {
		if err := parseMemStats(&got, strings.NewReader(answer)); err != nil {
			t.Fatal(err)
		}
	}
	want := memStats{Gets: 20, Sets: 12, CAS: 8, Touches: 2, Deletes: 14, Evictions: 10}
	if got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if got.ops() != 48 { // cas is among the sets
		t.Errorf("ops() = %d, want 48", got.ops())
	}
	if since := got.since(memStats{Gets: 5, Deletes: 4}); since != (memStats{Gets: 15, Sets: 12, CAS: 8, Touches: 2, Deletes: 10, Evictions: 10}) {
		t.Errorf("since = %+v", since)
	}
}

func TestParseMemStatsRefused(t *testing.T) {
	for _, answer := range []string{"", "ERROR\r\n", "STAT cmd_get 1\r\n", "STAT cmd_get x\r\nEND\r\n", "STAT\r\nEND\r\n"} {
		if err := parseMemStats(new(memStats), strings.NewReader(answer)); err == nil {
			t.Errorf("parseMemStats(%q): want an error", answer)
		}
	}
}
