package managed

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
)

// Names that libsemanage gives the parts of a store (semanage_store.c).
const (
	activeDir  = "active"
	sandboxDir = "tmp"
	backupDir  = "previous"
	transLock  = "semanage.trans.LOCK"
	readLock   = "semanage.read.LOCK"

	linkedFile = "policy.linked"
	kernelFile = "policy.kern"
	commitFile = "commit_num"

	// FcontextsFile is the store's file of local file contexts.
	FcontextsFile = "file_contexts.local"
	// SubsFile is the file of local path substitutions. It is in no store, but
	// in contexts/files of /etc/selinux/TYPE alone.
	SubsFile = "file_contexts.subs"

	contextsDir = "contexts/files"
)

// Larger files of a store are not read: policies, and all others.
const (
	maxPolicy = 256 << 20
	maxFile   = 32 << 20
)

func maxSize(name string) int64 {
	if strings.HasPrefix(path.Base(name), "policy.") {
		return maxPolicy
	}
	return maxFile
}

// Store is a policy type's store, of this machine or of an image, with the
// directory that its policy is installed in. Its methods may be called at the
// same time; other programs that keep to libsemanage's locks may work on the
// store, too.
type Store struct {
	fsys       fs.FS  // to read from, of OpenFS
	root       string // to read and write in, of Open
	policyType string
	conf       conf
	dir        string // slash-separated, holds active and the locks
}

// OpenFS finds the store of a policy type in a root file system, for reading.
// Errors are those of [Open].
func OpenFS(root fs.FS, policyType string) (*Store, error) {
	s := &Store{fsys: root, policyType: policyType}
	if err := s.find(root); err != nil {
		return nil, err
	}
	return s, nil
}

// Open finds the store of a policy type (such as default or targeted) below the
// root directory of a machine: / for this one, whose policy a commit then loads,
// or that of an image, out of which no symbolic link leads. The error is
// [fs.ErrNotExist] if there is no store, and [fs.ErrInvalid] if the policy type
// is no name.
func Open(root, policyType string) (*Store, error) {
	s := &Store{root: filepath.Clean(root), policyType: policyType}
	fsys := os.DirFS(s.root)
	if !s.Live() {
		dir, err := os.OpenRoot(s.root)
		if err != nil {
			return nil, err
		}
		defer dir.Close()
		fsys = dir.FS()
	}
	if err := s.find(fsys); err != nil {
		return nil, err
	}
	return s, nil
}

func (s *Store) find(root fs.FS) error {
	active, err := Active(root, s.policyType)
	if err != nil {
		return err
	}
	s.dir = path.Dir(active)
	s.conf, err = readConf(root)
	return err
}

// Live reports whether the store is this machine's own.
func (s *Store) Live() bool { return s.fsys == nil && s.root == "/" }

// Path returns the name of a file of the active store, or of
// file_contexts.subs, without the root directory: for messages.
func (s *Store) Path(name string) string {
	if name == SubsFile {
		return path.Join(s.etc(), contextsDir, name)
	}
	return path.Join(s.dir, activeDir, name)
}

// open opens a directory below the root. On this machine symbolic links lead
// where they do for everybody; they do not lead out of an image.
func (s *Store) open(dir string) (*os.Root, error) {
	if s.Live() {
		return os.OpenRoot(path.Join("/", dir))
	}
	root, err := os.OpenRoot(s.root)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	return root.OpenRoot(dir)
}

func (s *Store) etc() string { return path.Join("etc/selinux", s.policyType) }

// ReadFile reads a file of the active store, such as ports.local, or
// file_contexts.subs. The error is [fs.ErrNotExist] if there is none: of local
// records there are none then.
func (s *Store) ReadFile(name string) ([]byte, error) {
	if name == "" || path.Base(name) != name {
		return nil, &fs.PathError{Op: "read", Path: name, Err: fs.ErrInvalid}
	}
	if s.fsys != nil {
		return readLimited(s.fsys, s.Path(name), maxSize(name))
	}
	if name == SubsFile {
		etc, err := s.open(s.etc())
		if err != nil {
			return nil, err
		}
		defer etc.Close()
		return readLimited(etc.FS(), path.Join(contextsDir, name), maxSize(name))
	}
	dir, err := s.open(s.dir)
	if err != nil {
		return nil, err
	}
	defer dir.Close()
	return readActive(dir, name)
}

// readActive reads a file of the active store. Commits replace the directory as
// a whole, so that what was read of one that is gone counts for nothing.
func readActive(dir *os.Root, name string) ([]byte, error) {
	for {
		active, err := dir.OpenRoot(activeDir)
		if err != nil {
			return nil, err
		}
		data, readErr := readLimited(active.FS(), name, maxSize(name))
		was, err := active.Stat(".")
		active.Close()
		if err != nil {
			return nil, err
		}
		now, err := dir.Stat(activeDir)
		if err != nil {
			return nil, err
		}
		if os.SameFile(was, now) {
			return data, readErr
		}
	}
}

var errNotRegular = errors.New("not a regular file")

// readLimited reads a file that may not be longer than limit.
func readLimited(fsys fs.FS, name string, limit int64) ([]byte, error) {
	info, err := fs.Stat(fsys, name) // opening a pipe would block
	switch {
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular():
		return nil, &fs.PathError{Op: "read", Path: name, Err: errNotRegular}
	case info.Size() > limit:
		return nil, &fs.PathError{Op: "read", Path: name, Err: fmt.Errorf("longer than %d bytes", limit)}
	}
	file, err := fsys.Open(name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	data := make([]byte, info.Size())
	n, err := io.ReadFull(file, data)
	if err == io.ErrUnexpectedEOF {
		err = nil
	}
	if err != nil && err != io.EOF {
		return nil, err
	}
	return data[:n], nil
}
