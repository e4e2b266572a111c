//go:build linux || darwin || freebsd || netbsd || openbsd || dragonfly

package sekit

import (
	"os"

	"golang.org/x/sys/unix"
)

// locksFiles says that lockFile locks.
const locksFiles = true

// lockFile takes a lock that ends with the process, and fails if somebody else
// has it.
func lockFile(f *os.File) error { return unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB) }

// syncDir makes a rename in a directory last.
func syncDir(name string) error {
	d, err := os.Open(name)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}
