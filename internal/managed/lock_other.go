//go:build !(linux || darwin || freebsd || netbsd || openbsd || dragonfly)

package managed

import (
	"errors"
	"os"
)

// tryLock returns [errors.ErrUnsupported]: the locks are those of flock(2).
func tryLock(*os.File) error { return errors.ErrUnsupported }
