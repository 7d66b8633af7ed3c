//go:build !unix

package memcachedtest

import (
	"errors"
	"os"
)

// stopProcess reports that there is no SIGSTOP here.
func stopProcess(*os.Process) error { return errors.ErrUnsupported }

// continueProcess reports that there is no SIGCONT here.
func continueProcess(*os.Process) error { return errors.ErrUnsupported }
