package managed

import (
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
	old    []byte      // nil if there is none
	data   []byte
	// compiled says that libselinux may have a compiled form beside it, NAME.bin.
	compiled bool
}

// stage writes the new file, with the label of the old one, to be flushed.
func (f *file) stage(d *flusher) error { return f.write(d, f.data) }

func (f *file) write(d *flusher, data []byte) error {
	old, err := f.root.Open(f.name)
	if err != nil && !isNotExist(err) {
		return err
	}
	defer old.Close()
	mode := f.mode
	if mode == 0 {
		mode = 0o600
		if info, err := old.Stat(); err == nil {
			mode = info.Mode().Perm()
		}
	}
	now, err := f.root.OpenFile(f.staged, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return err
	}
	d.add(now)
	if _, err := now.Write(data); err != nil {
		return err
	}
	copyLabel(old, now)
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
	var d flusher
	defer d.close()
	if err := f.write(&d, f.old); err != nil {
		return err
	}
	if err := d.flush(); err != nil {
		return err
	}
	return f.root.Rename(f.staged, f.name)
}
