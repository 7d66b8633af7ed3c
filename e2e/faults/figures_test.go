//go:build faults

package faults

import (
	"fmt"
	"net/http"
	"strings"
	"time"
)

// The kinds of violation. All must be 0.
const (
	lost         = "acknowledged changes lost"
	stale        = "stale reads"
	wrongSession = "wrong-session reads"
	resurrected  = "resurrections"
	falseLogout  = "false logouts"
	illegal      = "illegal histories"
	differ       = "copies that differ at the end"
)

// violationKinds returns the kinds in the order of the report.
func violationKinds() []string {
	return []string{lost, stale, wrongSession, resurrected, falseLogout, illegal, differ}
}

// Bounds of a strict run.
const (
	minRate      = 300   // operations a second
	minFaults    = 10    // of each kind
	maxUnknown   = 0.005 // of the changes
	maxCrossed   = 0.1   // of the faults, with a second node that failed
	refusedStall = 50 * time.Millisecond
	hangStall    = 2.5 // operationTimeouts: 250 ms by default
)

// maxGraves is how many of the last dead ids are remembered.
const maxGraves = 150

// maxSlow is how many slow requests are told of, of each kind of fault.
const maxSlow = 5

// figures are what a run has counted.
type figures struct {
	lasted      time.Duration
	requests    int
	changes     int // acknowledged
	rotations   int
	destroyed   int
	created     int
	asked       int // changes, rotations and destructions that were asked for
	unknown     int // of them
	unavailable int // reads without a session because no node could say
	undecided   int // histories that porcupine gave up on
	histories   int
	violations  map[string]int
	faults      map[string]int           // by kind
	stalls      map[string]time.Duration // longest request by kind of fault
	slow        map[string]int           // requests longer than the bound, by kind of fault
	foreign     int                      // failures that msmds saw of nodes without a fault
	crossed     int                      // times with such failures
	excused     int                      // violations of sessions that lived then
	resources   []string
}

func newFigures() figures {
	return figures{violations: map[string]int{}, faults: map[string]int{}, stalls: map[string]time.Duration{}, slow: map[string]int{}}
}

// count counts one request of a session.
func (r *run) count(o op, a answer, l *lineage, id string, b *browser) {
	base := l.base(o.gen)
	r.mu.Lock()
	defer r.mu.Unlock()
	f := &r.figures
	f.requests++
	if a.state == "unavailable" {
		f.unavailable++
	}
	if o.kind != read {
		f.asked++
	}
	switch {
	case o.result == unknown:
		f.unknown++
	case o.kind == change && o.result == done:
		f.changes++
	case o.result == moved:
		f.rotations++
	case o.kind == destroy && o.result == done:
		f.destroyed++
	}
	if o.result == moved || o.kind == destroy && o.result == done {
		r.graves = append(r.graves, grave{id: id, line: l, gen: o.gen, died: o.ret, of: b})
		r.graves = r.graves[max(0, len(r.graves)-maxGraves):]
	}
	r.stall(o.kind.String(), o.call, o.ret, base, o.kind == rotate)
}

// created counts a request that made a session, or was to.
func (r *run) created(a answer, call, ret int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if a.refused {
		return
	}
	f := &r.figures
	f.requests++
	f.asked++
	if a.status == http.StatusOK {
		f.created++
	} else {
		f.unknown++
	}
	r.stall("create", call, ret, "", true)
}

// stall notes the time of a request under each fault that overlapped it and
// could concern it: of a node of its session, or of any node if it made an id.
func (r *run) stall(what string, call, ret int64, base string, any bool) {
	took := time.Duration(ret - call)
	home, backup := -1, -1
	if base != "" {
		home, backup = r.world.pair(base)
	}
	kind := "none"
	for i := len(r.windows) - 1; i >= 0; i-- {
		w := r.windows[i]
		if w.whole != 0 && w.whole < call {
			break // those before it ended earlier
		}
		if w.begin <= ret && (any || w.node < 0 || w.node == home || w.node == backup) {
			kind = w.kind
		}
	}
	r.figures.stalls[kind] = max(r.figures.stalls[kind], took)
	if took > r.opt.hangStall() {
		if r.figures.slow[kind]++; r.figures.slow[kind] <= maxSlow {
			r.t.Logf("a request under %s took %v from %v on: %s, session on n%d and n%d", kind, took, time.Duration(call), what, home+1, backup+1)
		}
	}
}

// table is the report of a run.
func (f *figures) table() string {
	var b strings.Builder
	row := func(name string, value any) { fmt.Fprintf(&b, "  %-34s %v\n", name, value) }
	row("duration", f.lasted.Round(time.Millisecond))
	row("requests", fmt.Sprintf("%d (%.0f/s)", f.requests, f.rate()))
	row("acknowledged changes", f.changes)
	row("created, rotated, destroyed", fmt.Sprintf("%d, %d, %d", f.created, f.rotations, f.destroyed))
	row("histories checked", fmt.Sprintf("%d (%d undecided)", f.histories, f.undecided))
	for _, kind := range violationKinds() {
		row(kind, f.violations[kind])
	}
	row("unknown outcomes", fmt.Sprintf("%d of %d (%.3f %%)", f.unknown, f.asked, 100*f.unknownPart()))
	row("reads without session (unavailable)", f.unavailable)
	row("failures of nodes without a fault", fmt.Sprintf("%d, in %d times; %d violations then", f.foreign, f.crossed, f.excused))
	for _, kind := range append(faultKinds(), faultCrossed, faultBlip, "none") {
		if f.faults[kind] == 0 && kind != "none" {
			continue
		}
		row("longest request under "+kind, fmt.Sprintf("%v, %d above %.1f operationTimeouts, %d faults",
			f.stalls[kind].Round(time.Millisecond), f.slow[kind], hangStall, f.faults[kind]))
	}
	for _, line := range f.resources {
		row("resources", line)
	}
	return b.String()
}

func (f *figures) rate() float64 { return float64(f.requests) / max(f.lasted.Seconds(), 1e-9) }

// count is how many faults there were.
func (f *figures) count() int {
	n := 0
	for _, k := range f.faults {
		n += k
	}
	return n
}

// hangStall is how long a request may take that meets a node that hangs.
func (o *options) hangStall() time.Duration { return time.Duration(hangStall * float64(o.timeout)) }

func (f *figures) unknownPart() float64 { return float64(f.unknown) / float64(max(f.asked, 1)) }

// invalid says why a strict run fails, though no promise was broken.
func (f *figures) invalid(kinds []string) []string {
	var why []string
	if f.rate() < minRate {
		why = append(why, fmt.Sprintf("%.0f requests/s, want at least %d", f.rate(), minRate))
	}
	for _, kind := range kinds {
		if n := f.faults[kind]; n < minFaults {
			why = append(why, fmt.Sprintf("%d faults of kind %s, want at least %d", n, kind, minFaults))
		}
	}
	if float64(f.crossed) > maxCrossed*float64(f.count()) {
		why = append(why, fmt.Sprintf("a second node failed during %d of %d faults: the machine is too busy", f.crossed, f.count()))
	}
	if p := f.unknownPart(); p > maxUnknown {
		why = append(why, fmt.Sprintf("%.3f %% of the outcomes are unknown, want at most %.1f %%", 100*p, 100*maxUnknown))
	}
	if f.undecided > 0 {
		why = append(why, fmt.Sprintf("%d histories are undecided", f.undecided))
	}
	return why
}
