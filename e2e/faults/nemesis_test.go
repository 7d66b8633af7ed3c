//go:build faults

package faults

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/msmd/msmd/internal/relay"
)

// The kinds of fault.
const (
	faultKill  = "kill"      // kill -9 of a node, back empty after 0 to 300 ms
	faultHang  = "hang"      // SIGSTOP, SIGCONT
	faultCut1  = "cut one"   // one msmd from a node; the bytes arrive afterwards
	faultCut   = "cut all"   // all msmds from a node
	faultDrop  = "drop"      // bytes between msmds and a node are lost
	faultReset = "reset"     // connections are cut, also in mid-answer
	faultSlow  = "slow"      // bytes are late, about as late as operationTimeout
	faultEvict = "evict"     // half of the keys of a node vanish
	faultFull  = "full"      // a node refuses what needs memory
	faultMsmd  = "kill msmd" // kill -9 of an msmd, back after 0 to 300 ms
)

// Faults of several nodes at once, which a run has only if they are asked for:
// with onPartition: available they may lose changes.
const (
	faultCrossed = "crossed" // each of two msmds is cut from another node
	faultBlip    = "blip"    // all msmds are cut from all nodes, for a moment
)

// several is the node of a fault that concerns more than one.
const several = -2

func faultKinds() []string {
	return []string{faultKill, faultHang, faultCut1, faultCut, faultDrop, faultReset, faultSlow, faultEvict, faultFull, faultMsmd}
}

const (
	maxGap   = 300 * time.Millisecond // before what was killed is back
	minFault = 150 * time.Millisecond
	maxFault = 700 * time.Millisecond
	minHang  = 100 * time.Millisecond
)

// fault is one fault, as drawn from the seed.
type fault struct {
	kind   string
	node   int           // -1 for a fault of an msmd
	msmd   int           // -1 for all
	length time.Duration // how long it lasts; for kills the gap
	up     relay.Behaviour
	down   relay.Behaviour
	how    string // up and down, in words
	seed   uint64 // of what is random within it
}

func (f fault) String() string {
	s := f.kind
	if f.node >= 0 {
		s += fmt.Sprintf(" n%d", f.node+1)
	}
	if f.msmd >= 0 {
		s += fmt.Sprintf(" msmd%d", f.msmd+1)
	}
	return fmt.Sprintf("%s%s for %v", s, f.how, f.length.Round(time.Millisecond))
}

// window is when a fault was there.
type window struct {
	fault
	begin, end int64 // end is 0 while it is
	whole      int64 // when all msmds used all nodes again, 0 until then
}

func (w window) String() string {
	return fmt.Sprintf("%12v %12v %v", time.Duration(w.begin), time.Duration(w.end), w.fault)
}

// deck draws faults: all kinds equally often, in random order.
type deck struct {
	random *rand.Rand
	opt    options
	left   []string
}

func (d *deck) draw() fault {
	if len(d.left) == 0 {
		d.left = slices.Clone(d.opt.kinds)
		d.random.Shuffle(len(d.left), func(i, j int) { d.left[i], d.left[j] = d.left[j], d.left[i] })
	}
	f := fault{kind: d.left[0], node: d.random.IntN(nodeCount), msmd: -1, seed: d.random.Uint64()}
	d.left = d.left[1:]
	f.length = minFault + time.Duration(d.random.Int64N(int64(maxFault-minFault)))
	one, gap, side := d.random.IntN(d.opt.msmds), time.Duration(d.random.Int64N(int64(maxGap))), d.random.IntN(3)
	part := d.random.Float64()
	switch f.kind {
	case faultKill:
		f.length = gap
	case faultMsmd:
		f.node, f.msmd, f.length = -1, one, gap
	case faultHang: // short ones often, long ones sometimes
		f.length = minHang + time.Duration(part*part*part*float64(max(d.opt.maxHang-minHang, 0)))
	case faultEvict:
		f.length = 0
	case faultCut1:
		f.msmd = one
		f.toward(side, "held", relay.Hold())
	case faultCut:
		f.toward(side, "held", relay.Hold())
	case faultDrop:
		if part < 0.5 {
			f.msmd = one
		}
		f.toward(side, "dropped", relay.Drop())
	case faultReset:
		f.toward(side, "reset", relay.Reset(int(part*200)))
	case faultCrossed:
		f.node, f.length = several, 2*f.length
		f.toward(2, "held", relay.Hold())
	case faultBlip: // from half a timeout to three
		f.node, f.length = several, time.Duration((0.5+2.5*part)*float64(d.opt.timeout))
		f.toward(2, "held", relay.Hold())
	case faultSlow:
		late := time.Duration((0.1 + part) * float64(d.opt.timeout))
		f.toward(side, fmt.Sprintf("late by %v", late.Round(time.Millisecond)), relay.Delay(late))
	}
	return f
}

