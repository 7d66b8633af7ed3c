package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

const (
	dialTimeout = 2 * time.Second
	patience    = 10 * time.Second // beyond the planned time, for a server that hangs
)

// Lines between the benchmark and its load generator.
const (
	lineWarm = "warm\n"
	lineGo   = "go\n"
)

// requestPair is a session's prepared requests: a request costs the generator
// no formatting and no allocation.
type requestPair struct{ read, change []byte }

// generator sends a plan's requests, each connection one at a time.
type generator struct {
	plan     plan
	sessions []atomic.Pointer[requestPair]
	workers  []*worker
}

// runLoad is the subcommand "load": it reads a plan, warms up, says so, waits
// for the word to go, measures, writes its outcome and waits for the end of
// its input, so that its CPU time can be read meanwhile.
func runLoad(in io.Reader, out io.Writer) error {
	r := bufio.NewReader(in)
	line, err := r.ReadBytes('\n')
	if err != nil {
		return err
	}
	var p plan
	if err := json.Unmarshal(line, &p); err != nil {
		return fmt.Errorf("plan: %w", err)
	}
	g := newGenerator(p)
	defer g.close()
	g.run(seconds(p.Warmup))
	g.reset()
	if _, err := io.WriteString(out, lineWarm); err != nil {
		return err
	}
	if _, err := r.ReadString('\n'); err != nil {
		return err
	}
	start := time.Now()
	g.run(seconds(p.Duration))
	if err := json.NewEncoder(out).Encode(g.outcome(time.Since(start))); err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, r)
	return err
}

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }

func newGenerator(p plan) *generator {
	g := &generator{plan: p, sessions: make([]atomic.Pointer[requestPair], len(p.Cookies))}
	for i, c := range p.Cookies {
		g.sessions[i].Store(g.requests(c))
	}
	for i := range p.Conns {
		g.workers = append(g.workers, &worker{g: g, rng: rand.NewPCG(p.Seed, uint64(i))})
	}
	return g
}

// requests prepares the bytes of a session's requests.
func (g *generator) requests(cookie string) *requestPair {
	headers := " HTTP/1.1\r\nHost: " + g.plan.Addr + "\r\nUser-Agent: msmd-bench\r\nAccept: */*\r\nCookie: " + cookie + "\r\n"
	return &requestPair{
		read:   []byte("GET " + g.plan.ReadPath + headers + "\r\n"),
		change: []byte("POST " + g.plan.ChangePath + headers + "Content-Length: 0\r\n\r\n"),
	}
}

func (g *generator) run(d time.Duration) {
	end := time.Now().Add(d)
	var wg sync.WaitGroup
	for _, w := range g.workers {
		wg.Go(func() { w.run(end) })
	}
	wg.Wait()
}

func (g *generator) reset() {
	for _, w := range g.workers {
		w.hist, w.seen = histogram{}, outcome{}
	}
}

func (g *generator) close() {
	for _, w := range g.workers {
		w.disconnect()
	}
}

// outcome sums up what the workers saw.
func (g *generator) outcome(took time.Duration) outcome {
	var hist histogram
	var sum outcome
	for _, w := range g.workers {
		hist.add(&w.hist)
		sum.Requests += w.seen.Requests
		sum.Errors += w.seen.Errors
		sum.Changes += w.seen.Changes
		sum.NoSession += w.seen.NoSession
		sum.SetCookies += w.seen.SetCookies
		sum.Reconnects += w.seen.Reconnects
		if sum.FirstError == "" {
			sum.FirstError = w.seen.FirstError
		}
	}
	sum.Seconds = took.Seconds()
	sum.P50, sum.P99, sum.P999 = ms(hist.percentile(500)), ms(hist.percentile(990)), ms(hist.percentile(999))
	return sum
}

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// worker is one connection.
type worker struct {
	g    *generator
	rng  *rand.PCG
	conn net.Conn // nil while not connected
	in   *responseReader
	hist histogram
	seen outcome
}

// run sends requests until end, finishing the last one. It gives up when it
// cannot connect: trying again would only count errors at full speed.
func (w *worker) run(end time.Time) {
	if w.conn != nil {
		_ = w.conn.SetDeadline(end.Add(patience)) // fails only on a closed connection, as the request will
	}
	for now := time.Now(); now.Before(end); {
		if w.conn == nil && !w.connect(end) {
			return
		}
		err := w.exchange()
		done := time.Now() // also the start of the next request: one clock reading each
		if err != nil {
			w.fail(err)
			w.disconnect()
		} else {
			w.hist.record(done.Sub(now))
		}
		now = done
	}
}

func (w *worker) connect(end time.Time) bool {
	conn, err := net.DialTimeout("tcp", w.g.plan.Addr, dialTimeout)
	if err == nil {
		err = conn.SetDeadline(end.Add(patience))
	}
	if err != nil {
		w.fail(err)
		return false
	}
	w.conn, w.in = conn, newResponseReader(conn)
	w.seen.Reconnects++
	return true
}

func (w *worker) disconnect() {
	if w.conn != nil {
		_ = w.conn.Close() // nothing is in flight on it that counts
		w.conn = nil
	}
}

// exchange sends one request for a random session and reads the response.
func (w *worker) exchange() error {
	dice := w.rng.Uint64() // the upper half chooses the session, the lower one what to do
	session := &w.g.sessions[dice>>32%uint64(len(w.g.sessions))]
	request := session.Load().read
	change := uint32(dice)%100 < changePercent
	if change {
		request = session.Load().change
	}
	if _, err := w.conn.Write(request); err != nil {
		return err
	}
	res, err := w.in.read()
	if err != nil {
		return err
	}
	if res.status != 200 || res.size != bodyBytes {
		return fmt.Errorf("status %d, %d bytes", res.status, res.size)
	}
	w.seen.Requests++
	if change {
		w.seen.Changes++
	}
	if res.first != withSession {
		w.seen.NoSession++
	}
	if res.setCookie != "" {
		w.seen.SetCookies++
		session.Store(w.g.requests(res.setCookie))
	}
	if res.closes {
		w.disconnect()
	}
	return nil
}

func (w *worker) fail(err error) {
	w.seen.Errors++
	if w.seen.FirstError == "" {
		w.seen.FirstError = err.Error()
	}
}
