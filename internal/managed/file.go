package managed

import (
	"bytes"
	"io"
	"io/fs"
	"os"
)

// file is a file that a commit replaces.
type file struct {
	root   *os.Root
	source string      // its name in the active store
	name   string      // slash-separated
	staged string      // the name that the new one has until then
	mode   fs.FileMode // 0: that of the old one, or 0600
	old    *os.File    // open until the commit is done; nil if there is none
	data   []byte
	// compiled says that libselinux may have a compiled form beside it, NAME.bin.
	compiled bool
}

// open opens the old file, if there is one, and reports whether it is the same
// as the new one.
func (f *file) open() (same bool, err error) {
	info, err := f.root.Stat(f.name) // opening a pipe would block
	switch {
	case isNotExist(err):
		return false, nil
	case err == nil && !info.Mode().IsRegular():
		err = &fs.PathError{Op: "replace", Path: f.name, Err: errNotRegular}
	case err == nil:
		f.old, err = f.root.Open(f.name)
	}
	if err != nil || info.Size() != int64(len(f.data)) {
		return false, err
	}
	buf := make([]byte, min(len(f.data), 64<<10))
	for rest := f.data; len(rest) > 0; rest = rest[len(buf):] {
		buf = buf[:min(len(buf), len(rest))]
		if _, err := io.ReadFull(f.old, buf); err != nil {
			return false, err
		}
		if !bytes.Equal(buf, rest[:len(buf)]) {
			return false, nil
		}
	}
	return true, nil
}

// stage makes the new file, with the label of the old one, to be written by a
// flusher.
func (f *file) stage(d *flusher, data io.Reader) error {
	mode := f.mode
	if mode == 0 {
		mode = 0o600
		if f.old != nil {
			info, err := f.old.Stat()
			if err != nil {
				return err
			}
			mode = info.Mode().Perm()
		}
	}
	now, err := f.root.OpenFile(f.staged, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return err
	}
	d.add(now, data)
	copyLabel(f.old, now)
	return now.Chmod(mode) // the umask may have left less
}

// put gives the new file its name. libselinux takes the newer one of NAME.bin
// and NAME, by the second, and NAME.bin if they are of the same: so a compiled
// form must be gone before a new text is there. Without it libselinux reads the
// text, and the next commit of libsemanage compiles it.
func (f *file) put() error {
	if f.compiled {
		if err := f.root.Remove(f.name + ".bin"); err != nil && !isNotExist(err) {
			return err
		}
	}
	return f.root.Rename(f.staged, f.name)
}

// undo takes put back.
func (f *file) undo() error {
	if f.old == nil {
		return f.root.Remove(f.name)
	}
	if _, err := f.old.Seek(0, io.SeekStart); err != nil {
		return err
	}
	var d flusher
	defer d.close()
	if err := f.stage(&d, f.old); err != nil {
		return err
	}
	if err := d.flush(); err != nil {
		return err
	}
	return f.root.Rename(f.staged, f.name)
}
