package boolean

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/sekit/sekit/internal/managed"
	"github.com/sekit/sekit/policy"
)

// Store is the local records of a managed store, and of this machine's store
// the kernel's values, too: a [Backend] that works without libsemanage.
type Store struct{ m *managed.Store }

// OpenStore finds the store of a policy type (such as default or targeted) in
// a root file system, for reading alone: var/lib/selinux/TYPE/active or where
// etc/selinux/semanage.conf says, or, as older systems have it,
// etc/selinux/TYPE/modules/active. It returns [fs.ErrNotExist] if there is
// none. Stores are open to root alone; see [Files] for the values of a kernel.
func OpenStore(root fs.FS, policyType string) (*Store, error) {
	return newStore(managed.OpenFS(root, policyType))
}

// OpenRoot finds the store of a policy type as [OpenStore] does, below the root
// directory of a machine, to read and to write: / for this machine, where a
// commit also loads the policy and sets the kernel's values, or the root
// directory of an image.
func OpenRoot(dir, policyType string) (*Store, error) {
	return newStore(managed.Open(dir, policyType))
}

func newStore(m *managed.Store, err error) (*Store, error) {
	if err != nil {
		return nil, opError("open", "", err)
	}
	return &Store{m}, nil
}

// Active implements [Backend]: the values of the running kernel, if the store
// is this machine's.
func (s *Store) Active(ctx context.Context) ([]Active, error) {
	dir, ok := s.kernel()
	if !ok {
		return nil, errNoKernel
	}
	return Files{Selinuxfs: os.DirFS(dir)}.Active(ctx)
}

var errNoKernel = fmt.Errorf("no running kernel: %w", errors.ErrUnsupported)

func (s *Store) kernel() (dir string, ok bool) {
	if !s.m.Live() {
		return "", false
	}
	return managed.Selinuxfs()
}

// Local implements [Backend]: the records of booleans.local, and none if the
// store has no such file.
func (s *Store) Local(ctx context.Context) ([]Record, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	data, err := s.m.ReadFile(managed.BooleansFile)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return ParseLocal(s.m.Path(managed.BooleansFile), data)
}

// Commit implements [Backend]: it does to the store, and to the policy that is
// installed below /etc/selinux, what libsemanage does, under its locks and byte
// for byte; then it sets the kernel's values. It returns
// [errors.ErrUnsupported] for a store of [OpenStore], for one that libsemanage
// has not compiled yet, and where there is no flock(2).
func (s *Store) Commit(ctx context.Context, changes []Change) error {
	dir, live := s.kernel()
	kept := false
	for _, c := range changes {
		switch {
		case c.Op == Set && !live:
			return errNoKernel
		case c.Op == Persist, c.Op == Reset:
			kept = true
		}
	}
	// What may be refused comes first: a pending value counts for nothing until
	// it is committed.
	var before []Record
	if live {
		var err error
		if before, err = setPending(ctx, dir, changes); err != nil {
			return err
		}
	}
	if kept {
		err := s.m.Commit(ctx, managed.Edit{Name: managed.BooleansFile, Change: func(old []byte) ([]byte, error) {
			return ApplyFile(s.m.Path(managed.BooleansFile), old, changes...)
		}})
		if err != nil {
			return errors.Join(err, writePending(dir, before))
		}
	}
	if !live {
		return nil
	}
	// A policy load in between has made the pending values the current ones.
	if _, err := setPending(ctx, dir, changes); err != nil {
		return err
	}
	return commitPending(dir)
}

// setPending gives booleans of the kernel pending values, and returns those that
// they had.
func setPending(ctx context.Context, dir string, changes []Change) (before []Record, err error) {
	for _, c := range changes {
		if c.Op == Nothing {
			continue
		}
		was, err := Files{Selinuxfs: os.DirFS(dir)}.active(c.Name)
		if err == nil {
			err = ctx.Err()
		}
		if err == nil {
			before = append(before, Record{c.Name, was.Pending})
			err = writePending(dir, []Record{{c.Name, c.On}})
		}
		if err != nil {
			return nil, errors.Join(err, writePending(dir, before))
		}
	}
	return before, nil
}

// writePending writes values to selinuxfs (sel_write_bool), the last one first.
func writePending(dir string, values []Record) error {
	var errs []error
	for _, v := range slices.Backward(values) {
		if !policy.ValidName(v.Name) {
			return fs.ErrInvalid
		}
		value := "0"
		if v.On {
			value = "1"
		}
		errs = append(errs, writeFile(filepath.Join(dir, "booleans", v.Name), value))
	}
	return errors.Join(errs...)
}
