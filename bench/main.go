// Command bench measures whole requests: a load generator on one core sends
// the same workload to msmd's proxy, to its middleware and to their peers
// without sessions, which run on another core. See README.md.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// options are the flags.
type options struct {
	Duration time.Duration
	Warmup   time.Duration
	Rounds   int
	Conns    int
	Only     string
	Msmd     string
	JSON     string `json:"-"`
	Profiles string `json:"-"`
	Markdown bool   `json:"-"`
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	err := dispatch(ctx, os.Args[1:])
	switch {
	case err == nil || errors.Is(err, flag.ErrHelp):
	case ctx.Err() != nil:
		fmt.Fprintln(os.Stderr, "bench: interrupted; everything was ended")
		os.Exit(1)
	default:
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// dispatch runs the benchmark, or one of the subcommands by which it starts
// parts of itself.
func dispatch(ctx context.Context, args []string) error {
	if len(args) > 0 {
		switch args[0] {
		case "pin":
			return runPinned(args[1:])
		case "load":
			return runLoad(os.Stdin, os.Stdout)
		case "server":
			return runServer(ctx, args[1:])
		}
	}
	opts, err := parseFlags(args)
	if err != nil {
		return err
	}
	return benchmark(ctx, opts, os.Stdout, os.Stderr)
}

func parseFlags(args []string) (options, error) {
	var o options
	set := flag.NewFlagSet("bench", flag.ContinueOnError)
	set.DurationVar(&o.Duration, "duration", 5*time.Second, "measured time of each row in each round")
	set.DurationVar(&o.Warmup, "warmup", time.Second, "time of load before it")
	set.IntVar(&o.Rounds, "rounds", 3, "rounds, each of all rows")
	set.IntVar(&o.Conns, "conns", 32, "connections of the load generator")
	set.StringVar(&o.Only, "only", "", "rows to measure, with commas (default all: "+rowNames(allRows())+")")
	set.StringVar(&o.Msmd, "msmd", "", "msmd binary to measure (default: built from this tree)")
	set.StringVar(&o.JSON, "json", "", "file for the raw runs")
	set.StringVar(&o.Profiles, "cpuprofiles", "", "directory for CPU profiles of the benchmark's own servers")
	set.BoolVar(&o.Markdown, "markdown", false, "print just the tables, for README.md: no machine, no progress")
	if err := set.Parse(args); err != nil {
		return o, err
	}
	switch {
	case set.NArg() > 0:
		return o, fmt.Errorf("unknown argument %q", set.Arg(0))
	case o.Duration <= 0 || o.Warmup <= 0 || o.Rounds <= 0 || o.Conns <= 0:
		return o, errors.New("-duration, -warmup, -rounds and -conns must be positive")
	}
	return o, nil
}

// benchmark starts everything, measures, reports and ends everything.
func benchmark(ctx context.Context, o options, stdout, progress io.Writer) error {
	if o.Markdown {
		progress = io.Discard
	}
	rows, err := selectRows(o.Only)
	if err != nil {
		return err
	}
	serverCPU, loadCPU, pinning, err := chooseCPUs()
	if err != nil {
		return err
	}
	l, err := newLauncher(serverCPU)
	if err != nil {
		return err
	}
	defer l.close()
	if o.Msmd == "" {
		fmt.Fprintln(progress, "building msmd")
		if o.Msmd, err = buildMsmd(ctx, l.dir); err != nil {
			return err
		}
	}
	result := &report{Machine: describeMachine(pinning), Options: o, Missing: map[string]string{}}
	c, err := startCluster(l, o.Msmd, o.Profiles)
	if err != nil {
		return err
	}
	m := &measurement{cluster: c, loadCPU: loadCPU, conns: o.Conns, warmup: o.Warmup, duration: o.Duration, addresses: map[string]string{}}
	if rows, err = m.startRows(rows, result); err != nil {
		return err
	}
	for round := 1; round <= o.Rounds; round++ {
		if err := m.round(ctx, rows, round, result, progress); err != nil {
			return err
		}
	}
	return result.publish(o, stdout)
}

// chooseCPUs returns the CPU of the servers and that of the generator. More CPUs
// than two stay idle: one core for the servers makes their requests per second
// and their CPU time two views of the same cost.
func chooseCPUs() (servers, load int, pinning string, err error) {
	cpus, err := allowedCPUs()
	if err != nil {
		return 0, 0, "", err
	}
	if len(cpus) < 2 {
		return unpinned, unpinned, "only one CPU: the load generator shares it with the servers", nil
	}
	return cpus[1], cpus[0], fmt.Sprintf("load generator on CPU %d, everything else on CPU %d", cpus[0], cpus[1]), nil
}

// startRows starts the rows' servers and returns the rows that can run.
func (m *measurement) startRows(rows []row, result *report) ([]row, error) {
	var able []row
	for _, r := range rows {
		result.rowNames = append(result.rowNames, r.name)
		addr, err := r.start(m.cluster)
		switch {
		case errors.Is(err, errNotInstalled):
			result.Missing[r.name] = err.Error()
		case err != nil:
			return nil, err
		default:
			m.addresses[r.name] = addr
			able = append(able, r)
		}
	}
	return able, nil
}

// round measures all rows once. Rounds follow each other, rather than the runs
// of a row, so that slow changes of the machine touch all rows.
func (m *measurement) round(ctx context.Context, rows []row, round int, result *report, progress io.Writer) error {
	for _, r := range rows {
		got, err := m.run(ctx, r, round)
		if err != nil {
			return err
		}
		result.Runs = append(result.Runs, got)
		if got.Invalid != "" {
			fmt.Fprintf(progress, "round %d  %-21s invalid: %s\n", round, r.name, got.Invalid)
			continue
		}
		fmt.Fprintf(progress, "round %d  %-21s %8s requests/s  %.4f CPU s per 1000\n", round, r.name, thousands(got.rate()), got.cost())
	}
	return nil
}

// publish prints the report and writes the raw runs.
func (p *report) publish(o options, stdout io.Writer) error {
	if !o.Markdown {
		fmt.Fprintf(stdout, "%s\n%d connections, %d rounds of %v a row; medians (min–max)\n\n", p.Machine, o.Conns, o.Rounds, o.Duration)
	}
	if err := p.write(stdout); err != nil {
		return err
	}
	if o.JSON == "" {
		return nil
	}
	text, err := json.MarshalIndent(p, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(o.JSON, append(text, '\n'), 0o644)
}
