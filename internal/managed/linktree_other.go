//go:build !linux

package managed

import (
	"errors"
	"io/fs"
	"os"
	"path"
)

// linkTree fills a directory with another one's contents, but for the files at
// its top that are named in except. Files are links: libsemanage, which copies
// them, never writes to a file of the active store in place, and nor do we.
func linkTree(root *os.Root, from, to string, except map[string][]byte) error {
	return fs.WalkDir(root.FS(), from, func(name string, e fs.DirEntry, err error) error {
		if err != nil || name == from {
			return err
		}
		rest := name[len(from)+1:]
		if _, ok := except[rest]; ok {
			return nil
		}
		switch {
		case e.IsDir():
			return root.Mkdir(path.Join(to, rest), 0o700)
		case e.Type().IsRegular():
			return root.Link(name, path.Join(to, rest))
		}
		return &fs.PathError{Op: "copy", Path: name, Err: errors.New("neither a file nor a directory")}
	})
}
