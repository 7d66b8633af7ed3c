package memcachedtest

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/msmd/msmd/internal/memcached"
)

// fake is a memcached.Server as a node.
type fake struct {
	*memcached.Server
}

func launchInProcess(args []string) (server, error) {
	cfg, err := parseFlags(args)
	if err != nil {
		return nil, err
	}
	f := fake{memcached.New(cfg)}
	return f, f.Start("127.0.0.1:0")
}

func (f fake) addr() string { return f.Addr() }

// kill ends the pause only after Stop has dropped the commands that waited
// for it: a killed process executes nothing more.
func (f fake) kill() error {
	f.Stop()
	f.Empty()
	f.Resume()
	return nil
}

func (f fake) restart() error { return f.Start(f.Addr()) }

func (f fake) pause() error {
	f.Pause()
	return nil
}

func (f fake) resume() error {
	f.Resume()
	return nil
}

// remove fails if the fake had to answer ERROR: a real memcached might have
// done something else.
func (f fake) remove() error {
	f.Stop()
	if n := f.Stats().Unknown; n > 0 {
		return fmt.Errorf("%d commands that it does not know", n)
	}
	return nil
}

// parseFlags translates memcached flags.
func parseFlags(args []string) (memcached.Config, error) {
	var cfg memcached.Config
	for len(args) > 0 {
		flag := args[0]
		args = args[1:]
		if flag == "-M" {
			cfg.NoEvict = true
			continue
		}
		if flag != "-m" && flag != "-I" && flag != "-c" {
			return cfg, fmt.Errorf("the in-process memcached does not know %q", flag)
		}
		if len(args) == 0 {
			return cfg, fmt.Errorf("%s: value missing", flag)
		}
		n, err := parseSize(args[0])
		if err != nil {
			return cfg, fmt.Errorf("%s: %w", flag, err)
		}
		args = args[1:]
		switch flag {
		case "-m":
			cfg.MaxBytes = n << 20
		case "-I":
			cfg.MaxItemSize = int(n)
		}
	}
	return cfg, nil
}

// parseSize reads a positive number with an optional k or m.
func parseSize(text string) (int64, error) {
	digits, shift := strings.ToLower(text), 0
	if d, ok := strings.CutSuffix(digits, "k"); ok {
		digits, shift = d, 10
	} else if d, ok := strings.CutSuffix(digits, "m"); ok {
		digits, shift = d, 20
	}
	n, err := strconv.ParseUint(digits, 10, 31)
	if err != nil || n == 0 {
		return 0, fmt.Errorf("%q is not a size", text)
	}
	return int64(n) << shift, nil
}
