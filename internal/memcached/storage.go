package memcached

import (
	"bytes"
	"io"
	"math"
)

// Answers of storage commands that appear more than once.
const (
	stored    = "STORED"
	notStored = "NOT_STORED"
	notFound  = "NOT_FOUND"
	exists    = "EXISTS"
	tooLarge  = "SERVER_ERROR object too large for cache"
	noMemory  = "SERVER_ERROR out of memory storing object"
)

// write is a storage command, parsed, without its data.
type write struct {
	verb    string
	key     string
	flags   uint32
	exptime int32
	length  int32
	cas     uint64
}

func (w *write) size() int64 { return itemSize(len(w.key), int(w.length), w.flags) }

// storage is set, add, replace, append, prepend and cas.
func (c *conn) storage(args []string) error {
	c.setNoreply(args)
	w, ok := parseWrite(args)
	if !ok {
		return c.reply(badFormat)
	}
	var refusal string
	var admitted *store // Empty may put another in its place meanwhile
	err := c.do(func(st *store) {
		admitted = st
		if refusal = c.srv.faults.refusal(); refusal == "" {
			refusal = st.admit(w)
		}
	})
	if err != nil {
		return err
	}
	if refusal != "" {
		if err := c.swallow(w); err != nil {
			return err
		}
		return c.reply(refusal)
	}
	defer func() {
		c.srv.dataMu.Lock()
		defer c.srv.dataMu.Unlock()
		admitted.release(w)
	}()
	return c.receive(w)
}

// parseWrite reads the arguments of a storage command.
func parseWrite(args []string) (*write, bool) {
	w := &write{verb: args[0], key: args[1]}
	var flags, exptime, length bool
	w.flags, flags = parseUint32(args[2])
	w.exptime, exptime = parseInt32(args[3])
	w.length, length = parseInt32(args[4])
	cas := true
	if w.verb == "cas" {
		w.cas, cas = parseUint64(args[5])
	}
	ok := flags && exptime && length && cas
	return w, ok && len(w.key) <= maxKey && w.length >= 0 && w.length <= math.MaxInt32-int32(len(crlf))
}

// swallow reads the data of a refused command without keeping it.
func (c *conn) swallow(w *write) error {
	_, err := io.CopyN(io.Discard, c.r, int64(w.length)+int64(len(crlf)))
	return err
}

// receive reads the data of an admitted command and executes it.
func (c *conn) receive(w *write) error {
	data := make([]byte, int(w.length)+len(crlf))
	if _, err := io.ReadFull(c.r, data); err != nil {
		return err
	}
	value, complete := bytes.CutSuffix(data, []byte(crlf))
	return c.update(func(st *store) string {
		st.count.CmdSet++
		if !complete {
			// What follows the block is taken for commands, as in memcached.
			return "CLIENT_ERROR bad data chunk"
		}
		return st.apply(w, value)
	})
}

// admit decides about w before its data is read, as memcached does, and
// reserves the memory. It returns "" or the error line of the answer; after
// "" the caller has to call release.
func (st *store) admit(w *write) string {
	refusal := ""
	switch {
	case w.size() > int64(st.cfg.MaxItemSize):
		st.count.StoreTooLarge++
		refusal = tooLarge
	case !st.makeRoom(w.size(), nil):
		st.count.StoreNoMemory++
		refusal = noMemory
	default:
		st.reserved += w.size()
		return ""
	}
	// A refused set must not leave the stale value behind. memcached does
	// this for set alone; a refused cas or replace keeps the old value.
	if w.verb == "set" {
		st.remove(w.key)
	}
	return refusal
}

// release gives back what admit reserved for w.
func (st *store) release(w *write) { st.reserved -= w.size() }

// apply executes w with its data and returns the answer line. The store
// keeps data.
func (st *store) apply(w *write, data []byte) string {
	old := st.peek(w.key)
	it := &item{key: w.key, value: data, flags: w.flags, expires: expiry(w.exptime, st.cfg.Now())}
	switch w.verb {
	case "add":
		if old != nil {
			st.use(w.key) // as memcached: a failed add counts as a use
			return notStored
		}
	case "replace":
		if old == nil {
			return notStored
		}
	case "append", "prepend":
		return st.extend(w, old, data)
	case "cas":
		if answer := st.compare(w, old); answer != "" {
			return answer
		}
	}
	st.link(it)
	return stored
}

// compare is the first half of cas. It returns "" if the ids match.
func (st *store) compare(w *write, old *item) string {
	switch {
	case old == nil:
		st.count.CasMisses++
		return notFound
	case old.cas != w.cas:
		st.count.CasBadval++
		return exists
	}
	st.count.CasHits++
	return ""
}

// extend is append and prepend: flags and expiry stay those of old.
func (st *store) extend(w *write, old *item, data []byte) string {
	if old == nil {
		return notStored
	}
	first, second := old.value, data
	if w.verb == "prepend" {
		first, second = data, old.value
	}
	value := make([]byte, 0, len(first)+len(second))
	it := &item{key: old.key, flags: old.flags, expires: old.expires}
	it.value = append(append(value, first...), second...)
	if it.size() > int64(st.cfg.MaxItemSize) || !st.makeRoom(it.size(), old) {
		return notStored
	}
	st.link(it)
	return stored
}
