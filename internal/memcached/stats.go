package memcached

import (
	"fmt"
	"maps"
	"os"
	"strings"
)

// Stats is what a Server has counted since New, Empty or "stats reset".
// The counters are those of memcached's stats command under the same name.
type Stats struct {
	Items            int    // curr_items, expired ones not counted
	Bytes            int64  // bytes
	CurrConnections  int    // curr_connections
	TotalConnections uint64 // total_connections

	CmdGet   uint64 // keys asked for by get and gets
	CmdSet   uint64 // storage commands whose data arrived
	CmdTouch uint64 // keys of touch, gat and gats
	CmdFlush uint64 // flush_all

	GetHits, GetMisses       uint64
	DeleteHits, DeleteMisses uint64
	IncrHits, IncrMisses     uint64
	DecrHits, DecrMisses     uint64
	TouchHits, TouchMisses   uint64 // gat and gats too
	CasHits, CasMisses       uint64
	CasBadval                uint64 // cas answered EXISTS
	Evictions                uint64
	StoreTooLarge            uint64
	StoreNoMemory            uint64

	// Unknown counts lines answered ERROR: an unknown command or a wrong
	// number of arguments. Tests should assert that it is 0. Neither Empty
	// nor "stats reset" resets it.
	Unknown uint64

	// Commands counts executed commands by name. A get of three keys is
	// one "get"; a refused set is one "set".
	Commands map[string]uint64
}

// Stats returns the state and the counters of the server. It does not wait
// for Resume. The caller owns the result.
func (s *Server) Stats() Stats {
	s.dataMu.Lock()
	defer s.dataMu.Unlock()
	return s.store.stats()
}

// stats drops what has expired, so that it does not show, and returns the
// numbers.
func (st *store) stats() Stats {
	st.flushDue()
	st.sweep()
	out := st.count
	out.Items, out.Bytes = len(st.items), st.bytes
	out.Commands = maps.Clone(st.count.Commands)
	return out
}

// resetStats zeroes the counters but not the alarm and the connections.
func (st *store) resetStats() {
	st.count = Stats{
		Unknown:         st.count.Unknown,
		CurrConnections: st.count.CurrConnections,
		Commands:        make(map[string]uint64),
	}
}

// countConn adds by, 1 or -1, to the open connections.
func (s *Server) countConn(by int) {
	s.dataMu.Lock()
	defer s.dataMu.Unlock()
	s.store.count.CurrConnections += by
	if by > 0 {
		s.store.count.TotalConnections++
	}
}

// stats answers the stats command.
func (c *conn) stats(args []string) error {
	sub := ""
	if len(args) > 1 {
		sub = args[1]
	}
	var b strings.Builder
	err := c.do(func(st *store) {
		switch sub {
		case "":
			st.writeGeneral(&b)
		case "settings":
			st.writeSettings(&b)
		case "reset":
			st.resetStats()
		}
	})
	if err != nil {
		return err
	}
	switch sub {
	case "", "settings", "items", "slabs":
		return c.answer([]byte(b.String() + "END" + crlf))
	case "reset":
		return c.reply("RESET")
	}
	return c.unknown()
}

// writeGeneral writes the lines of plain stats.
func (st *store) writeGeneral(b *strings.Builder) {
	s, now := st.stats(), st.cfg.Now()
	stat := func(name string, value any) { fmt.Fprintf(b, "STAT %s %v%s", name, value, crlf) }
	stat("pid", os.Getpid())
	stat("uptime", int64(now.Sub(st.started).Seconds()))
	stat("time", now.Unix())
	stat("version", Version)
	stat("curr_connections", s.CurrConnections)
	stat("total_connections", s.TotalConnections)
	stat("cmd_get", s.CmdGet)
	stat("cmd_set", s.CmdSet)
	stat("cmd_flush", s.CmdFlush)
	stat("cmd_touch", s.CmdTouch)
	stat("get_hits", s.GetHits)
	stat("get_misses", s.GetMisses)
	stat("delete_misses", s.DeleteMisses)
	stat("delete_hits", s.DeleteHits)
	stat("incr_misses", s.IncrMisses)
	stat("incr_hits", s.IncrHits)
	stat("decr_misses", s.DecrMisses)
	stat("decr_hits", s.DecrHits)
	stat("cas_misses", s.CasMisses)
	stat("cas_hits", s.CasHits)
	stat("cas_badval", s.CasBadval)
	stat("touch_hits", s.TouchHits)
	stat("touch_misses", s.TouchMisses)
	stat("store_too_large", s.StoreTooLarge)
	stat("store_no_memory", s.StoreNoMemory)
	stat("limit_maxbytes", st.cfg.MaxBytes)
	stat("bytes", s.Bytes)
	stat("curr_items", s.Items)
	stat("evictions", s.Evictions)
}

// writeSettings writes the settings that exist here.
func (st *store) writeSettings(b *strings.Builder) {
	evictions := "on"
	if st.cfg.NoEvict {
		evictions = "off"
	}
	fmt.Fprintf(b, "STAT maxbytes %d%s", st.cfg.MaxBytes, crlf)
	fmt.Fprintf(b, "STAT evictions %s%s", evictions, crlf)
	fmt.Fprintf(b, "STAT cas_enabled yes%s", crlf)
	fmt.Fprintf(b, "STAT item_size_max %d%s", st.cfg.MaxItemSize, crlf)
	fmt.Fprintf(b, "STAT flush_enabled yes%s", crlf)
}
