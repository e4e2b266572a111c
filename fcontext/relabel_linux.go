package fcontext

import (
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"strings"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/sekit/sekit/policy"
)

const xattrName = "security.selinux"

// errNoProc: only regular files and directories can be opened without harm, so
// that the descriptor says which file is meant.
var errNoProc = fmt.Errorf("%w: contexts of other files than regular ones and directories need /proc to be mounted, or Linux 6.13", errors.ErrUnsupported)

// Tree is a directory tree on this machine's disks: the running system's, an
// image's root, or any directory. Linux only.
//
// Contexts are the extended attribute security.selinux, which ext4, xfs, btrfs,
// tmpfs and others keep with or without SELinux in the kernel; without, only
// root may write it (CAP_SYS_ADMIN), and nobody checks what is written.
//
// Every directory is opened by one name in its parent's descriptor, and none
// through a symbolic link; a context is changed through a descriptor of the
// very file that was compared with the plan's. What somebody puts in a file's
// place meanwhile is not changed.
type Tree struct {
	fd   int
	via  accessor
	at   bool      // getxattrat works here
	bufs sync.Pool // of *[512]byte, to read contexts into
}

// accessor is a way to the attributes of a file of which there is a descriptor
// that permits nothing else (O_PATH).
type accessor uint8

const (
	viaProc accessor = iota // /proc/self/fd
	viaOpen                 // a second, real descriptor
)

// OpenTree opens the directory root, which may be a symbolic link to one.
// Elsewhere than on Linux the error is errors.ErrUnsupported.
func OpenTree(root string) (*Tree, error) {
	fd, err := retry(func() (int, error) {
		return unix.Open(root, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	})
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: root, Err: err}
	}
	t := &Tree{fd: fd, via: findAccessor(), at: hasGetxattrat(fd)}
	t.bufs.New = func() any { return new([512]byte) }
	return t, nil
}

// findAccessor makes sure that /proc is one: in a chroot it may be a directory
// full of symbolic links.
func findAccessor() accessor {
	var st unix.Statfs_t
	if err := unix.Statfs("/proc/self/fd", &st); err == nil && uint32(st.Type) == unix.PROC_SUPER_MAGIC {
		return viaProc
	}
	return viaOpen
}

// hasGetxattrat tries it. A container's filter may answer EPERM to what it does
// not know, which the call itself never does.
func hasGetxattrat(dir int) bool {
	_, err := getxattrat(dir, ".", make([]byte, 1))
	return err != unix.ENOSYS && err != unix.EPERM
}

// Close closes the tree.
func (t *Tree) Close() error { return unix.Close(t.fd) }

// Root implements [Backend].
func (t *Tree) Root() (Directory, error) { return (&directory{t.fd, t}).OpenDir(".") }

// EstimateFiles implements [Estimator]: how many inodes the root's file system
// has in use, and one in twenty for directories and hard links, as restorecon
// reckons.
func (t *Tree) EstimateFiles() int64 {
	var st unix.Statfs_t
	if err := unix.Fstatfs(t.fd, &st); err != nil || st.Files < st.Ffree {
		return 0
	}
	used := int64(st.Files - st.Ffree)
	return used + used/20
}

// directory is a [Directory] with a descriptor opened with O_PATH.
type directory struct {
	fd   int
	tree *Tree
}

// validName reports whether name is a single element, so that what it leads to is
// in the directory.
func validName(name string) bool {
	return name != "" && name != ".." && strings.IndexByte(name, '/') < 0 && strings.IndexByte(name, 0) < 0
}

