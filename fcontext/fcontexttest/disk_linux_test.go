package fcontexttest_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/sekit/sekit/fcontext"
	"github.com/sekit/sekit/fcontext/fcontexttest"
)

// requireXattrs skips the test where contexts cannot be written: by others than
// root, or on a file system without them. With SELINUX_TEST_REQUIRE=1 root's
// tests fail instead.
func requireXattrs(t testing.TB, dir string) {
	t.Helper()
	if err := unix.Setxattr(dir, "security.selinux", []byte("system_u:object_r:tmp_t:s0\x00"), 0); err != nil {
		if os.Geteuid() == 0 && os.Getenv("SELINUX_TEST_REQUIRE") == "1" {
			t.Fatalf("required by SELINUX_TEST_REQUIRE=1: security.selinux on %s: %v", dir, err)
		}
		t.Skipf("security.selinux on %s: %v", dir, err)
	}
}

func openTree(t testing.TB, dir string) *fcontext.Tree {
	t.Helper()
	tree, err := fcontext.OpenTree(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { tree.Close() })
	return tree
}

// disk is a harness for a directory.
func disk(t *testing.T, dir string) fcontexttest.Harness {
	requireXattrs(t, dir)
	if os.Geteuid() != 0 {
		t.Skip("only root has directories that only root may write to")
	}
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return fcontexttest.Harness{
		Backend: openTree(t, dir),
		Make:    func(f fcontexttest.File) error { return makeFile(dir, f) },
		Remove:  func(p string) error { return os.RemoveAll(filepath.Join(dir, p)) },
		Rename:  func(from, to string) error { return os.Rename(filepath.Join(dir, from), filepath.Join(dir, to)) },
		Context: func(p string) (string, error) { return getContext(filepath.Join(dir, p)) },
	}
}

func getContext(p string) (string, error) {
	s, err := getRaw(p)
	return strings.TrimSuffix(s, "\x00"), err
}

// getRaw returns the attribute as it is.
func getRaw(p string) (string, error) {
	buf := make([]byte, 4096)
	n, err := unix.Lgetxattr(p, "security.selinux", buf)
	if err == unix.ENODATA {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	return string(buf[:n]), nil
}

func makeFile(dir string, f fcontexttest.File) error {
	p := filepath.Join(dir, f.Path)
	if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
		return err
	}
	if f.LinkTo != "" {
		return os.Link(filepath.Join(dir, f.LinkTo), p)
	}
	var err error
	switch f.Kind {
	case fcontext.Any, fcontext.File:
		err = os.WriteFile(p, nil, 0o644)
	case fcontext.Dir:
		err = os.Mkdir(p, 0o755)
		if err == nil && f.UserWritable {
			err = os.Chmod(p, 0o777)
		}
	case fcontext.Symlink:
		err = os.Symlink(f.Target, p)
	case fcontext.CharDevice:
		err = mknod(p, unix.S_IFCHR|0o600, unix.Mkdev(1, 3))
	case fcontext.BlockDevice:
		err = mknod(p, unix.S_IFBLK|0o600, unix.Mkdev(7, 99))
	case fcontext.Pipe:
		err = mknod(p, unix.S_IFIFO|0o600, 0)
	case fcontext.Socket:
		err = mknod(p, unix.S_IFSOCK|0o600, 0)
	}
	if err != nil || f.Context == "" {
		return err
	}
	return unix.Lsetxattr(p, "security.selinux", append([]byte(f.Context), 0), 0)
}

func mknod(p string, mode uint32, dev uint64) error {
	err := unix.Mknod(p, mode, int(dev))
	if errors.Is(err, unix.EPERM) {
		return fmt.Errorf("%w: %w", errors.ErrUnsupported, err)
	}
	return err
}

func TestDisk(t *testing.T) {
	fcontexttest.TestBackend(t, func(t *testing.T) fcontexttest.Harness { return disk(t, t.TempDir()) })
}

// TestTmpfs is TestDisk on another file system, where there is one.
func TestTmpfs(t *testing.T) {
	dir, err := os.MkdirTemp("/dev/shm", "sekit")
	if err != nil {
		t.Skip(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	fcontexttest.TestBackend(t, func(t *testing.T) fcontexttest.Harness {
		sub, err := os.MkdirTemp(dir, "")
		if err != nil {
			t.Fatal(err)
		}
		return disk(t, sub)
	})
}
