package fcontext

import (
	"cmp"
	"io/fs"
	"strings"

	"github.com/sekit/sekit/policy"
)

// ContextAt returns the context that a file has; the zero Context if it has
// none. The path is as for [PlanRelabel]: a symbolic link is looked at itself.
// Errors are of type *fs.PathError: for a path that is not absolute
// fs.ErrInvalid, for what the file has if it is not a context
// [policy.ErrInvalidContext].
func ContextAt(tree Backend, path string) (policy.Context, error) {
	var c policy.Context
	err := at(tree, path, "getxattr", func(d Directory, name string) error {
		has, err := d.Context(name)
		if err == nil && has != "" {
			c, err = policy.ParseContext(has)
		}
		return err
	})
	if err != nil {
		return policy.Context{}, err
	}
	return c, nil
}

// SetTemporary gives a file a context whatever the specs say, as chcon -h does:
// temporarily, that is until the file is relabelled next. To make a context
// stay, add a spec (semanage fcontext) and relabel; types that relabelling
// keeps are few ([RelabelOptions].Customizable).
//
// To change a part alone, change what [ContextAt] returns. The path and the
// errors are as for ContextAt; ErrChanged if somebody else changes the file
// at the same time.
func SetTemporary(tree Backend, path string, to policy.Context) error {
	return at(tree, path, "setxattr", func(d Directory, name string) error {
		st, err := d.Stat(name)
		if err != nil {
			return err
		}
		has, err := d.Context(name)
		if err != nil {
			return err
		}
		return d.SetContext(name, st, has, to)
	})
}

// at calls f with the directory that a file is in.
func at(tree Backend, path, op string, f func(d Directory, name string) error) error {
	p, err := cleanPath(path)
	if err != nil {
		return err
	}
	root, err := tree.Root()
	if err != nil {
		return &fs.PathError{Op: "open", Path: "/", Err: err}
	}
	defer root.Close()
	parent, name := splitPath(p)
	d, _, err := openPath(root, parent)
	if err != nil {
		return &fs.PathError{Op: "open", Path: p, Err: err}
	}
	defer d.Close()
	if err := f(d, name); err != nil {
		return &fs.PathError{Op: op, Path: p, Err: err}
	}
	return nil
}

// splitPath returns the directory that a clean path is in and its name there;
// the root is "." in itself.
func splitPath(p string) (dir, name string) {
	i := strings.LastIndexByte(p, '/')
	return p[:max(i, 1)], cmp.Or(p[i+1:], ".")
}

// openPath opens a directory by its path, element by element, so that no symbolic
// link is followed wherever it may appear; shared is whether users other than
// root may write to it or to one above it.
func openPath(root Directory, p string) (h Directory, shared bool, err error) {
	if h, err = root.OpenDir("."); err != nil {
		return nil, false, err
	}
	rest := strings.TrimPrefix(p, "/")
	for {
		st, err := h.Stat(".")
		if err != nil {
			h.Close()
			return nil, false, err
		}
		shared = shared || st.UserWritable
		if rest == "" {
			return h, shared, nil
		}
		var elem string
		elem, rest, _ = strings.Cut(rest, "/")
		next, err := h.OpenDir(elem)
		h.Close()
		if err != nil {
			return nil, false, err
		}
		h = next
	}
}
