package memcachedtest

import (
	"bufio"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"strconv"
	"strings"
	"time"
)

// maxPortTries is how many ports a start tries: one that was free may be
// taken before memcached listens on it.
const maxPortTries = 5

// errPortTaken makes a start try the next port.
var errPortTaken = errors.New("port is taken")

// withFreePort calls launch with free ports until one is not taken.
func withFreePort(launch func(port string) error) error {
	var err error
	for range maxPortTries {
		var port string
		if port, err = freePort(); err != nil {
			return err
		}
		if err = launch(port); !errors.Is(err, errPortTaken) {
			return err
		}
	}
	return err
}

// Ports of nodes are chosen below the range from which systems take ports for
// ":0" and for outgoing connections (32768 and up on Linux, 49152 by RFC 6335):
// a node that is down for a while must find its port free when it comes back.
const (
	firstPort = 15000
	lastPort  = 32000
	portTries = 100
)

// freePort returns a TCP port of 127.0.0.1 that was free a moment ago.
func freePort() (string, error) {
	var err error
	for range portTries {
		port := strconv.Itoa(firstPort + rand.IntN(lastPort-firstPort))
		var ln net.Listener
		if ln, err = net.Listen("tcp", net.JoinHostPort("127.0.0.1", port)); err == nil {
			return port, ln.Close()
		}
	}
	return "", err
}

// waitReady polls ready until it returns nil, exited is closed or
// startTimeout has passed. A nil exited never is.
func waitReady(exited <-chan struct{}, ready func() error) error {
	deadline := time.NewTimer(startTimeout)
	defer deadline.Stop()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for {
		err := ready()
		if err == nil {
			return nil
		}
		select {
		case <-exited:
			return errors.New("it has exited")
		case <-deadline.C:
			return fmt.Errorf("not ready after %v: %w", startTimeout, err)
		case <-tick.C:
		}
	}
}

// answersVersion returns nil if a memcached answers at addr.
func answersVersion(addr string) error {
	answer, err := ask(addr, "version", time.Second)
	if err == nil && !strings.HasPrefix(answer, "VERSION ") {
		err = fmt.Errorf("version answered %q", answer)
	}
	return err
}

// ask sends command on a connection of its own and returns the first line
// of the answer.
func ask(addr, command string, timeout time.Duration) (string, error) {
	c, err := net.DialTimeout("tcp", addr, timeout)
	if err != nil {
		return "", err
	}
	defer c.Close()
	if err := c.SetDeadline(time.Now().Add(timeout)); err != nil {
		return "", err
	}
	if _, err := c.Write([]byte(command + "\r\n")); err != nil {
		return "", err
	}
	line, err := bufio.NewReader(c).ReadString('\n')
	return strings.TrimRight(line, "\r\n"), err
}
