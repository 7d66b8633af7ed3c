package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"time"
)

// memStats are memcached's counters, over all nodes.
type memStats struct {
	Gets      uint64 // keys asked for
	Sets      uint64 // set, add, replace and cas that arrived
	CAS       uint64 // of them, those by cas
	Touches   uint64
	Deletes   uint64
	Evictions uint64
}

// ops is the number of operations.
func (s memStats) ops() uint64 { return s.Gets + s.Sets + s.Touches + s.Deletes }

// since returns what happened after before.
func (s memStats) since(before memStats) memStats {
	return memStats{s.Gets - before.Gets, s.Sets - before.Sets, s.CAS - before.CAS,
		s.Touches - before.Touches, s.Deletes - before.Deletes, s.Evictions - before.Evictions}
}

// readMemStats asks all nodes.
func readMemStats(addrs []string) (memStats, error) {
	var sum memStats
	for _, addr := range addrs {
		if err := addMemStats(&sum, addr); err != nil {
			return sum, fmt.Errorf("stats of memcached at %s: %w", addr, err)
		}
	}
	return sum, nil
}

func addMemStats(sum *memStats, addr string) error {
	conn, err := net.DialTimeout("tcp", addr, dialTimeout)
	if err != nil {
		return err
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(dialTimeout)); err != nil {
		return err
	}
	if _, err := io.WriteString(conn, "stats\r\n"); err != nil {
		return err
	}
	return parseMemStats(sum, conn)
}

// parseMemStats adds the answer to the stats command to sum.
func parseMemStats(sum *memStats, answer io.Reader) error {
	wanted := map[string]*uint64{
		"cmd_get": &sum.Gets, "cmd_set": &sum.Sets, "cmd_touch": &sum.Touches, "evictions": &sum.Evictions,
		"cas_hits": &sum.CAS, "cas_misses": &sum.CAS, "cas_badval": &sum.CAS,
		"delete_hits": &sum.Deletes, "delete_misses": &sum.Deletes,
	}
	for lines := bufio.NewScanner(answer); lines.Scan(); {
		fields := strings.Fields(lines.Text())
		if len(fields) == 1 && fields[0] == "END" {
			return nil
		}
		if len(fields) < 2 || fields[0] != "STAT" {
			return fmt.Errorf("line %q", lines.Text())
		}
		counter := wanted[fields[1]]
		if counter == nil || len(fields) != 3 {
			continue
		}
		n, err := strconv.ParseUint(fields[2], 10, 64)
		if err != nil {
			return fmt.Errorf("line %q: %w", lines.Text(), err)
		}
		*counter += n
	}
	return errors.New("the answer ended early")
}
