package managed

import (
	"bytes"
	"os"

	"golang.org/x/sys/unix"
)

const labelXattr = "security.selinux"

func label(file *os.File) []byte {
	if file == nil {
		return nil
	}
	var buf [1024]byte
	n, err := unix.Fgetxattr(int(file.Fd()), labelXattr, buf[:])
	if err != nil {
		return nil
	}
	return buf[:n]
}

// copyLabel gives a new file the label of the one that it replaces, if that has
// one. Without it the kernel has given it that of new files in its directory.
// To libsemanage, too, a label that it can't set is no reason to stop.
func copyLabel(from, to *os.File) {
	if l := label(from); l != nil && !bytes.Equal(l, label(to)) {
		_ = unix.Fsetxattr(int(to.Fd()), labelXattr, l, 0)
	}
}
