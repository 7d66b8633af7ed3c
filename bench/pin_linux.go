package main

import (
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"syscall"
	"unsafe"
)

const maxCPUs = 1024

type cpuMask [maxCPUs / 64]uint64

// allowedCPUs returns the CPUs that this process may run on.
func allowedCPUs() ([]int, error) {
	var mask cpuMask
	if _, _, errno := syscall.RawSyscall(syscall.SYS_SCHED_GETAFFINITY, 0, unsafe.Sizeof(mask), uintptr(unsafe.Pointer(&mask))); errno != 0 {
		return nil, fmt.Errorf("sched_getaffinity: %w", errno)
	}
	var cpus []int
	for cpu := range maxCPUs {
		if mask[cpu/64]>>(cpu%64)&1 == 1 {
			cpus = append(cpus, cpu)
		}
	}
	return cpus, nil
}

// runPinned is the subcommand "pin CPU PROGRAM ARGUMENTS": it binds itself to
// the CPU and becomes the program, so that all of the program's threads and
// children are bound, and a Go program starts with GOMAXPROCS=1.
func runPinned(args []string) error {
	if len(args) < 2 {
		return fmt.Errorf("pin: want a CPU and a program, got %q", args)
	}
	cpu, err := strconv.Atoi(args[0])
	if err != nil || cpu < 0 || cpu >= maxCPUs {
		return fmt.Errorf("pin: CPU %q", args[0])
	}
	path, err := exec.LookPath(args[1])
	if err != nil {
		return err
	}
	runtime.LockOSThread() // the affinity is the thread's; exec keeps it
	var mask cpuMask
	mask[cpu/64] = 1 << (cpu % 64)
	if _, _, errno := syscall.RawSyscall(syscall.SYS_SCHED_SETAFFINITY, 0, unsafe.Sizeof(mask), uintptr(unsafe.Pointer(&mask))); errno != 0 {
		return fmt.Errorf("pin to CPU %d: %w", cpu, errno)
	}
	return fmt.Errorf("exec %s: %w", path, syscall.Exec(path, args[1:], os.Environ()))
}

// childAttr puts a child into its own process group, out of reach of the
// terminal's Ctrl-C, since the benchmark ends its children itself, and asks
// the kernel to end it should the benchmark be killed.
func childAttr() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
}

// killGroup ends a child and its children for good.
func killGroup(pid int) { _ = syscall.Kill(-pid, syscall.SIGKILL) } // an error means that they are gone
