package manager

import (
	"fmt"
	"slices"
	"time"

	"github.com/msmd/msmd/pkg/nodes"
	"github.com/msmd/msmd/pkg/sessionid"
	"github.com/msmd/msmd/pkg/transcoder"
)

// answer is what a node said about a key.
type answer byte

const (
	unasked answer = iota
	hit
	miss
	failed  // no answer, or one that the node could not take part with
	corrupt // bytes that are no record of this session: kept, never overwritten
	taken   // a key that should be new is there already
)

// member is one node of a session's set, with its answer.
type member struct {
	node   *nodes.Node
	answer answer
	rec    transcoder.Record // with hit
	cas    uint64            // with hit
	insist bool              // to be asked even if it counts as down
	slow   bool              // it did not answer in time
	passed bool              // it was not asked, since it counts as down
}

// presence is what a load found out.
type presence byte

const (
	absent  presence = iota // every copy holder answered, none has it; or destroyed
	present                 // rec holds the newest version
	unknown                 // it cannot be decided now
)

// view is what a load knows of a session. members stand in rank order: the
// home first, then the copies, then spares that were asked.
type view struct {
	id       sessionid.ID
	key      string
	fp       uint64
	presence presence
	rec      transcoder.Record // with present, and a tombstone with absent
	asked    time.Time         // when the last load began
	partial  bool              // only the home was asked: enough to read, not to write
	members  []member
	spares   []*nodes.Node // not asked yet
}

// newView returns the view of id before anything was asked.
func (s *store) newView(id sessionid.ID) *view {
	v := &view{id: id}
	v.key, v.fp = id.Key(s.prefix)
	order := s.pool.Order(id.Base)
	v.members = make([]member, s.copies, s.copies+1)
	for i := range v.members {
		v.members[i].node = order[i]
	}
	v.spares = order[s.copies:]
	// The id's node is a hint: if it names a spare, the session was stored
	// there while its own nodes were down.
	for i, n := range v.spares {
		if id.Node != "" && n.ID() == id.Node {
			v.members = append(v.members, member{node: n})
			v.spares = append(append([]*nodes.Node{}, v.spares[:i]...), v.spares[i+1:]...)
			break
		}
	}
	return v
}

func (v *view) clone() *view {
	c := *v
	c.members = slices.Clone(v.members)
	c.spares = slices.Clone(v.spares)
	return &c
}

// widen adds spares until copies members can take part, and reports whether it
// added one.
func (v *view) widen(copies int) (added bool) {
	able := 0
	for i := range v.members {
		if a := v.members[i].answer; a != failed && a != corrupt {
			able++
		}
	}
	for ; able < copies && len(v.spares) > 0; able++ {
		v.members = append(v.members, member{node: v.spares[0]})
		v.spares = v.spares[1:]
		added = true
	}
	return added
}

// askSpares makes all spares members.
func (v *view) askSpares() {
	for _, n := range v.spares {
		v.members = append(v.members, member{node: n})
	}
	v.spares = nil
}

// newest returns the member with the newest version, -1 if none has the
// session. Of equal versions the one nearer to the home wins: the home is
// written last, so what it holds was, or is about to be, acknowledged.
func (v *view) newest() int {
	best := -1
	for i := range v.members {
		m := &v.members[i]
		if m.answer == hit && (best < 0 || m.rec.Version > v.members[best].rec.Version) {
			best = i
		}
	}
	return best
}

// insist makes the members that were passed over be asked after all, and
// reports whether there are any. It is the last resort: a node may have come
// back before a probe found out, and the others have gone. If one of those is
// just slow it is not taken: what came back may be old.
func (v *view) insist(copies int) (any bool) {
	if v.anySlow(copies) {
		return false
	}
	for i := range v.members {
		if m := &v.members[i]; m.passed && !m.insist {
			m.answer, m.insist, m.passed = unasked, true, false
			any = true
		}
	}
	return any
}

// anySlow reports whether one of the first copies members did not answer in
// time, though it does not count as down.
func (v *view) anySlow(copies int) bool {
	for i := range v.members[:copies] {
		if m := &v.members[i]; m.answer == failed && m.slow && m.node.Up() {
			return true
		}
	}
	return false
}

func (v *view) anyFailed() bool {
	for i := range v.members {
		if v.members[i].answer == failed {
			return true
		}
	}
	return false
}

func (v *view) usable() error {
	switch {
	case v.presence == absent, v.rec.Snapshot:
		return errVanished
	case v.presence == unknown:
		return fmt.Errorf("%w: its nodes do not answer", errUnavailable)
	default:
		return nil
	}
}

// lacks reports whether one of the first copies members cannot take part.
func (v *view) lacks(copies int) bool {
	for i := range v.members[:copies] {
		if a := v.members[i].answer; a == failed || a == corrupt {
			return true
		}
	}
	return false
}

// stored counts the members that hold what was written last.
func (v *view) stored() int {
	n := 0
	for i := range v.members {
		if v.members[i].answer == hit {
			n++
		}
	}
	return n
}

// serving returns the node that the id should name: the one it names if that is
// one of the session's first copies nodes and up, else the first member that
// holds the session. A node that missed one answer but is not down keeps its
// sessions' ids: they would only change to and fro.
func (v *view) serving(copies int) string {
	first := v.id.Node
	found := false
	for i := range v.members {
		m := &v.members[i]
		if m.node.ID() == v.id.Node && i < copies && (m.answer == hit || m.node.Up()) {
			return v.id.Node
		}
		if !found && m.answer == hit {
			first, found = m.node.ID(), true
		}
	}
	return first
}