// openat opens a file of the directory, never through a symbolic link. A
// single element and O_NOFOLLOW do what openat2(2)'s RESOLVE_BENEATH and
// RESOLVE_NO_SYMLINKS would, on any kernel.
func (d *directory) openat(name string, flags int) (int, error) {
	if !validName(name) {
		return -1, fs.ErrInvalid
	}
	return retry(func() (int, error) {
		return unix.Openat(d.fd, name, flags|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
	})
}

func retry(f func() (int, error)) (int, error) {
	for {
		n, err := f()
		if err != unix.EINTR {
			return n, err
		}
	}
}

// OpenDir implements [Directory].
func (d *directory) OpenDir(name string) (Directory, error) {
	fd, err := d.openat(name, unix.O_PATH|unix.O_DIRECTORY)
	if err != nil {
		return nil, err
	}
	return &directory{fd, d.tree}, nil
}

// Close implements [Directory].
func (d *directory) Close() error { return unix.Close(d.fd) }

// Names implements [Directory].
func (d *directory) Names() ([]string, error) {
	fd, err := d.openat(".", unix.O_RDONLY|unix.O_DIRECTORY)
	if err != nil {
		return nil, err
	}
	defer unix.Close(fd)
	buf := make([]byte, 16<<10)
	var names []string
	for {
		n, err := retry(func() (int, error) { return unix.ReadDirent(fd, buf) })
		if err != nil {
			return nil, err
		}
		if n <= 0 {
			return names, nil
		}
		_, _, names = unix.ParseDirent(buf[:n], -1, names)
	}
}

// Stat implements [Directory].
func (d *directory) Stat(name string) (FileStat, error) {
	if !validName(name) {
		return FileStat{}, fs.ErrInvalid
	}
	var st unix.Stat_t
	if err := unix.Fstatat(d.fd, name, &st, unix.AT_SYMLINK_NOFOLLOW); err != nil {
		return FileStat{}, err
	}
	return fileStat(&st)
}

func fileStat(st *unix.Stat_t) (FileStat, error) {
	kind := kindOfUnix(uint32(st.Mode))
	if kind == Any {
		return FileStat{}, fmt.Errorf("%w: mode %#o", ErrKind, st.Mode)
	}
	return FileStat{
		ID:           FileID{Device: uint64(st.Dev), Inode: uint64(st.Ino)},
		Kind:         kind,
		Links:        uint64(st.Nlink),
		UserWritable: kind == Dir && (st.Uid != 0 || st.Mode&0o022 != 0),
	}, nil
}

func kindOfUnix(mode uint32) Kind {
	switch mode & unix.S_IFMT {
	case unix.S_IFREG:
		return File
	case unix.S_IFDIR:
		return Dir
	case unix.S_IFCHR:
		return CharDevice
	case unix.S_IFBLK:
		return BlockDevice
	case unix.S_IFIFO:
		return Pipe
	case unix.S_IFLNK:
		return Symlink
	case unix.S_IFSOCK:
		return Socket
	}
	return Any
}

// Context implements [Directory].
func (d *directory) Context(name string) (string, error) {
	if !validName(name) {
		return "", fs.ErrInvalid
	}
	if d.tree.at {
		return d.tree.readContext(func(buf []byte) (int, error) { return getxattrat(d.fd, name, buf) })
	}
	if d.tree.via == viaProc {
		// The last element is not followed, and there is no other that could be.
		p := procFD(d.fd) + "/" + name
		return d.tree.readContext(func(buf []byte) (int, error) { return unix.Lgetxattr(p, xattrName, buf) })
	}
	fd, _, err := d.open(name)
	if err != nil {
		return "", err
	}
	defer unix.Close(fd)
	return d.tree.readContext(func(buf []byte) (int, error) { return unix.Fgetxattr(fd, xattrName, buf) })
}

// SetContext implements [Directory].
func (d *directory) SetContext(name string, want FileStat, from string, to policy.Context) error {
	if !to.IsValid() {
		return policy.ErrInvalidContext
	}
	fd, st, err := d.open(name)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	if !st.SameFile(want) {
		return ErrChanged
	}
	get := func(buf []byte) (int, error) { return unix.Fgetxattr(fd, xattrName, buf) }
	set := func(v []byte) error { return unix.Fsetxattr(fd, xattrName, v, 0) }
	if d.tree.via == viaProc {
		p := procFD(fd) // leads to the file itself, even if that is a symbolic link
		get = func(buf []byte) (int, error) { return unix.Getxattr(p, xattrName, buf) }
		set = func(v []byte) error { return unix.Setxattr(p, xattrName, v, 0) }
	}
	switch has, err := d.tree.readContext(get); {
	case err != nil:
		return err
	case has == to.String():
		return nil
	case has != from:
		return ErrChanged
	}
	return set(append([]byte(to.String()), 0)) // libselinux and the kernel count the NUL byte in
}

// open opens a file so that its attributes can be reached through the
// descriptor, without the effects that opening a device or a pipe can have.
func (d *directory) open(name string) (int, FileStat, error) {
	fd, err := d.openat(name, unix.O_PATH)
	if err != nil {
		return -1, FileStat{}, err
	}
	st, err := statFD(fd)
	if err == nil && d.tree.via == viaProc {
		return fd, st, nil
	}
	unix.Close(fd)
	if err != nil {
		return -1, FileStat{}, err
	}
	if st.Kind != File && st.Kind != Dir {
		return -1, FileStat{}, errNoProc
	}
	if fd, err = d.openat(name, unix.O_RDONLY|unix.O_NONBLOCK|unix.O_NOCTTY); err != nil {
		return -1, FileStat{}, err
	}
	real, err := statFD(fd)
	if err == nil && !real.SameFile(st) {
		err = ErrChanged
	}
	if err != nil {
		unix.Close(fd)
		return -1, FileStat{}, err
	}
	return fd, real, nil
}

func statFD(fd int) (FileStat, error) {
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return FileStat{}, err
	}
	return fileStat(&st)
}

func procFD(fd int) string { return "/proc/self/fd/" + strconv.Itoa(fd) }

// readContext reads a context with a function that is one of getxattr(2)'s.
func (t *Tree) readContext(get func([]byte) (int, error)) (string, error) {
	buf := t.bufs.Get().(*[512]byte)
	defer t.bufs.Put(buf)
	b := buf[:]
	n, err := get(b)
	if err == unix.ERANGE {
		b = make([]byte, 64<<10) // XATTR_SIZE_MAX
		n, err = get(b)
	}
	switch {
	case err == unix.ENODATA:
		return "", nil
	case err != nil:
		return "", err
	}
	s := strings.TrimSuffix(string(b[:n]), "\x00")
	if s == "" {
		return "", fmt.Errorf("%w: empty", policy.ErrInvalidContext)
	}
	return s, nil
}
