package sekit

import (
	"fmt"
	"os"

	"github.com/opencontainers/selinux/go-selinux"
	"golang.org/x/sys/unix"

	"github.com/sekit/sekit/policy"
)

// Open reads the System of this machine: the policy that its kernel enforces,
// booleans as they are set, with the file contexts and port records in
// /etc/selinux and /var/lib/selinux. Reading the policy takes the permission
// security:read_policy, reading local port records root.
//
// It returns [ErrDisabled] if SELinux is not enabled, and an error that wraps
// [errors.ErrUnsupported] where the OS is not Linux.
func Open() (*System, error) {
	// opencontainers/selinux looks for the file system only once; ask the
	// kernel itself, so that a System can be opened after a mount.
	var st unix.Statfs_t
	if err := unix.Statfs(selinuxfs, &st); err != nil || uint32(st.Type) != unix.SELINUX_MAGIC {
		return nil, ErrDisabled
	}
	p, err := policy.Open(selinuxfs + "/policy")
	if err != nil {
		return nil, err
	}
	root := os.DirFS("/")
	name, err := policyType(root)
	if err != nil {
		return nil, err
	}
	s := &System{Policy: p, FileContext: fileContext}
	if err := s.addFiles(root, "", name, os.DirFS(selinuxfs)); err != nil {
		return nil, err
	}
	return s, nil
}

func fileContext(name string) (policy.Context, error) {
	text, err := selinux.LfileLabel(name)
	if err != nil {
		return policy.Context{}, fmt.Errorf("context of %s: %w", name, err)
	}
	return policy.ParseContext(text)
}
