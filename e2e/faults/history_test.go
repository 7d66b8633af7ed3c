//go:build faults

package faults

import (
	"fmt"
	"math"
	"strings"
	"sync"
	"time"

	"github.com/anishathalye/porcupine"
)

// maxTokens is how many tokens a lineage gets in its life: a set of them is a
// uint64.
const maxTokens = 48

// maxGens is how many ids a lineage may have. Tabs rotate no more than that.
const maxGens = 12

// never is when operations end whose outcome is unknown: they may take effect
// at any later time.
const never = math.MaxInt64

// kind is what a request asks for.
type kind byte

const (
	read kind = iota
	change
	rotate
	destroy
)

func (k kind) String() string { return [...]string{"read", "change", "rotate", "destroy"}[k] }

// set is a set of tokens.
type set uint64

func (s set) has(token int) bool    { return s>>token&1 == 1 }
func (s set) with(token int) set    { return s | 1<<token }
func (s set) without(other set) set { return s &^ other }

func (s set) String() string {
	var b strings.Builder
	for i := range maxTokens {
		if s.has(i) {
			fmt.Fprintf(&b, " %d", i)
		}
	}
	return "{" + strings.TrimPrefix(b.String(), " ") + "}"
}

// result is what became of a request that asked for a change.
type result byte

const (
	nothing result = iota // it asked for none, or the app saw no session
	done                  // acknowledged
	moved                 // a rotation, acknowledged with a new id
	unknown               // no answer, or an error: it may or may not have happened
)

func (r result) String() string { return [...]string{"-", "done", "moved", "unknown"}[r] }

// op is one request of a lineage. The app saw the session as it was when the
// request came; then its change was applied.
type op struct {
	kind   kind
	client int
	server int
	gen    int   // of the id that was sent
	token  int   // with change
	call   int64 // since the start of the run, in nanoseconds
	ret    int64
	result result

	answered bool // the app's answer is known
	alive    bool // it saw the session
	saw      set  // and these tokens
}

func (o op) String() string {
	what := o.kind.String()
	if o.kind == change {
		what += fmt.Sprint(" ", o.token)
	}
	saw := "?"
	if o.answered {
		saw = "none"
	}
	if o.alive {
		saw = o.saw.String()
	}
	return fmt.Sprintf("%12v %12v tab %2d msmd%d id %d %-10s %-8s saw %s",
		time.Duration(o.call), time.Duration(o.ret), o.client, o.server+1, o.gen, what, o.result, saw)
}

// lineage is a session from its creation to its end, through all its ids.
type lineage struct {
	number int

	mu     sync.Mutex // guards what follows
	ops    []op
	bases  []string // of its ids, by generation
	tokens int      // given out
	born   int64
	marks  []string // violations
}

func (l *lineage) add(o op) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.ops = append(l.ops, o)
}

// token returns a token for a change, and false when there are no more.
func (l *lineage) token() (int, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.tokens == maxTokens {
		return 0, false
	}
	l.tokens++
	return l.tokens - 1, true
}

// name is a token as an attribute's name. No two lineages share one.
func (l *lineage) name(token int) string { return fmt.Sprintf("%d.%d", l.number, token) }

// parse reads the names that the app saw. foreign is one that is not a token
// of this lineage.
func (l *lineage) parse(names []string) (s set, foreign string) {
	for _, name := range names {
		var line, token int
		n, err := fmt.Sscanf(name, "%d.%d", &line, &token)
		if n != 2 || err != nil || line != l.number || token < 0 || token >= maxTokens {
			foreign = name
			continue
		}
		s = s.with(token)
	}
	return s, foreign
}

// state is the model of a session.
type state struct {
	alive bool
	gen   int
	set   set
	snaps [maxGens]set // what it held when each older id was rotated
}

// event is one step of the model: what a request's app saw, or what became of
// its change.
type event struct {
	op   op
	look bool
}

// step is the model. An id that was rotated gives nothing more or, within the
// grace, what the session held before; when the grace is over is not the
// model's business, since it knows no time, see checkDead.
func step(s state, e event, grace bool) (bool, state) {
	gen := e.op.gen
	current := s.alive && gen == s.gen
	switch {
	case e.look && e.op.alive:
		return current && e.op.saw == s.set || grace && gen < s.gen && e.op.saw == s.snaps[gen], s
	case e.look:
		return !current, s
	case !current:
		// A change, rotation or destruction that came too late is dropped; one
		// that claims to have given a new id lies.
		return e.op.result != moved, s
	}
	switch e.op.kind {
	case change:
		s.set = s.set.with(e.op.token)
	case rotate:
		if e.op.result == done {
			return false, s // it should have moved
		}
		s.snaps[gen] = s.set
		s.gen++
		s.alive = e.op.result == moved // else nobody was told the new id
	case destroy:
		s.alive = false
	}
	return true, s
}

func model(grace bool) porcupine.Model {
	return porcupine.Model{
		Init: func() any { return state{alive: true, set: set(0).with(0)} },
		Step: func(s, in, _ any) (bool, any) {
			ok, next := step(s.(state), in.(event), grace)
			return ok, next
		},
		DescribeOperation: func(in, _ any) string {
			e := in.(event)
			if e.look {
				return fmt.Sprintf("id %d saw %v %v", e.op.gen, e.op.alive, e.op.saw)
			}
			return fmt.Sprintf("id %d %v %d: %v", e.op.gen, e.op.kind, e.op.token, e.op.result)
		},
		DescribeState: func(s any) string {
			return fmt.Sprintf("alive %t id %d %v", s.(state).alive, s.(state).gen, s.(state).set)
		},
	}
}

// events returns the history for porcupine. A change of unknown outcome that
// nobody ever saw may as well have happened after everything else, so it is
// left out.
func (l *lineage) events() []porcupine.Operation {
	var seen set
	for _, o := range l.ops {
		seen |= o.saw
	}
	var all []porcupine.Operation
	add := func(o op, look bool, ret int64) {
		all = append(all, porcupine.Operation{ClientId: o.client, Input: event{o, look}, Call: o.call, Return: ret})
	}
	for _, o := range l.ops {
		if o.answered {
			add(o, true, o.ret)
		}
		switch {
		case o.result == nothing, o.result == unknown && o.kind == change && !seen.has(o.token):
		case o.result == unknown:
			add(o, false, never)
		default:
			add(o, false, o.ret)
		}
	}
	return all
}
