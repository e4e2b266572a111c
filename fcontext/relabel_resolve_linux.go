package fcontext

import (
	"io/fs"
	"path"
	"strings"

	"golang.org/x/sys/unix"
)

// maxSymlinks is how many symbolic links a path may lead through (the kernel's
// MAXSYMLINKS).
const maxSymlinks = 40

// Resolve returns the path, absolute in the tree, without symbolic links to
// directories in it, as [PlanRelabel] wants it: the last element stays as it is,
// a link too, so that it is the link that is relabelled (restorecon(8) takes
// the paths on its command line so); if it is "." or "..", all is resolved.
// Links lead to where they would if the tree's root were the root. Errors are
// of type *fs.PathError.
//
// What was resolved may be another thing by the time that it is used; relabelling
// then refuses to follow.
func (t *Tree) Resolve(name string) (string, error) {
	if !strings.HasPrefix(name, "/") || strings.IndexByte(name, 0) >= 0 {
		return "", &fs.PathError{Op: "resolve", Path: name, Err: fs.ErrInvalid}
	}
	trimmed := strings.TrimRight(name, "/")
	i := strings.LastIndexByte(trimmed, '/')
	parent, last := trimmed[:i+1], trimmed[i+1:]
	if last == "" || last == "." || last == ".." {
		parent, last = name, ""
	}
	dir, err := t.resolveDir(parent)
	if err != nil {
		return "", &fs.PathError{Op: "resolve", Path: name, Err: err}
	}
	return path.Join(dir, last), nil
}

func (t *Tree) resolveDir(name string) (string, error) {
	done, rest, links := "/", name, 0
	buf := make([]byte, unix.PathMax)
	for rest != "" {
		var elem string
		elem, rest, _ = strings.Cut(rest, "/")
		switch elem {
		case "", ".":
			continue
		case "..":
			done = path.Dir(done)
			continue
		}
		at := path.Join(done, elem)
		n, err := retry(func() (int, error) { return unix.Readlinkat(t.fd, at[1:], buf) })
		switch {
		case err == unix.EINVAL: // no link
			done = at
			continue
		case err != nil:
			return "", err
		}
		if links++; links > maxSymlinks {
			return "", unix.ELOOP
		}
		target := string(buf[:n])
		if strings.HasPrefix(target, "/") {
			done = "/"
		}
		if rest = target + "/" + rest; len(rest) > 16*unix.PathMax {
			return "", unix.ENAMETOOLONG
		}
	}
	return done, nil
}
