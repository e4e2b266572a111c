package managed

import (
	"bytes"
	"fmt"
	"os"
	"path"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/sekit/sekit/internal/policydb"
)

const selinuxfs = "/sys/fs/selinux"

// Selinuxfs returns where the kernel's interface is mounted, if this machine
// runs SELinux. opencontainers/selinux looks for the file system only once; this
// asks the kernel itself, so that it holds after a mount, too. A process that may
// not even look is told so by what it asks for next: only an SELinux that is
// enabled denies that.
func Selinuxfs() (dir string, ok bool) {
	var sfs unix.Statfs_t
	err := unix.Statfs(selinuxfs, &sfs)
	return selinuxfs, err == unix.EACCES || err == nil && int64(sfs.Type) == unix.SELINUX_MAGIC
}

// load gives the running kernel a policy, if it runs SELinux with policies of
// this type, as load_policy(8) does: in an older version if the kernel is older.
// The kernel keeps the values that its booleans have.
func load(policyType string, data []byte) error {
	if _, ok := Selinuxfs(); !ok || !configured(policyType) {
		return nil
	}
	text, err := os.ReadFile(path.Join(selinuxfs, "policyvers"))
	if err != nil {
		return err
	}
	newest, err := strconv.ParseUint(strings.TrimSpace(string(text)), 10, 32)
	if err != nil {
		return err
	}
	p, err := policydb.Decode(data)
	if err != nil {
		return err
	}
	if uint64(p.Version) > newest {
		if p, _, err = policydb.Convert(p, uint32(newest)); err != nil {
			return fmt.Errorf("for the kernel's version: %w", err)
		}
		if data, err = policydb.Encode(p); err != nil {
			return err
		}
	}
	file, err := os.OpenFile(path.Join(selinuxfs, "load"), os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	defer file.Close()
	n, err := unix.Write(int(file.Fd()), data) // all of it in one call
	if err != nil {
		return &os.PathError{Op: "load policy", Path: file.Name(), Err: err}
	}
	if n != len(data) {
		return fmt.Errorf("load policy: %d of %d bytes taken", n, len(data))
	}
	return nil
}

// configured reports whether a policy type is the one that this machine runs
// (selinux_config(5)).
func configured(policyType string) bool {
	text, err := os.ReadFile("/etc/selinux/config")
	if err != nil {
		return false
	}
	name := []byte("targeted") // libselinux's default
	for line := range bytes.Lines(text) {
		if v, ok := bytes.CutPrefix(bytes.TrimSpace(line), []byte("SELINUXTYPE=")); ok {
			name = bytes.TrimSpace(v)
		}
	}
	return string(name) == policyType
}
