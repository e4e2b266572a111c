package port

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"

	"github.com/sekit/sekit/internal/managed"
)

// maxLocal is the largest ports.local that is read: a record is some 50 bytes
// long, and no two of a protocol may share a port.
const maxLocal = 32 << 20

// Store reads the local records of a managed store from a file system: a
// [Backend] that can't write. Use os.DirFS("/") for this machine's (its stores
// are open to root alone), or that of an image's root.
type Store struct {
	fsys fs.FS
	dir  string
}

// OpenStore finds the store of a policy type (such as default or targeted) in
// a root file system: var/lib/selinux/TYPE/active or, as older systems have
// it, etc/selinux/TYPE/modules/active. It returns [fs.ErrNotExist] if there is
// neither.
func OpenStore(root fs.FS, policyType string) (*Store, error) {
	dir, err := managed.Active(root, policyType)
	if err != nil {
		return nil, opError("open", "", err)
	}
	return &Store{root, dir}, nil
}

// Local implements [Backend]: the records of ports.local, and none if the
// store has no such file.
func (s *Store) Local(ctx context.Context) ([]Record, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	name := path.Join(s.dir, "ports.local")
	info, err := fs.Stat(s.fsys, name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if info.Size() > maxLocal {
		return nil, &fs.PathError{Op: "read", Path: name, Err: fmt.Errorf("%d bytes are no list of ports", info.Size())}
	}
	data, err := fs.ReadFile(s.fsys, name)
	if err != nil {
		return nil, err
	}
	return ParseLocal(name, data)
}

// Commit implements [Backend]: it returns [errors.ErrUnsupported].
func (s *Store) Commit(context.Context, []Change) error {
	return fmt.Errorf("writing a store's files: %w", errors.ErrUnsupported)
}
