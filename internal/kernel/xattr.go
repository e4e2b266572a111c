//go:build kernel && linux

package kernel

import (
	"errors"
	"io/fs"

	"golang.org/x/sys/unix"
)

// hasContext reports whether a file, not what it links to, has a context.
func hasContext(name string) (bool, error) {
	_, err := unix.Lgetxattr(name, "security.selinux", nil)
	if errors.Is(err, unix.ENODATA) {
		return false, nil
	}
	if err != nil {
		return false, &fs.PathError{Op: "lgetxattr", Path: name, Err: err}
	}
	return true, nil
}
