//go:build faults

package faults

import (
	"math/rand/v2"
	"net/http"
	"sync"
	"time"
)

const tabs = 3

// What a tab does, in percent; the rest are reads.
const (
	changePercent  = 62
	rotatePercent  = 3
	destroyPercent = 1
)

// browser has one cookie, which its tabs share, and one session after the
// other.
type browser struct {
	r      *run
	number int

	// gate is held for reading during each request, and for writing by the
	// nemesis to look at the session while nothing is under way.
	gate sync.RWMutex

	mu   sync.Mutex // guards what follows
	line *lineage   // nil between two sessions
	id   string     // the cookie
	gen  int        // of id
	over bool       // the session has ended, or is to
}

// live returns the browser's session, if it has one that is not about to end.
func (b *browser) live() (l *lineage, id string, gen int, ok bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.line, b.id, b.gen, b.line != nil && !b.over
}

func (b *browser) end() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.over = true
}

// browse makes one session after the other until the run ends. The session
// that is under way then stays for the final look.
func (b *browser) browse() {
	random := rand.New(rand.NewPCG(b.r.opt.seed, uint64(b.number)<<32))
	for b.create(random) {
		var open sync.WaitGroup
		for tab := range tabs {
			seed := random.Uint64()
			open.Go(func() { b.tab(b.number*tabs+tab, rand.New(rand.NewPCG(seed, 0))) })
		}
		open.Wait()
		if b.r.stopped() {
			return
		}
		b.finish(random)
	}
}

// create makes a session, and returns false when the run is over.
func (b *browser) create(random *rand.Rand) bool {
	for !b.r.stopped() {
		l := b.r.newLineage()
		token, _ := l.token()
		b.gate.RLock()
		call := b.r.now()
		a := b.r.request(random.IntN(b.r.opt.msmds), pathCreate, l.name(token), "")
		l.born = b.r.now()
		b.r.created(a, call, l.born)
		if a.status == http.StatusOK && a.state == "none" && a.cookie != "" {
			b.r.own(base(a.cookie), l)
			l.bases = []string{base(a.cookie)}
			b.mu.Lock()
			b.line, b.id, b.gen, b.over = l, a.cookie, 0, false
			b.mu.Unlock()
			b.gate.RUnlock()
			return true
		}
		b.gate.RUnlock()
		b.r.pause(b.r.opt.think)
	}
	return false
}

// tab sends requests until the session ends.
func (b *browser) tab(client int, random *rand.Rand) {
	for !b.r.stopped() {
		if _, _, _, ok := b.live(); !ok {
			return
		}
		k := read
		switch n := random.IntN(100); {
		case n < changePercent:
			k = change
		case n < changePercent+rotatePercent && b.mayRotate():
			k = rotate
		case n < changePercent+rotatePercent+destroyPercent:
			k = destroy
		}
		server := random.IntN(b.r.opt.msmds)
		b.gate.RLock()
		b.do(k, client, server)
		b.gate.RUnlock()
		b.r.pause(time.Duration(random.Int64N(int64(2*b.r.opt.think) + 1)))
	}
}

func (b *browser) mayRotate() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.gen < maxGens-1
}

// do sends one request and records it. The caller holds the gate.
func (b *browser) do(k kind, client, server int) (o op, a answer) {
	l, id, gen, ok := b.live()
	if !ok {
		return op{}, answer{}
	}
	o = op{kind: k, client: client, server: server, gen: gen}
	path := [...]string{pathRead, pathChange, pathRotate, pathDestroy}[k]
	name := ""
	if k == change {
		if o.token, ok = l.token(); !ok {
			b.end()
			return op{}, answer{}
		}
		name = l.name(o.token)
	}
	o.call = b.r.now()
	a = b.r.request(server, path, name, id)
	o.ret = b.r.now()
	if a.refused {
		return o, a // that msmd was not there; nothing was sent
	}
	b.judge(l, &o, a)
	l.add(o)
	b.r.count(o, a, l, id, b)
	return o, a
}

// judge reads what the answer says of the session, and takes the cookie.
func (b *browser) judge(l *lineage, o *op, a answer) {
	if a.status == http.StatusOK && (a.state == "ok" || a.state == "none") {
		o.answered, o.alive = true, a.state == "ok"
		var foreign string
		if o.saw, foreign = l.parse(a.tokens); foreign != "" {
			b.r.violation(wrongSession, l, "a request got the token %s of another session: %v", foreign, *o)
		}
	} else if a.status == http.StatusOK && a.state != "unavailable" {
		b.r.violation(wrongSession, l, "the app says %q: %v", a.state, *o)
	}
	switch {
	case o.kind == read || o.answered && !o.alive:
	case a.status == http.StatusOK && o.alive:
		o.result = done
	default:
		o.result = unknown
	}
	b.takeCookie(l, o, a)
	b.mu.Lock()
	defer b.mu.Unlock()
	if o.answered && !o.alive && o.gen == b.gen || o.kind == destroy && o.result != nothing {
		b.over = true
	}
}

func (b *browser) takeCookie(l *lineage, o *op, a answer) {
	if !a.set || a.cookie == "" {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	fresh := base(a.cookie)
	switch {
	case fresh == l.base(o.gen): // it only names another node
		if o.gen == b.gen {
			b.id = a.cookie
		}
	case o.kind != rotate:
		b.r.violation(falseLogout, l, "a new cookie without a rotation: %v", *o)
	case b.gen != o.gen:
		b.r.violation(illegal, l, "two rotations of one id gave new ids: %v", *o)
	default:
		if other := b.r.own(fresh, l); other != nil {
			b.r.violation(wrongSession, l, "the cookie of lineage %d: %v", other.number, *o)
		}
		l.mu.Lock()
		l.bases = append(l.bases, fresh)
		l.mu.Unlock()
		b.id, o.result = a.cookie, moved
		b.gen++
	}
}

func (l *lineage) base(gen int) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.bases[gen]
}

// finish reads the session a last time at every msmd, ends it, and hands its
// history to the checks.
func (b *browser) finish(random *rand.Rand) {
	b.gate.RLock()
	defer b.gate.RUnlock()
	b.mu.Lock()
	b.over = false // once more
	l := b.line
	b.mu.Unlock()
	alive := true
	for server := range b.r.opt.msmds {
		alive = b.lastRead(server) && alive
	}
	for alive && !b.r.stopped() {
		o, _ := b.do(destroy, b.number*tabs, random.IntN(b.r.opt.msmds))
		if alive = o.result != done && !(o.answered && !o.alive); !alive {
			break
		}
		b.mu.Lock()
		b.over = false
		b.mu.Unlock()
		b.r.pause(b.r.opt.think)
	}
	b.mu.Lock()
	b.line = nil
	b.mu.Unlock()
	b.r.retire(l)
}

// lastRead reads until there is an answer, and reports whether the session is
// alive.
func (b *browser) lastRead(server int) bool {
	for !b.r.stopped() {
		o, _ := b.do(read, b.number*tabs, server)
		if o.answered {
			b.mu.Lock()
			b.over = false // the other msmds are asked, too
			b.mu.Unlock()
			return o.alive
		}
		b.r.pause(b.r.opt.think)
	}
	return true
}
