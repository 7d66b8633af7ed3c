package memcachedtest

import (
	"fmt"
	"os"
	"os/exec"
	"sync"
)

// DefaultImage is the container image unless MSMD_TEST_MEMCACHED_IMAGE
// names another.
const DefaultImage = "memcached:1.6"

// settings are the environment variables of the package.
type settings struct {
	backend     string
	image       string
	requireReal bool
}

// probes find out what this machine can run.
type probes struct {
	docker func(image string) error
	local  func() (path string, err error)
}

// choice is a backend, why it was chosen, and how it starts a node.
type choice struct {
	backend string
	reason  string
	launch  launcher
}

// decide chooses once per test process and says so on stderr. It is the
// one piece of process-wide state: probing Docker for each node would cost
// more than the node.
var decide = sync.OnceValues(func() (choice, error) {
	s := settings{
		backend:     os.Getenv("MSMD_TEST_BACKEND"),
		image:       os.Getenv("MSMD_TEST_MEMCACHED_IMAGE"),
		requireReal: os.Getenv("MSMD_TEST_REQUIRE_REAL") != "",
	}
	p := probes{
		docker: probeDocker,
		local:  func() (string, error) { return exec.LookPath("memcached") },
	}
	c, err := choose(s, p)
	if err == nil {
		fmt.Fprintf(os.Stderr, "memcachedtest: using %s\n", c.reason)
	}
	return c, err
})

// choose picks the backend for s on a machine that p describes.
func choose(s settings, p probes) (choice, error) {
	if s.image == "" {
		s.image = DefaultImage
	}
	var c choice
	var err error
	switch s.backend {
	case "", "auto":
		c = chooseAuto(s.image, p)
	case Docker:
		c, err = chooseDocker(s.image, p)
	case Local:
		c, err = chooseLocal(p)
	case InProcess:
		c = inProcess("MSMD_TEST_BACKEND=in-process")
	default:
		return choice{}, fmt.Errorf("memcachedtest: MSMD_TEST_BACKEND=%q: want auto, docker, local or in-process", s.backend)
	}
	if err != nil {
		return choice{}, fmt.Errorf("memcachedtest: MSMD_TEST_BACKEND=%s: %w", s.backend, err)
	}
	if s.requireReal && c.backend == InProcess {
		return choice{}, fmt.Errorf("memcachedtest: MSMD_TEST_REQUIRE_REAL is set, but the choice is %s", c.reason)
	}
	return c, nil
}

func chooseAuto(image string, p probes) choice {
	c, dockerErr := chooseDocker(image, p)
	if dockerErr == nil {
		return c
	}
	c, localErr := chooseLocal(p)
	if localErr == nil {
		return c
	}
	why := fmt.Sprintf("no Docker engine with image %s, no memcached on PATH", image)
	return inProcess(fmt.Sprintf("%s: %v; %v", why, dockerErr, localErr))
}

func chooseDocker(image string, p probes) (choice, error) {
	if err := p.docker(image); err != nil {
		return choice{}, err
	}
	return choice{
		backend: Docker,
		reason:  "memcached containers of image " + image,
		launch:  func(args []string) (server, error) { return launchContainer(image, args) },
	}, nil
}

func chooseLocal(p probes) (choice, error) {
	path, err := p.local()
	if err != nil {
		return choice{}, fmt.Errorf("%w; hint: install memcached", err)
	}
	return choice{
		backend: Local,
		reason:  "the local " + path,
		launch:  func(args []string) (server, error) { return launchProcess(path, args) },
	}, nil
}

func inProcess(why string) choice {
	return choice{
		backend: InProcess,
		reason:  fmt.Sprintf("the in-process memcached (%s)", why),
		launch:  launchInProcess,
	}
}
