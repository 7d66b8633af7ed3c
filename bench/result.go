package main

import (
	"slices"
	"strings"
)

// run is what one cell gave.
type run struct {
	Row     string
	Round   int
	Invalid string `json:",omitempty"` // why it does not count
	outcome
	CPU       map[string]float64 // seconds, by process
	Memcached memStats           // operations of all nodes
}

// rate is the requests per second.
func (r *run) rate() float64 { return float64(r.Requests) / r.Seconds }

// serverCPU is the CPU time of all processes but the generator, in seconds.
func (r *run) serverCPU() float64 {
	var sum float64
	for name, s := range r.CPU {
		if name != generatorName {
			sum += s
		}
	}
	return sum
}

// starved reports whether neither the servers nor the generator had enough of
// the CPU to be what bounds the rate.
func (r *run) starved() bool {
	const enough = 0.8
	return r.Invalid == "" && r.serverCPU() < enough*r.Seconds && r.CPU[generatorName] < enough*r.Seconds
}

// cost is the CPU seconds per 1000 requests of all processes but the
// generator.
func (r *run) cost() float64 { return r.per1000(r.serverCPU()) }

func (r *run) per1000(v float64) float64 { return v * 1000 / float64(r.Requests) }

// costBy returns the cost by process, the generator's too, the memcacheds
// together.
func (r *run) costBy() map[string]float64 {
	by := map[string]float64{}
	for name, s := range r.CPU {
		if strings.HasPrefix(name, "memcached") {
			name = "memcached"
		}
		by[name] += r.per1000(s)
	}
	return by
}

// report is all that was measured, and what -json writes.
type report struct {
	Machine  machine
	Options  options
	Missing  map[string]string // rows that could not run, and why
	Runs     []run
	rowNames []string
}

// valid returns the runs of a row that count, by round.
func (p *report) valid(row string) map[int]*run {
	runs := map[int]*run{}
	for i := range p.Runs {
		if r := &p.Runs[i]; r.Row == row && r.Invalid == "" {
			runs[r.Round] = r
		}
	}
	return runs
}

// values returns f of each valid run of a row.
func (p *report) values(row string, f func(*run) float64) []float64 {
	var all []float64
	for _, r := range p.valid(row) {
		all = append(all, f(r))
	}
	return all
}

// ratios returns f of the row over f of the base in each round in which both
// count. Values of one round were measured within seconds of each other, so
// their ratio is steadier than that of the medians.
func (p *report) ratios(c comparison, f func(*run) float64) []float64 {
	var all []float64
	base := p.valid(c.base)
	for round, r := range p.valid(c.row) {
		if b := base[round]; b != nil && f(b) > 0 {
			all = append(all, f(r)/f(b))
		}
	}
	return all
}

// spread is the median and the range of some values.
type spread struct{ median, min, max float64 }

// spreadOf returns the zero spread for no values. With an even number the
// median is the mean of the two in the middle.
func spreadOf(values []float64) spread {
	if len(values) == 0 {
		return spread{}
	}
	v := slices.Sorted(slices.Values(values))
	half := len(v) / 2
	s := spread{median: v[half], min: v[0], max: v[len(v)-1]}
	if len(v)%2 == 0 {
		s.median = (v[half-1] + v[half]) / 2
	}
	return s
}
