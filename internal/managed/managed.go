package managed

import (
	"errors"
	"fmt"
	"io/fs"
	"path"

	"github.com/sekit/sekit/policy"
)

// Active returns the active directory of a policy type's store (such as default
// or targeted) in a root file system: TYPE/active in the store-root that
// etc/selinux/semanage.conf names, which is var/lib/selinux if it names none,
// or, as older systems have it, etc/selinux/TYPE/modules/active. The error is
// [fs.ErrNotExist] if there is neither, and [fs.ErrInvalid] if the policy type
// is no name.
func Active(root fs.FS, policyType string) (dir string, err error) {
	if !policy.ValidName(policyType) {
		return "", fmt.Errorf("policy type %q: %w", policyType[:min(len(policyType), 64)], fs.ErrInvalid)
	}
	conf, err := readConf(root)
	if err != nil {
		return "", err
	}
	var first error
	for _, dir := range []string{
		path.Join(conf.storeRoot, policyType, "active"),
		path.Join("etc/selinux", policyType, "modules/active"),
	} {
		info, err := fs.Stat(root, dir)
		switch {
		case err == nil && info.IsDir():
			return dir, nil
		case err == nil:
			err = &fs.PathError{Op: "open", Path: dir, Err: errors.New("not a directory")}
		}
		// A store that may not be read is the answer, not that there is none.
		if first == nil || errors.Is(first, fs.ErrNotExist) {
			first = err
		}
	}
	return "", first
}
