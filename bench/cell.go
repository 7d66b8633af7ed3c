package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"time"
)

const generatorName = "generator"

// measurement runs cells, each a row in a round. Sessions are prepared anew for
// each cell, so that none depends on what ran before it.
type measurement struct {
	cluster   *cluster
	loadCPU   int // the generator's, or unpinned
	conns     int
	warmup    time.Duration
	duration  time.Duration
	addresses map[string]string // of the rows
}

// run measures one cell. An error ends the whole benchmark; what makes just
// this cell worthless is in its Invalid.
func (m *measurement) run(ctx context.Context, r row, round int) (run, error) {
	result := run{Row: r.name, Round: round}
	p := plan{Addr: m.addresses[r.name], Conns: m.conns, Warmup: m.warmup.Seconds(), Duration: m.duration.Seconds(),
		ReadPath: readPath, ChangePath: changePath, Seed: uint64(round)}
	if r.ignored {
		p.ReadPath, p.ChangePath = ignoreRead, ignoreWrite
	}
	var err error
	if p.Cookies, err = cookies(ctx, p.Addr, r.sessions); err != nil {
		result.Invalid = err.Error()
		return result, ctx.Err() // the row may recover in the next round
	}
	if err := m.load(ctx, p, &result); err != nil {
		return result, fmt.Errorf("%s: %w", r.name, err)
	}
	result.Invalid = flaw(r, &result)
	return result, nil
}

// flaw says what makes a run worthless.
func flaw(r row, result *run) string {
	switch {
	case result.Errors > 0:
		return fmt.Sprintf("%d errors, the first: %s", result.Errors, result.FirstError)
	case result.Requests == 0:
		return "no requests"
	case r.sessions && result.NoSession > 0:
		return fmt.Sprintf("%d requests without their session", result.NoSession)
	case result.Memcached.Evictions > 0:
		return fmt.Sprintf("%d evictions by memcached", result.Memcached.Evictions)
	default:
		return ""
	}
}

// cookies prepares the sessions and returns their cookies. A server without
// sessions gets the same requests with made-up ones.
func cookies(ctx context.Context, addr string, sessions bool) ([]string, error) {
	var all []string
	// A transport of its own: it is closed after the cell, so that no idle
	// connection burdens the server under load.
	client := &http.Client{Timeout: patience, Transport: &http.Transport{}}
	defer client.CloseIdleConnections()
	for i := range numSessions {
		if !sessions {
			all = append(all, fmt.Sprintf("msmid=%026d-n1", i))
			continue
		}
		cookie, err := prepare(ctx, client, addr, attributes(i))
		if err != nil {
			return nil, fmt.Errorf("prepare session %d: %w", i, err)
		}
		all = append(all, cookie)
	}
	return all, nil
}

func prepare(ctx context.Context, client *http.Client, addr string, content []byte) (string, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+addr+preparePath, bytes.NewReader(content))
	if err != nil {
		return "", err
	}
	res, err := client.Do(req)
	if err != nil {
		return "", err
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		return "", err
	}
	cookie, _, _ := strings.Cut(res.Header.Get("Set-Cookie"), ";")
	if res.StatusCode != http.StatusOK || cookie == "" {
		return "", fmt.Errorf("status %d, cookie %q: %.200q", res.StatusCode, cookie, text)
	}
	return cookie, nil
}

// load runs the load generator and reads the counters around its measured
// time.
func (m *measurement) load(ctx context.Context, p plan, result *run) (err error) {
	argv := m.cluster.pinned(m.loadCPU, m.cluster.self, "load")
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.Stderr, cmd.SysProcAttr = os.Stderr, childAttr()
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	defer func() {
		_ = stdin.Close() // tells the generator to end
		if waited := cmd.Wait(); ctx.Err() != nil {
			err = ctx.Err()
		} else {
			err = errors.Join(err, waited)
		}
	}()
	return m.converse(p, cmd.Process.Pid, stdin, bufio.NewReader(stdout), result)
}

// converse is the benchmark's side of runLoad.
func (m *measurement) converse(p plan, pid int, to io.Writer, from *bufio.Reader, result *run) error {
	if err := json.NewEncoder(to).Encode(p); err != nil {
		return err
	}
	if _, err := from.ReadString('\n'); err != nil {
		return fmt.Errorf("load generator, warming up: %w", err)
	}
	before, err := m.snapshot(pid)
	if err != nil {
		return err
	}
	if _, err := io.WriteString(to, lineGo); err != nil {
		return err
	}
	line, err := from.ReadBytes('\n')
	if err != nil {
		return fmt.Errorf("load generator: %w", err)
	}
	after, err := m.snapshot(pid)
	if err != nil {
		return err
	}
	result.CPU = map[string]float64{}
	for name, t := range after.cpu {
		if used := t - before.cpu[name]; used > 0 {
			result.CPU[name] = used.Seconds()
		}
	}
	result.Memcached = after.memcached.since(before.memcached)
	return json.Unmarshal(line, &result.outcome)
}

// snapshot is all counters at one moment.
type snapshot struct {
	cpu       map[string]time.Duration
	memcached memStats
}

func (m *measurement) snapshot(generator int) (snapshot, error) {
	cpu, err := m.cluster.cpuTimes(generatorName, generator)
	if err != nil {
		return snapshot{}, err
	}
	stats, err := readMemStats(m.cluster.memcacheds)
	return snapshot{cpu, stats}, err
}
