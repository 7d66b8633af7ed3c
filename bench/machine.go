package main

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
)

// machine is what was measured on.
type machine struct {
	CPU       string
	Cores     int
	Kernel    string
	Go        string
	Memcached string
	Nginx     string
	Load      string // load average before the run: other work disturbs it
	Pinning   string
}

func describeMachine(pinning string) machine {
	return machine{
		CPU:       cpuModel(),
		Cores:     runtime.NumCPU(),
		Kernel:    firstLine(readText("/proc/sys/kernel/osrelease")),
		Go:        runtime.Version(),
		Memcached: version("memcached", "-V"),
		Nginx:     version("nginx", "-v"),
		Load:      firstLine(readText("/proc/loadavg")),
		Pinning:   pinning,
	}
}

func (m machine) String() string {
	return fmt.Sprintf("%s, %d cores, Linux %s, %s, %s, %s; load average before: %s; %s",
		m.CPU, m.Cores, m.Kernel, m.Go, m.Memcached, m.Nginx, m.Load, m.Pinning)
}

func cpuModel() string {
	for line := range strings.Lines(readText("/proc/cpuinfo")) {
		name, value, _ := strings.Cut(line, ":")
		if strings.TrimSpace(name) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return runtime.GOARCH + " CPU"
}

func readText(file string) string {
	text, err := os.ReadFile(file)
	if err != nil {
		return "unknown"
	}
	return string(text)
}

func firstLine(s string) string {
	line, _, _ := strings.Cut(s, "\n")
	return line
}

// version returns what a program says of itself.
func version(program, flag string) string {
	out, err := exec.Command(program, flag).CombinedOutput()
	if err != nil {
		return program + " not installed"
	}
	return strings.TrimPrefix(firstLine(string(out)), "nginx version: ")
}
