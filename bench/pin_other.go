//go:build !linux

package main

import (
	"errors"
	"syscall"
)

var errNeedsLinux = errors.New("the benchmark needs Linux: it pins processes and reads /proc")

func allowedCPUs() ([]int, error) { return nil, errNeedsLinux }

func runPinned([]string) error { return errNeedsLinux }

func childAttr() *syscall.SysProcAttr { return nil }

func killGroup(int) {}
