package fcontext

import (
	"context"
	"errors"
	"io/fs"

	"github.com/sekit/sekit/internal/managed"
)

// LocalStore is the local records of a managed store: a [LocalBackend] that
// works without libsemanage. Records are those of its file_contexts.local;
// equivalences those of file_contexts.subs, which is in no store but where the
// policy is installed, in etc/selinux/TYPE/contexts/files.
type LocalStore struct{ m *managed.Store }

// OpenLocalStore finds the store of a policy type (such as default or targeted)
// in a root file system, for reading alone: var/lib/selinux/TYPE/active or where
// etc/selinux/semanage.conf says, or, as older systems have it,
// etc/selinux/TYPE/modules/active. It returns [fs.ErrNotExist] if there is
// none. Stores are open to root alone.
func OpenLocalStore(root fs.FS, policyType string) (*LocalStore, error) {
	return newLocalStore(managed.OpenFS(root, policyType))
}

// OpenLocalRoot finds the store of a policy type as [OpenLocalStore] does, below
// the root directory of a machine, to read and to write: / for this machine, or
// the root directory of an image.
func OpenLocalRoot(dir, policyType string) (*LocalStore, error) {
	return newLocalStore(managed.Open(dir, policyType))
}

func newLocalStore(m *managed.Store, err error) (*LocalStore, error) {
	if err != nil {
		return nil, listError("open", err)
	}
	return &LocalStore{m}, nil
}

// Local implements [LocalBackend].
func (s *LocalStore) Local(ctx context.Context) (LocalRecords, error) {
	if err := ctx.Err(); err != nil {
		return LocalRecords{}, err
	}
	records, err := s.read(managed.FcontextsFile)
	if err != nil {
		return LocalRecords{}, err
	}
	subs, err := s.read(managed.SubsFile)
	if err != nil {
		return LocalRecords{}, err
	}
	var local LocalRecords
	if local.Records, err = ParseLocal(s.m.Path(managed.FcontextsFile), records); err != nil {
		return LocalRecords{}, err
	}
	if local.Equivalences, err = ParseEquivalences(s.m.Path(managed.SubsFile), subs); err != nil {
		return LocalRecords{}, err
	}
	return local, nil
}

func (s *LocalStore) read(name string) ([]byte, error) {
	data, err := s.m.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return data, err
}

// Commit implements [LocalBackend]: it does to the store, and to the file
// contexts that are installed below etc/selinux, what semanage does, under
// libsemanage's locks and byte for byte; but records and equivalences change in
// one step, and the compiled form of what changes (.bin) goes, for libselinux to
// read the text. It returns [errors.ErrUnsupported] for a store of
// [OpenLocalStore], for one that libsemanage has not compiled yet, and where
// there is no flock(2).
func (s *LocalStore) Commit(ctx context.Context, changes []LocalChange) error {
	var records, equivalences []LocalChange
	for _, c := range changes {
		if c.OfEquivalence() {
			equivalences = append(equivalences, c)
		} else {
			records = append(records, c)
		}
	}
	var edits []managed.Edit
	if len(records) > 0 {
		edits = append(edits, managed.Edit{Name: managed.FcontextsFile, Change: func(old []byte) ([]byte, error) {
			return ApplyLocalFile(s.m.Path(managed.FcontextsFile), old, records...)
		}})
	}
	if len(equivalences) > 0 {
		edits = append(edits, managed.Edit{Name: managed.SubsFile, Change: func(old []byte) ([]byte, error) {
			return ApplyEquivalencesFile(s.m.Path(managed.SubsFile), old, equivalences...)
		}})
	}
	return s.m.Commit(ctx, edits...)
}

// ApplyLocalFile returns the contents of a file_contexts.local with changes of
// records made, as [ApplyLocal] makes them; name is for errors.
func ApplyLocalFile(name string, data []byte, changes ...LocalChange) ([]byte, error) {
	records, err := ParseLocal(name, data)
	if err != nil {
		return nil, err
	}
	// With a line that libselinux refuses, it labels nothing any more. For
	// semanage, setfiles sees to that.
	for _, c := range changes {
		if c.Op == Add || c.Op == Modify {
			if err := checkLocalPattern(c.Key); err != nil {
				return nil, recordError("commit", c.Key, err)
			}
		}
	}
	local, err := ApplyLocal(LocalRecords{Records: records}, changes...)
	if err != nil {
		return nil, err
	}
	return FormatLocal(local.Records), nil
}

// ApplyEquivalencesFile returns the contents of a file_contexts.subs with
// changes of equivalences made, as [ApplyLocal] makes them; name is for errors.
func ApplyEquivalencesFile(name string, data []byte, changes ...LocalChange) ([]byte, error) {
	equivalences, err := ParseEquivalences(name, data)
	if err != nil {
		return nil, err
	}
	for _, c := range changes {
		if c.Op == Add {
			for _, p := range []string{c.Equivalence.Target, c.Equivalence.Source} {
				if err := checkEquivalencePath(p); err != nil {
					return nil, equivalenceError("commit", c.Equivalence.Target, err)
				}
			}
		}
	}
	local, err := ApplyLocal(LocalRecords{Equivalences: equivalences}, changes...)
	if err != nil {
		return nil, err
	}
	return FormatEquivalences(local.Equivalences), nil
}
