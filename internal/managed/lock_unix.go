//go:build linux || darwin || freebsd || netbsd || openbsd || dragonfly

package managed

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// tryLock locks a file against every other open file; it is errLocked if one
// has the lock.
func tryLock(file *os.File) error {
	for {
		err := unix.Flock(int(file.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		switch {
		case errors.Is(err, unix.EINTR):
		case errors.Is(err, unix.EWOULDBLOCK):
			return errLocked
		default:
			return err
		}
	}
}
