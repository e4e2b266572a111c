package managed

import (
	"errors"
	"os"
	"path"

	"golang.org/x/sys/unix"
)

// exchangeAtOnce is errNoExchange if the kernel or the file system can't.
func exchangeAtOnce(root *os.Root, a, b string) error {
	parent, err := root.Open(path.Dir(a))
	if err != nil {
		return err
	}
	defer parent.Close()
	fd := int(parent.Fd())
	err = unix.Renameat2(fd, path.Base(a), fd, path.Base(b), unix.RENAME_EXCHANGE)
	if errors.Is(err, unix.EINVAL) || errors.Is(err, unix.ENOSYS) {
		return errNoExchange
	}
	if err != nil {
		return &os.LinkError{Op: "exchange", Old: a, New: b, Err: err}
	}
	return nil
}
