//go:build model

package model

import (
	"fmt"
	"strings"
)

const (
	maxNodes   = 3
	maxClients = 3
)

// record is a stored version of the session.
type record struct {
	ver  uint8
	tag  uint8 // the write attempt that made it, 0 at first
	val  uint8 // one bit for each operation that is part of its history
	tomb bool  // the session was destroyed
	mark bool  // spares hold copies that count, see marked
}

// recID is the place of a record in run.recs. 0 is no record at all.
type recID = uint8

type answer uint8

const (
	outside answer = iota // not a member
	due                   // a member, to be asked in this round
	hit
	miss
	failed // not asked again by this request
)

// token is what a CAS number that a client holds is still worth. The numbers
// themselves do not matter, only whether the node's item still has it.
type token uint8

const (
	stale token = iota
	valid
	former // given out before the node lost its memory: a new item may get the same number
)

// seat is what a client knows of the node with a rank.
type seat struct {
	ans answer
	tok token
	rec recID
}

// Where a client is in its operation.
const (
	idle uint8 = iota
	reading
	repairing
	writing
	finished // all of its operations
)

// What a client's load is for.
const (
	find   uint8 = iota // the request's own
	reload              // before or between attempts to write
	after               // after a degraded write, for a further copy
)

const (
	flagWiden     uint8 = 1 << iota // the load takes spares for members that failed
	flagWrote                       // the repair changed something, or lost a race
	flagStored                      // the attempt was stored somewhere
	flagConflict                    // the attempt was refused somewhere
	flagOld                         // the operation began before the last fault was over
	flagProbe                       // it began when nothing of the last fault was left
	flagAnnounced                   // the version before it was marked
)

type client struct {
	pc, op, mode, flags uint8
	seats               [maxNodes]seat // by the client's own rank
	next                recID          // what is being written
	best, handled       uint8          // while repairing: the winner's rank; ranks done, as bits
	tries               uint8
	snap                uint8 // seen when the load began
	fresh               uint8 // content under the new id of a rotation
}

// Bits of state.seen above those of the operations.
const (
	dying uint8 = 1 << 6 // somebody began to destroy the session
	dead  uint8 = 1 << 7 // and was acknowledged, or somebody found no session
)

// write is an operation on its way to a node.
type write struct {
	kind writeKind
	node uint8
	rec  recID
	tok  token
}

type writeKind uint8

const (
	nothing writeKind = iota
	cas
	add
	set
	del
)

// state is all there is at a moment. It is comparable and small: millions of
// them are kept.
type state struct {
	nodes   [maxNodes]recID
	down    uint8           // nodes that are down, as bits
	cut     [maxNodes]uint8 // per node the clients that cannot reach it; shifted by blind: that do not try
	phases  uint8           // two bits for each fault: pending, active, over
	healed  uint8           // clients for which a flaky link is through
	calm    bool            // the access between two faults took place
	late    write           // timed out, not dropped: it may land at any time
	seen    uint8           // acknowledged, or returned by a load
	named   bool            // some response named a spare in the id
	fresh   uint8           // what the winner of a rotation found, with dead once there is one
	clients [maxClients]client
}

const blind = 3 // shift within state.cut

// String shows a record as v2[c0 c1]: its version and whose operations it
// contains. A cross marks a tombstone, a star a mark.
func (r record) String() string {
	if r.ver == 0 {
		return "nothing"
	}
	var of []string
	for b := range 6 {
		if r.val&(1<<b) != 0 {
			of = append(of, fmt.Sprintf("op%d", b))
		}
	}
	s := fmt.Sprintf("v%d[%s]", r.ver, strings.Join(of, " "))
	if r.tomb {
		s += "†"
	}
	if r.mark {
		s += "*"
	}
	if r.tag != 0 {
		s += fmt.Sprintf(" by op%d try %d", (r.tag-1)/tagTries, (r.tag-1)%tagTries+1)
	}
	return s
}
