package managed

import (
	"errors"
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// linkTree fills a directory with another one's contents, but for the files at
// its top that are named in except. Files are links: libsemanage, which copies
// them, never writes to a file of the active store in place, and nor do we.
func linkTree(root *os.Root, from, to string, except map[string][]byte) error {
	src, err := root.Open(from)
	if err != nil {
		return err
	}
	defer src.Close()
	dst, err := root.Open(to)
	if err != nil {
		return err
	}
	defer dst.Close()
	copyLabel(src, dst)
	return linkDir(src, dst, except, hasLabel(src))
}

func linkDir(src, dst *os.File, except map[string][]byte, labels bool) error {
	entries, err := src.ReadDir(-1)
	if err != nil {
		return err
	}
	for _, e := range entries {
		name := e.Name()
		if _, ok := except[name]; ok {
			continue
		}
		switch {
		case e.IsDir():
			err = linkSubdir(src, dst, name, labels)
		case e.Type().IsRegular():
			err = linkFile(src, dst, name)
		default:
			err = &os.PathError{Op: "copy", Path: src.Name() + "/" + name, Err: errors.New("neither a file nor a directory")}
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func linkSubdir(src, dst *os.File, name string, labels bool) error {
	if err := unix.Mkdirat(int(dst.Fd()), name, 0o700); err != nil {
		return &os.PathError{Op: "mkdir", Path: dst.Name() + "/" + name, Err: err}
	}
	from, err := openAt(src, name, unix.O_RDONLY|unix.O_DIRECTORY, 0)
	if err != nil {
		return err
	}
	defer from.Close()
	to, err := openAt(dst, name, unix.O_RDONLY|unix.O_DIRECTORY, 0)
	if err != nil {
		return err
	}
	defer to.Close()
	if labels {
		copyLabel(from, to)
	}
	return linkDir(from, to, nil, labels)
}

// linkFile makes a link, or a copy where the file system has no links or no
// room for more of them.
func linkFile(src, dst *os.File, name string) error {
	err := unix.Linkat(int(src.Fd()), name, int(dst.Fd()), name, 0)
	switch {
	case err == nil:
		return nil
	case errors.Is(err, unix.EPERM), errors.Is(err, unix.EMLINK), errors.Is(err, unix.EXDEV), errors.Is(err, unix.EOPNOTSUPP):
		return copyFile(src, dst, name)
	}
	return &os.LinkError{Op: "link", Old: src.Name() + "/" + name, New: dst.Name() + "/" + name, Err: err}
}

func copyFile(src, dst *os.File, name string) error {
	from, err := openAt(src, name, unix.O_RDONLY, 0)
	if err != nil {
		return err
	}
	defer from.Close()
	info, err := from.Stat()
	if err != nil {
		return err
	}
	to, err := openAt(dst, name, unix.O_WRONLY|unix.O_CREAT|unix.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	if _, err = io.Copy(to, from); err == nil {
		err = to.Chmod(info.Mode().Perm())
	}
	if err == nil {
		copyLabel(from, to)
		err = to.Sync()
	}
	return errors.Join(err, to.Close())
}

// openAt opens a name of a directory, and no symbolic link.
func openAt(dir *os.File, name string, flags int, mode uint32) (*os.File, error) {
	fd, err := unix.Openat(int(dir.Fd()), name, flags|unix.O_NOFOLLOW|unix.O_CLOEXEC, mode)
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: dir.Name() + "/" + name, Err: err}
	}
	return os.NewFile(uintptr(fd), dir.Name()+"/"+name), nil
}