// toward sets the behaviour for the requests, the answers or both.
func (f *fault) toward(side int, what string, b relay.Behaviour) {
	switch side {
	case 0:
		f.up, f.how = b, ", requests "+what
	case 1:
		f.down, f.how = b, ", answers "+what
	default:
		f.up, f.down, f.how = b, b, ", both ways "+what
	}
}

// nemesis makes faults until the run's time is up, one at a time, and sees to
// it that every session has its two copies again before the next.
func (r *run) nemesis() {
	d := &deck{random: rand.New(rand.NewPCG(r.opt.seed, 0)), opt: r.opt}
	r.counted = r.failures()
	r.pause(minFault)
	for number := 1; !r.stopped() && time.Since(r.began) < r.opt.duration; number++ {
		f := d.draw()
		r.mu.Lock()
		r.windows = append(r.windows, window{fault: f, begin: r.now()})
		r.mu.Unlock()
		if err := r.inflict(f); err != nil {
			r.t.Errorf("seed %d, fault %d, %v: %v", r.opt.seed, number, f, err)
			return
		}
		r.mu.Lock()
		w := &r.windows[len(r.windows)-1]
		w.end = r.now()
		r.figures.faults[f.kind]++
		text := w.String()
		r.mu.Unlock()
		if err := r.heal(); err != nil {
			r.t.Errorf("seed %d, after fault %d, %v: %v", r.opt.seed, number, f, err)
			return
		}
		foreign := r.foreign(f)
		r.t.Logf("seed %d, fault %d: %s; whole again at %v; %d failures of other nodes",
			r.opt.seed, number, text, time.Duration(r.now()).Round(time.Millisecond), foreign)
	}
}

// inflict makes a fault and ends it.
func (r *run) inflict(f fault) error {
	switch f.kind {
	case faultKill:
		return r.killNode(f)
	case faultMsmd:
		r.world.msmds[f.msmd].process.kill()
		r.pause(f.length)
		return r.world.startMsmd(f.msmd)
	case faultHang:
		r.world.nodes[f.node].Pause()
		r.pause(f.length)
		r.world.nodes[f.node].Resume()
		return nil
	case faultEvict:
		return r.evict(f)
	case faultFull:
		return r.fill(f)
	}
	for m, relays := range r.world.relays {
		for n, rel := range relays {
			if f.concerns(m, n) {
				rel.Set(f.up, f.down)
				defer rel.Pass()
			}
		}
	}
	r.pause(f.length)
	return nil
}

// concerns reports whether a fault of the network is on the line between an
// msmd and a node.
func (f fault) concerns(msmd, node int) bool {
	switch f.kind {
	case faultCrossed:
		return msmd < 2 && node == (int(f.seed%nodeCount)+msmd)%nodeCount
	case faultBlip:
		return true
	default:
		return node == f.node && (f.msmd < 0 || f.msmd == msmd)
	}
}

// killNode kills a node. The relays refuse connections meanwhile, as the
// node's own port does.
func (r *run) killNode(f fault) error {
	for _, relays := range r.world.relays {
		relays[f.node].Refuse()
	}
	r.world.nodes[f.node].Kill()
	r.pause(f.length)
	r.world.nodes[f.node].Restart()
	for _, relays := range r.world.relays {
		if err := relays[f.node].Accept(); err != nil {
			return err
		}
	}
	return nil
}

// evict removes half of the sessions' keys, live and dead ones, from a node.
func (r *run) evict(f fault) error {
	random := rand.New(rand.NewPCG(f.seed, 0))
	var keys []string
	some := func(base string) {
		if random.IntN(2) == 0 {
			k, _ := key(base)
			keys = append(keys, k)
		}
	}
	for _, b := range r.browsers {
		if _, id, _, ok := b.live(); ok {
			some(base(id))
		}
	}
	r.mu.Lock()
	for _, g := range r.graves {
		some(base(g.id))
	}
	r.mu.Unlock()
	return r.world.raws[f.node].remove(keys)
}
