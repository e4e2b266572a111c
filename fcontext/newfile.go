package fcontext

import (
	"fmt"
	"io/fs"
	"strings"

	"github.com/sekit/sekit/policy"
)

// Creation is a file that a process is about to create.
type Creation struct {
	Creator policy.Context `json:"creator"` // the process
	Path    string         `json:"path"`
	Kind    Kind           `json:"kind"`
	// Directory is the context of the directory that it is made in. If it is
	// not set, that is what file contexts give the directory.
	Directory policy.Context `json:"directory,omitzero"`
}

// NewFile is what becomes of a [Creation].
type NewFile struct {
	Creation
	// Context is what the kernel gives the file.
	Context policy.Context `json:"context"`
	// Want is what file contexts say the file should have; nil if no spec
	// matches.
	Want *Match `json:"want,omitempty"`
}

// NewFile computes the context of a file that is created, as the kernel does
// (see [policy.Policy.NewContext]): by type_transition rules for the creator's
// domain, the directory's type, the class and the name, or else after the
// directory. Whether the creator may create it at all is for
// [policy.Policy.Decide] to say.
//
// It holds for file systems that keep contexts in extended attributes, and
// for creators that have not asked for another context (setfscreatecon(3)).
//
// A kind other than [Any] and an absolute path below / are needed: errors
// about them wrap [fs.ErrInvalid]. If nothing gives the directory a context the
// error wraps [fs.ErrNotExist]. Others are those of [policy.Policy.NewContext]:
// the kernel would refuse to create the file.
func (db *DB) NewFile(p *policy.Policy, c Creation) (NewFile, error) {
	dir, name, err := cutName(c.Path)
	if err == nil && c.Kind.Class() == "" {
		err = fmt.Errorf("fcontext: %w: a new file is of one kind", fs.ErrInvalid)
	}
	if err != nil {
		return NewFile{}, err
	}
	if !c.Directory.IsValid() {
		m, ok := db.Lookup(dir, Dir)
		if !ok || m.None {
			return NewFile{}, fmt.Errorf("fcontext: no context for the directory %q: %w", dir, fs.ErrNotExist)
		}
		c.Directory = m.Context
	}
	n := NewFile{Creation: c}
	if n.Context, err = p.NewContext(c.Creator, c.Directory, c.Kind.Class(), name); err != nil {
		return NewFile{}, err
	}
	if m, ok := db.Lookup(c.Path, c.Kind); ok {
		n.Want = &m
	}
	return n, nil
}

// WouldChange reports whether restorecon would give the file another type than
// it is born with: whoever relies on the one will be refused once the file has
// the other. (It doesn't for types that are customizable; see
// [ReadCustomizable].)
func (n NewFile) WouldChange() bool {
	return n.Want != nil && !n.Want.None && n.Want.Context.Type() != n.Context.Type()
}

// cutName cuts the last component off an absolute path.
func cutName(path string) (dir, name string, err error) {
	clean := cleanSlashes(path)
	if len(clean) > 1 {
		clean = strings.TrimSuffix(clean, "/")
	}
	i := strings.LastIndexByte(clean, '/')
	if clean == "" || clean[0] != '/' || strings.IndexByte(clean, 0) >= 0 {
		return "", "", fmt.Errorf("fcontext: %w: path %q", fs.ErrInvalid, path)
	}
	name = clean[i+1:]
	if name == "" || name == "." || name == ".." {
		return "", "", fmt.Errorf("fcontext: %w: path %q names no new file", fs.ErrInvalid, path)
	}
	return clean[:max(i, 1)], name, nil
}
