package memcached

import (
	"container/list"
	"strconv"
	"time"
)

// itemHeader is what memcached needs per item besides key and value: 48
// bytes of struct, 8 of CAS id, the NUL after the key and the CRLF after
// the value. Non-zero flags take flagsSize more. Keeping the same sum keeps
// the same item limit.
const (
	itemHeader = 48 + 8 + 1 + 2
	flagsSize  = 4
)

// item is one stored value. The bytes of value are never changed once
// stored, so that answers can be written without a lock.
type item struct {
	key     string
	value   []byte
	flags   uint32
	expires time.Time // zero: never
	cas     uint64
}

// size is the memory memcached would account for the item.
func (it *item) size() int64 { return itemSize(len(it.key), len(it.value), it.flags) }

func itemSize(key, value int, flags uint32) int64 {
	size := int64(itemHeader + key + value)
	if flags != 0 {
		size += flagsSize
	}
	return size
}

// store is the data of a server. It has no lock: Server.dataMu guards it.
type store struct {
	cfg      Config
	items    map[string]*list.Element // of *item
	lru      *list.List               // front: most recently used
	bytes    int64                    // of linked items
	reserved int64                    // for items whose data is being read
	casID    uint64                   // the last one given out
	flushAt  time.Time                // a delayed flush_all; zero: none
	started  time.Time
	count    Stats // counters only
}

func newStore(cfg Config) *store {
	return &store{
		cfg:     cfg,
		items:   make(map[string]*list.Element),
		lru:     list.New(),
		started: cfg.Now(),
		count:   Stats{Commands: make(map[string]uint64)},
	}
}

// peek returns the live item of key without counting it as used.
func (st *store) peek(key string) *item {
	e := st.items[key]
	if e == nil {
		return nil
	}
	it := e.Value.(*item)
	if st.expired(it) {
		st.unlink(it)
		return nil
	}
	return it
}

// use returns the live item of key and makes it the most recently used.
func (st *store) use(key string) *item {
	it := st.peek(key)
	if it != nil {
		st.lru.MoveToFront(st.items[key])
	}
	return it
}

// link stores it with a new CAS id, in place of the item of its key.
func (st *store) link(it *item) {
	if e := st.items[it.key]; e != nil {
		st.unlink(e.Value.(*item))
	}
	st.casID++
	it.cas = st.casID
	st.items[it.key] = st.lru.PushFront(it)
	st.bytes += it.size()
}

func (st *store) unlink(it *item) {
	st.lru.Remove(st.items[it.key])
	delete(st.items, it.key)
	st.bytes -= it.size()
}

func (st *store) expired(it *item) bool {
	return !it.expires.IsZero() && !st.cfg.Now().Before(it.expires)
}

// makeRoom reports whether size more bytes fit, after evicting what it
// takes, but never keep. Under NoEvict only expired items make room.
func (st *store) makeRoom(size int64, keep *item) bool {
	fits := func() bool { return st.bytes+st.reserved+size <= st.cfg.MaxBytes }
	if st.reserved+size > st.cfg.MaxBytes {
		return false // evicting everything would not help
	}
	if st.cfg.NoEvict && !fits() {
		st.sweep()
	}
	if st.cfg.NoEvict {
		return fits()
	}
	for e := st.lru.Back(); e != nil && !fits(); {
		it := e.Value.(*item)
		e = e.Prev()
		if it == keep {
			continue
		}
		if !st.expired(it) {
			st.count.Evictions++
		}
		st.unlink(it)
	}
	return fits()
}

// sweep unlinks expired items.
func (st *store) sweep() {
	for e := st.lru.Front(); e != nil; {
		it := e.Value.(*item)
		e = e.Next()
		if st.expired(it) {
			st.unlink(it)
		}
	}
}

// flush drops all items. It takes a CAS id, as in memcached.
func (st *store) flush() {
	st.casID++
	st.drop()
}

func (st *store) drop() {
	st.flushAt = time.Time{}
	clear(st.items)
	st.lru.Init()
	st.bytes = 0
}

// flushDue runs a delayed flush_all whose time has come. As every command
// calls it first, no item stored after that time can be there yet.
func (st *store) flushDue() {
	if !st.flushAt.IsZero() && !st.cfg.Now().Before(st.flushAt) {
		st.drop()
	}
}

// remove deletes key and reports whether it was there.
func (st *store) remove(key string) bool {
	it := st.peek(key)
	if it != nil {
		st.unlink(it)
	}
	return it != nil
}

// touch gives the item of key a new expiry and returns it as it was found,
// or nil. The CAS id stays: touching does not conflict with a later cas.
func (st *store) touch(key string, expires time.Time) *item {
	st.count.CmdTouch++
	it := st.use(key)
	if it == nil {
		st.count.TouchMisses++
		return nil
	}
	st.count.TouchHits++
	it.expires = expires
	return it
}

// delta adds to or subtracts from the decimal number at key and returns
// the answer line.
func (st *store) delta(key string, by uint64, incr bool) string {
	hits, misses := &st.count.DecrHits, &st.count.DecrMisses
	if incr {
		hits, misses = &st.count.IncrHits, &st.count.IncrMisses
	}
	old := st.peek(key)
	if old == nil {
		*misses++
		return "NOT_FOUND"
	}
	v, ok := parseUint64(string(old.value))
	if !ok {
		return "CLIENT_ERROR cannot increment or decrement non-numeric value"
	}
	*hits++
	switch {
	case incr:
		v += by // wraps at 64 bits
	case by > v:
		v = 0
	default:
		v -= by
	}
	answer := strconv.FormatUint(v, 10)
	value := []byte(answer)
	// A shorter number is padded with spaces: memcached writes it in place.
	for len(value) < len(old.value) {
		value = append(value, ' ')
	}
	it := &item{key: key, value: value, flags: old.flags, expires: old.expires}
	if len(value) > len(old.value) && !st.makeRoom(it.size(), old) {
		return "SERVER_ERROR out of memory"
	}
	st.link(it)
	return answer
}
