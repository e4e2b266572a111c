package port

import (
	"context"
	"errors"
	"io/fs"

	"github.com/sekit/sekit/internal/managed"
)

// Store is the local records of a managed store: a [Backend] that works without
// libsemanage.
type Store struct{ m *managed.Store }

// OpenStore finds the store of a policy type (such as default or targeted) in
// a root file system, for reading alone: var/lib/selinux/TYPE/active or where
// etc/selinux/semanage.conf says, or, as older systems have it,
// etc/selinux/TYPE/modules/active. It returns [fs.ErrNotExist] if there is
// none. Stores are open to root alone.
func OpenStore(root fs.FS, policyType string) (*Store, error) {
	return newStore(managed.OpenFS(root, policyType))
}

// OpenRoot finds the store of a policy type as [OpenStore] does, below the root
// directory of a machine, to read and to write: / for this machine, where a
// commit also loads the policy, or the root directory of an image.
func OpenRoot(dir, policyType string) (*Store, error) {
	return newStore(managed.Open(dir, policyType))
}

func newStore(m *managed.Store, err error) (*Store, error) {
	if err != nil {
		return nil, opError("open", "", err)
	}
	return &Store{m}, nil
}

// Local implements [Backend]: the records of ports.local, and none if the
// store has no such file.
func (s *Store) Local(ctx context.Context) ([]Record, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	data, err := s.m.ReadFile(managed.PortsFile)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return ParseLocal(s.m.Path(managed.PortsFile), data)
}

// Commit implements [Backend]: it does to the store, and to the policy that is
// installed below /etc/selinux, what libsemanage does, under its locks and byte
// for byte. It returns [errors.ErrUnsupported] for a store of [OpenStore], for
// one that libsemanage has not compiled yet, and where there is no flock(2).
func (s *Store) Commit(ctx context.Context, changes []Change) error {
	return s.m.Commit(ctx, managed.Edit{Name: managed.PortsFile, Change: func(old []byte) ([]byte, error) {
		return ApplyFile(s.m.Path(managed.PortsFile), old, changes...)
	}})
}
