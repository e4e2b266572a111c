package fcontext

import (
	"bufio"
	"errors"
	"io"
	"strings"

	"github.com/sekit/sekit/policy"
)

// ErrChanged: a file is not the one, or has not the context, that a plan was
// made for. It is left alone.
var ErrChanged = errors.New("changed since it was planned for")

// Backend is a tree of files with contexts: [Tree] on a disk, the one of
// package fcontexttest in memory. It is safe for concurrent use.
type Backend interface {
	// Root opens the directory that the tree's paths begin at.
	Root() (Directory, error)
}

// Estimator is a [Backend] that can tell about how many files it has; 0 if it
// cannot, after all.
type Estimator interface {
	EstimateFiles() int64
}

// Directory is an open directory of a [Backend]. It stays the same directory if it
// is renamed, or if another takes its place. It is safe for concurrent use
// until it is closed.
//
// A name is that of an entry, without a slash, or "." for the directory
// itself; others are fs.ErrInvalid, ".." among them. No method follows a
// symbolic link. Errors are the bare reasons, without a path; an entry that is
// not there is fs.ErrNotExist.
type Directory interface {
	// OpenDir opens a directory in this one. What is not a directory, a
	// symbolic link to one included, is an error.
	OpenDir(name string) (Directory, error)
	// Names returns the names of all entries, in any order.
	Names() ([]string, error)
	// Stat says what a file is.
	Stat(name string) (FileStat, error)
	// Context returns a file's context as it is stored, without a NUL byte at
	// the end; it may be malformed. It is empty if the file has none.
	Context(name string) (string, error)
	// SetContext changes a file's context, if the file is the one of want by
	// ID and Kind, has no more links, and its context, still, is from (empty
	// for none); if it is not, the error is ErrChanged. If the file has the
	// context to already that is no error.
	SetContext(name string, want FileStat, from string, to policy.Context) error
	// Close closes the directory.
	Close() error
}

// FileID tells the files of a tree apart, as long as they exist.
type FileID struct {
	Device, Inode uint64
}

// FileStat is what relabelling has to know about a file.
type FileStat struct {
	ID    FileID
	Kind  Kind   // never Any
	Links uint64 // how many names the file has
	// UserWritable is, for a directory, whether anyone but root may make
	// entries in it: it belongs to a user other than 0, or its group or others
	// have write permission.
	UserWritable bool
}

// SameFile reports whether a file, as st has it, is the one of want for
// [Directory.SetContext]: one that has got another name since may be somebody else's.
func (st FileStat) SameFile(want FileStat) bool {
	return st.ID == want.ID && st.Kind == want.Kind && (st.Links <= want.Links || st.Kind == Dir)
}

// ReadCustomizable reads a policy's contexts/customizable_types
// (customizable_types(5)): a type on each line.
func ReadCustomizable(r io.Reader) ([]string, error) {
	var types []string
	s := bufio.NewScanner(r)
	for s.Scan() {
		if t := strings.TrimSpace(s.Text()); t != "" && t[0] != '#' {
			types = append(types, t)
		}
	}
	if err := s.Err(); err != nil {
		return nil, err
	}
	return types, nil
}
