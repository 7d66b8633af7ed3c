package memcachedtest

import (
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"github.com/ory/dockertest/v3"
	"github.com/ory/dockertest/v3/docker"
)

// containerPort is where memcached listens in its container.
const containerPort = "11211/tcp"

// expireSeconds ends containers of test processes that died before their
// cleanup.
const expireSeconds = 600

// container is a memcached in a container as a node.
type container struct {
	pool     *dockertest.Pool
	resource *dockertest.Resource
	port     string // on the host; fixed, so that it survives a restart
}

// probeDocker returns nil if an engine answers and has image. NewPool alone
// succeeds without an engine.
func probeDocker(image string) error {
	pool, err := dockertest.NewPool("")
	if err != nil {
		return fmt.Errorf("no Docker engine: %w", err)
	}
	pool.Client.SetTimeout(2 * time.Second)
	if err := pool.Client.Ping(); err != nil {
		return fmt.Errorf("no Docker engine: %w; hint: start it, or set DOCKER_HOST", err)
	}
	if _, err := pool.Client.InspectImage(image); err != nil {
		return fmt.Errorf("image %s: %w; hint: docker pull %s, or set MSMD_TEST_MEMCACHED_IMAGE", image, err, image)
	}
	return nil
}

func launchContainer(image string, args []string) (server, error) {
	pool, err := dockertest.NewPool("")
	if err != nil {
		return nil, err
	}
	c := &container{pool: pool}
	err = withFreePort(func(port string) error {
		c.port = port
		return c.create(image, args)
	})
	if err != nil {
		return nil, err
	}
	if err := c.ready(); err != nil {
		return nil, errors.Join(err, c.remove())
	}
	return c, nil
}

// create runs a container that publishes c.port.
func (c *container) create(image string, args []string) error {
	repository, tag := splitImage(image)
	name := "msmd-test-" + strings.ToLower(rand.Text()[:12])
	resource, err := c.pool.RunWithOptions(&dockertest.RunOptions{
		Name:       name,
		Repository: repository,
		Tag:        tag,
		Cmd:        args, // flags only: the entrypoint adds the command
		Labels:     map[string]string{"msmd-test": "1"},
		PortBindings: map[docker.Port][]docker.PortBinding{
			containerPort: {{HostIP: "127.0.0.1", HostPort: c.port}},
		},
	}, func(hc *docker.HostConfig) {
		hc.PublishAllPorts = false
	})
	if err == nil {
		c.resource = resource
		return nil
	}
	// A container that could not start stays behind as created.
	_ = c.pool.RemoveContainerByName(name)
	if text := err.Error(); strings.Contains(text, "already allocated") || strings.Contains(text, "already in use") {
		return fmt.Errorf("%w: %w", errPortTaken, err)
	}
	return err
}

func (c *container) addr() string { return net.JoinHostPort("127.0.0.1", c.port) }

// ready waits for the answer of the container and arms its expiry, which
// the death of the process it was armed for has disarmed.
func (c *container) ready() error {
	if err := c.resource.Expire(expireSeconds); err != nil {
		return err
	}
	return waitReady(nil, func() error { return answersVersion(c.addr()) })
}

func (c *container) kill() error {
	err := c.pool.Client.KillContainer(docker.KillContainerOptions{
		ID: c.id(), Signal: docker.SIGKILL,
	})
	var dead *docker.ContainerNotRunning
	if errors.As(err, &dead) {
		return nil
	}
	if err != nil {
		return err
	}
	_, err = c.pool.Client.WaitContainer(c.id())
	return err
}

func (c *container) restart() error {
	if err := c.pool.Client.StartContainer(c.id(), nil); err != nil {
		return err
	}
	return c.ready()
}

func (c *container) pause() error { return c.pool.Client.PauseContainer(c.id()) }

func (c *container) resume() error { return c.pool.Client.UnpauseContainer(c.id()) }

func (c *container) remove() error { return c.pool.Purge(c.resource) }

func (c *container) id() string { return c.resource.Container.ID }

// splitImage splits at the tag, whose colon comes after the last slash; the
// colon of a registry's port does not.
func splitImage(image string) (repository, tag string) {
	i := strings.LastIndexByte(image, ':')
	if i < strings.LastIndexByte(image, '/') || i < 0 {
		return image, "latest"
	}
	return image[:i], image[i+1:]
}
