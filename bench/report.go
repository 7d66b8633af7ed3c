package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// write prints the tables as Markdown.
func (p *report) write(w io.Writer) error {
	var b strings.Builder
	p.results(&b)
	p.processes(&b)
	p.comparisons(&b)
	p.remarks(&b)
	_, err := io.WriteString(w, b.String())
	return err
}

func (p *report) results(b *strings.Builder) {
	fmt.Fprintf(b, "| row | requests/s | CPU s per 1000 requests | p50 ms | p99 ms | p99.9 ms | memcached operations per request | servers' core busy | generator's |\n")
	b.WriteString("|---|---:|---:|---:|---:|---:|---:|---:|---:|\n")
	for _, name := range p.rowNames {
		if len(p.valid(name)) == 0 {
			fmt.Fprintf(b, "| %s | %s | | | | | | | |\n", name, p.whyEmpty(name))
			continue
		}
		at := func(f func(*run) float64) spread { return spreadOf(p.values(name, f)) }
		fmt.Fprintf(b, "| %s | %s | %s | %.2f | %.2f | %.2f | %.2f | %.0f %% | %.0f %% |\n", name,
			at((*run).rate).with(thousands), at((*run).cost).with(decimals(4)),
			at(func(r *run) float64 { return r.P50 }).median,
			at(func(r *run) float64 { return r.P99 }).median,
			at(func(r *run) float64 { return r.P999 }).median,
			at(func(r *run) float64 { return float64(r.Memcached.ops()) / float64(r.Requests) }).median,
			at(func(r *run) float64 { return 100 * r.serverCPU() / r.Seconds }).median,
			at(func(r *run) float64 { return 100 * r.CPU[generatorName] / r.Seconds }).median)
	}
}

func (p *report) whyEmpty(name string) string {
	if why, ok := p.Missing[name]; ok {
		return why
	}
	return "invalid"
}

// processes prints the cost by process, which says who spends it.
func (p *report) processes(b *strings.Builder) {
	b.WriteString("\nCPU seconds per 1000 requests by process, medians:\n\n| row | servers | generator |\n|---|---|---:|\n")
	for _, name := range p.rowNames {
		samples := map[string][]float64{}
		for _, r := range p.valid(name) {
			for process, v := range r.costBy() {
				samples[process] = append(samples[process], v)
			}
		}
		if len(samples) > 0 {
			least := spreadOf(p.values(name, (*run).cost)).median / 100
			fmt.Fprintf(b, "| %s | %s | %.4f |\n", name, shares(samples, least), spreadOf(samples[generatorName]).median)
		}
	}
}

// shares lists the medians of the processes that spend more than least. Those
// of other rows are idle, but for the garbage collector and health checks.
func shares(samples map[string][]float64, least float64) string {
	var parts []string
	for _, process := range slices.Sorted(maps.Keys(samples)) {
		if v := spreadOf(samples[process]).median; process != generatorName && v > least {
			parts = append(parts, fmt.Sprintf("%s %.4f", process, v))
		}
	}
	return strings.Join(parts, ", ")
}

func (p *report) comparisons(b *strings.Builder) {
	var lines []string
	for _, c := range comparisons() {
		rate := p.ratios(c, (*run).rate)
		if len(rate) > 0 {
			lines = append(lines, fmt.Sprintf("| %s / %s | %s | %s |\n", c.row, c.base,
				spreadOf(rate).with(decimals(2)), spreadOf(p.ratios(c, (*run).cost)).with(decimals(2))))
		}
	}
	if len(lines) > 0 {
		b.WriteString("\nRatios, of values of the same round:\n\n| | requests/s | CPU per request |\n|---|---:|---:|\n" + strings.Join(lines, ""))
	}
}

// remarks names what was not as expected.
func (p *report) remarks(b *strings.Builder) {
	var lines []string
	for i := range p.Runs {
		r := &p.Runs[i]
		if r.Invalid != "" {
			lines = append(lines, fmt.Sprintf("- %s, round %d: invalid: %s\n", r.Row, r.Round, r.Invalid))
		}
		if r.starved() {
			lines = append(lines, fmt.Sprintf("- %s, round %d: %s requests/s with both cores waiting: other work on them, or a server that hung\n",
				r.Row, r.Round, thousands(r.rate())))
		}
		if r.SetCookies > 0 {
			lines = append(lines, fmt.Sprintf("- %s, round %d: %d responses set another session cookie\n", r.Row, r.Round, r.SetCookies))
		}
		if r.Reconnects > 0 {
			lines = append(lines, fmt.Sprintf("- %s, round %d: %d connections were opened anew\n", r.Row, r.Round, r.Reconnects))
		}
	}
	if len(lines) > 0 {
		b.WriteString("\nNot as expected:\n\n" + strings.Join(lines, ""))
	}
}

// with returns the median and, if there is one, the range in brackets.
func (s spread) with(format func(float64) string) string {
	if s.min == s.max {
		return format(s.median)
	}
	return fmt.Sprintf("%s (%s–%s)", format(s.median), format(s.min), format(s.max))
}

func decimals(n int) func(float64) string {
	return func(v float64) string { return strconv.FormatFloat(v, 'f', n, 64) }
}

// thousands is a whole number with commas.
func thousands(v float64) string {
	digits := strconv.FormatInt(int64(v+0.5), 10)
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}
