//go:build model

package model

// variant is a protocol: the one of pkg/manager is the zero value but for its
// order of writing.
type variant struct {
	name     string
	order    [maxNodes]uint8 // ranks in the order in which they are written
	parallel bool            // all at once instead

	plainSet       bool // never mind versions and CAS numbers
	homeOnly       bool // the copy is read only if the home fails
	readerHomeOnly bool // for requests that only read
	tagTies        bool // of equal versions the larger tag wins, not the lower rank
	noRepair       bool // the newest is used without writing it back first
	plainDelete    bool // instead of a tombstone

	// Proposals, see doc.go.
	repairInOrder bool // repairs go in the order of writing and stop at the first conflict
	askOnFail     bool // spares are asked whenever a member fails
	askOnMiss     bool // and whenever one misses
	askAgain      bool // a commit asks members that failed when the request was loaded
	spares        trust
}

// trust says when a record that only a spare has is used.
type trust uint8

const (
	always trust = iota
	never
	marked // if it has the mark
)

type opKind uint8

const (
	opLoad opKind = iota
	opUpdate
	opRefresh // stores the session's next version without a change
	opDestroy
	opRotate
)

// faultKind is what happens to a node.
type faultKind uint8

const (
	restart faultKind = iota // it loses everything at once
	evict                    // it loses the session
	crash                    // it is down, then up and empty
	hang                     // clients cannot reach it, then they can; it keeps its data
	flaky                    // the same, for each client at a time of its own
)

// when says when a fault may begin.
type when uint8

const (
	calm   when = iota // after the one before, the end of what began before that, and one access
	access             // after the one before and one access
	over               // after the one before
	during             // also while the one before lasts
)

type fault struct {
	kind faultKind
	node uint8
	mask uint8 // for hang and flaky: the clients
	late uint8 // clients that, when it is over, go on taking the node for down
	when when

	quiet bool // begins and ends only while no operation is under way
	both  bool // with hang: other is cut off at the same time
	other uint8
}

// scenario is what a variant is run in.
type scenario struct {
	name      string
	order     [maxClients][]uint8 // each client's nodes by rank
	copies    [maxClients]uint8   // how many of them should hold the session
	hold      [maxNodes]uint8     // the versions that the nodes have at first, 0 for none
	progs     [maxClients][]opKind
	faults    []fault
	noUnknown bool // no load may answer that it cannot know
	ackedOnly bool // what loads returned need not be found again
	noLate    bool // writes that time out were applied or not, but do not land later
	tries     uint8
}

const tagTries = 4 // attempts of one operation that have tags of their own

// run is a variant in a scenario, with what is derived from them.
type run struct {
	variant
	scenario
	bits    [maxClients][]uint8 // each operation's bit in record.val
	content uint8               // the bits of changes
	rank    [maxClients][maxNodes]int8
	recs    []record
	ids     map[record]recID
	tracing bool // describe the steps
}

func newRun(v variant, sc scenario) *run {
	r := &run{variant: v, scenario: sc, recs: make([]record, 1), ids: map[record]recID{{}: 0}}
	if r.tries == 0 {
		r.tries = 2
	}
	bit := uint8(0)
	for i, prog := range sc.progs {
		for _, k := range prog {
			b := uint8(0)
			if k != opLoad {
				b = 1 << bit
				bit++
			}
			if k == opUpdate {
				r.content |= b
			}
			r.bits[i] = append(r.bits[i], b)
		}
		for n := range r.rank[i] {
			r.rank[i][n] = -1
		}
		for rank, n := range sc.order[i] {
			r.rank[i][n] = int8(rank)
		}
	}
	if bit > 6 {
		panic("too many operations")
	}
	return r
}

// id returns the record's id, a new one if needed.
func (r *run) id(rec record) recID {
	id, ok := r.ids[rec]
	if !ok {
		if len(r.recs) > 255 {
			panic("too many records")
		}
		id = recID(len(r.recs))
		r.recs = append(r.recs, rec)
		r.ids[rec] = id
	}
	return id
}

func (r *run) first() state {
	var s state
	for n, ver := range r.hold {
		if ver != 0 {
			s.nodes[n] = r.id(record{ver: ver})
		}
	}
	for i := range s.clients {
		if len(r.progs[i]) == 0 {
			s.clients[i].pc = finished
		}
	}
	return s
}
