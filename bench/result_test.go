package main

import (
	"maps"
	"math"
	"slices"
	"strings"
	"testing"
)

// cell returns a run with a rate and a cost.
func cell(name string, round int, rate, cost float64) run {
	return run{Row: name, Round: round, outcome: outcome{Seconds: 2, Requests: uint64(2 * rate)},
		CPU: map[string]float64{name: cost * 2 * rate / 1000, generatorName: 2}}
}

func near(a, b float64) bool { return math.Abs(a-b) < 1e-9 }

func TestSpread(t *testing.T) {
	for _, c := range []struct {
		in   []float64
		want spread
	}{
		{nil, spread{}},
		{[]float64{3}, spread{3, 3, 3}},
		{[]float64{3, 1}, spread{2, 1, 3}},
		{[]float64{9, 1, 4}, spread{4, 1, 9}},
		{[]float64{4, 1, 9, 2}, spread{3, 1, 9}},
	} {
		in := slices.Clone(c.in)
		if got := spreadOf(c.in); got != c.want {
			t.Errorf("spreadOf(%v) = %v, want %v", in, got, c.want)
		}
		if !slices.Equal(in, c.in) {
			t.Errorf("spreadOf changed %v to %v", in, c.in)
		}
	}
}

func TestRates(t *testing.T) {
	r := run{outcome: outcome{Seconds: 2, Requests: 4000}, CPU: map[string]float64{
		"memcached1": 0.2, "memcached2": 0.4, "app": 1, generatorName: 1.6}}
	if r.rate() != 2000 || !near(r.serverCPU(), 1.6) || !near(r.cost(), 0.4) {
		t.Errorf("rate %v, CPU %v, cost %v, want 2000, 1.6, 0.4", r.rate(), r.serverCPU(), r.cost())
	}
	want := map[string]float64{"memcached": 0.15, "app": 0.25, generatorName: 0.4}
	if got := r.costBy(); !maps.EqualFunc(got, want, near) {
		t.Errorf("costBy() = %v, want %v", got, want)
	}
}

// Ratios are of the same round, and leave out rounds in which one is invalid.
func TestRatios(t *testing.T) {
	p := report{Runs: []run{
		cell("a", 1, 100, 0.2), cell("b", 1, 200, 0.1),
		cell("a", 2, 90, 0.3), cell("b", 2, 100, 0.1),
		cell("a", 3, 70, 0.5), cell("b", 3, 10, 0.1),
		cell("a", 4, 70, 0.5),
	}}
	p.Runs[5].Invalid = "errors"
	rate, cost := p.ratios(comparison{"a", "b"}, (*run).rate), p.ratios(comparison{"a", "b"}, (*run).cost)
	slices.Sort(rate)
	slices.Sort(cost)
	if !slices.EqualFunc(rate, []float64{0.5, 0.9}, near) || !slices.EqualFunc(cost, []float64{2, 3}, near) {
		t.Errorf("rate %v, cost %v, want [0.5 0.9], [2 3]", rate, cost)
	}
	if got := p.ratios(comparison{"a", "c"}, (*run).rate); got != nil {
		t.Errorf("ratios to a row that did not run: %v, want none", got)
	}
}

func TestReport(t *testing.T) {
	p := report{
		Runs: []run{cell("handler", 1, 20000, 0.01), cell("middleware", 1, 10000, 0.04), cell("floor", 1, 1, 1),
			cell("handler", 2, 30000, 0.02), cell("middleware", 2, 9000, 0.04)},
		Missing:  map[string]string{"nginx": "not installed"},
		rowNames: []string{"nginx", "handler", "floor", "middleware"},
	}
	p.Runs[2].Invalid = "7 errors, the first: status 503"
	var b strings.Builder
	if err := p.write(&b); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"| nginx | not installed | |",
		"| floor | invalid | |",
		"| handler | 25,000 (20,000–30,000) | 0.0150 (0.0100–0.0200) |",
		"| middleware | middleware 0.0400 |",
		"| middleware / handler | 0.40 (0.30–0.50) | 3.00 (2.00–4.00) |",
		"- floor, round 1: invalid: 7 errors, the first: status 503\n",
	} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("no %q in\n%s", want, &b)
		}
	}
}

func TestFlaw(t *testing.T) {
	good := outcome{Requests: 10}
	tracked, untracked := row{sessions: true}, row{}
	for _, c := range []struct {
		name string
		row  row
		run  run
		want bool
	}{
		{"good", tracked, run{outcome: good}, false},
		{"no requests", tracked, run{}, true},
		{"errors", untracked, run{outcome: outcome{Requests: 10, Errors: 1}}, true},
		{"lost session", tracked, run{outcome: outcome{Requests: 10, NoSession: 1}}, true},
		{"no session expected", untracked, run{outcome: outcome{Requests: 10, NoSession: 10}}, false},
		{"evictions", tracked, run{outcome: good, Memcached: memStats{Evictions: 1}}, true},
	} {
		if got := flaw(c.row, &c.run); (got != "") != c.want {
			t.Errorf("%s: flaw = %q, want one: %t", c.name, got, c.want)
		}
	}
}

func TestStarved(t *testing.T) {
	for _, c := range []struct {
		servers, generator float64
		invalid            string
		want               bool
	}{{2, 1, "", false}, {1, 2, "", false}, {1.5, 1.5, "", true}, {1.5, 1.5, "errors", false}} {
		r := run{Invalid: c.invalid, outcome: outcome{Seconds: 2, Requests: 1}, CPU: map[string]float64{"app": c.servers, generatorName: c.generator}}
		if got := r.starved(); got != c.want {
			t.Errorf("starved with %v s of 2 for the servers, %v s for the generator, %q: %t, want %t", c.servers, c.generator, c.invalid, got, c.want)
		}
	}
}

func TestThousands(t *testing.T) {
	for in, want := range map[float64]string{0: "0", 999.4: "999", 999.5: "1,000", 1234567: "1,234,567"} {
		if got := thousands(in); got != want {
			t.Errorf("thousands(%v) = %q, want %q", in, got, want)
		}
	}
}
