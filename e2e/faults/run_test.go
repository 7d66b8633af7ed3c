//go:build faults

package faults

import (
	"fmt"
	"net/http"
	"sync"
	"testing"
	"time"
)

// options are what a run is made of.
type options struct {
	seed     uint64
	duration time.Duration
	binary   string // msmd
	msmds    int
	browsers int
	think    time.Duration
	timeout  time.Duration
	grace    time.Duration // rotateGrace
	maxHang  time.Duration
	kinds    []string // of fault; empty for all
	config   string   // further lines of the msmds' configuration
	firstBad bool     // stop at the first violation
	out      string   // directory for evidence
}

// run is a world with browsers and a nemesis, and what came of it.
type run struct {
	t        testing.TB
	opt      options
	world    *world
	client   *http.Client
	began    time.Time
	stop     chan struct{} // closed when the browsers are to end
	stopping sync.Once
	browsers []*browser
	retired  chan *lineage // to the checks

	mu       sync.Mutex // guards what follows
	lineages int
	owners   map[string]*lineage // by base
	graves   []grave             // in order of their deaths
	windows  []window
	figures  figures
	bad      []violation
	crossed  []interval
	written  int // files of evidence

	// Only the nemesis touches these.
	counted   [][]int // failures, when they were last counted
	countedAt int64
}

// grave is an id that was destroyed, or rotated away.
type grave struct {
	id   string // as the cookie had it
	line *lineage
	gen  int
	died int64
	of   *browser
}

func newRun(t testing.TB, opt options) *run {
	t.Helper()
	r := &run{
		t: t, opt: opt, client: newClient(), stop: make(chan struct{}),
		retired: make(chan *lineage, 1024), owners: map[string]*lineage{}, figures: newFigures(),
	}
	r.world = newWorld(t, opt)
	for i := range opt.browsers {
		r.browsers = append(r.browsers, &browser{r: r, number: i})
	}
	r.began = time.Now()
	return r
}

// play lets the browsers and the nemesis go, and returns when all is over and
// checked.
func (r *run) play() {
	var browsing, checking sync.WaitGroup
	checking.Go(func() {
		for l := range r.retired {
			r.check(l)
		}
	})
	for _, b := range r.browsers {
		browsing.Go(b.browse)
	}
	r.nemesis()
	r.end()
	browsing.Wait()
	r.figures.lasted = time.Since(r.began)
	r.finalLook()
	close(r.retired)
	checking.Wait()
	r.foreign(fault{node: -1})
	r.classify()
	r.measureEnd()
}

// end makes the browsers stop. It is safe twice.
func (r *run) end() { r.stopping.Do(func() { close(r.stop) }) }

func (r *run) stopped() bool {
	select {
	case <-r.stop:
		return true
	default:
		return false
	}
}

// now is the time since the start, in nanoseconds, from the one clock of all
// histories.
func (r *run) now() int64 { return int64(time.Since(r.began)) }

// pause waits, unless the run ends.
func (r *run) pause(d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-r.stop:
	}
}

func (r *run) newLineage() *lineage {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.lineages++
	return &lineage{number: r.lineages}
}

// own notes whose id a base is, and returns whose it was.
func (r *run) own(base string, l *lineage) (before *lineage) {
	r.mu.Lock()
	defer r.mu.Unlock()
	before = r.owners[base]
	r.owners[base] = l
	return before
}

// retire hands a lineage that has ended to the checks.
func (r *run) retire(l *lineage) { r.retired <- l }

// violation records that a promise was broken.
func (r *run) violation(kind string, l *lineage, format string, args ...any) {
	v := violation{kind: kind, from: l.born, at: r.now()}
	v.text = fmt.Sprintf("%v %s: %s", time.Duration(v.at), kind, fmt.Sprintf(format, args...))
	r.mu.Lock()
	r.bad = append(r.bad, v)
	n := len(r.bad)
	r.mu.Unlock()
	if n <= maxEvidence {
		r.t.Logf("seed %d: VIOLATION %s", r.opt.seed, v.text)
	}
	l.mark(v.text)
	if r.opt.firstBad {
		r.end()
	}
}
