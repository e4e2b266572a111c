package fcontext

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/sekit/sekit/policy"
)

func TestOpenTree(t *testing.T) {
	dir := t.TempDir()
	if tree, err := OpenTree(filepath.Join(dir, "none")); tree != nil || !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%v, %v", tree, err)
	}
	f := filepath.Join(dir, "f")
	if err := os.WriteFile(f, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if tree, err := OpenTree(f); tree != nil || !errors.Is(err, unix.ENOTDIR) {
		t.Errorf("%v, %v", tree, err)
	}
	tree, err := OpenTree(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer tree.Close()
	if n := tree.EstimateFiles(); n < 0 {
		t.Error(n)
	}
}

// Every way to the attributes, whether or not this machine would take it.
func TestAccessors(t *testing.T) {
	dir := t.TempDir()
	if err := unix.Setxattr(dir, xattrName, []byte("a:b:c\x00"), 0); err != nil {
		if os.Geteuid() == 0 && os.Getenv("SELINUX_TEST_REQUIRE") == "1" {
			t.Fatalf("required by SELINUX_TEST_REQUIRE=1: %v", err)
		}
		t.Skip(err)
	}
	if err := errors.Join(os.WriteFile(filepath.Join(dir, "f"), nil, 0o600), os.Mkdir(filepath.Join(dir, "dir"), 0o755), os.Symlink("f", filepath.Join(dir, "l")),
		unix.Mkfifo(filepath.Join(dir, "p"), 0o600)); err != nil {
		t.Fatal(err)
	}
	tree, err := OpenTree(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer tree.Close()
	has := tree.at
	for _, way := range []struct {
		via accessor
		at  bool
	}{{viaProc, has}, {viaProc, false}, {viaOpen, has}, {viaOpen, false}} {
		via := way.via
		tree.via, tree.at = way.via, way.at
		root, err := tree.Root()
		if err != nil {
			t.Fatal(err)
		}
		defer root.Close()
		for _, name := range []string{".", "f", "dir", "l", "p"} {
			st, err := root.Stat(name)
			if err != nil {
				t.Fatal(err)
			}
			has, err := root.Context(name)
			if via == viaOpen && st.Kind != File && st.Kind != Dir {
				if way.at {
					err = root.SetContext(name, st, has, policy.MustParseContext("a:b:c"))
				}
				if !errors.Is(err, errors.ErrUnsupported) {
					t.Errorf("%d %s: %q, %v", via, name, has, err)
				}
				continue
			}
			if err != nil {
				t.Errorf("%d %s: %v", via, name, err)
			}
			for _, to := range []string{"u:r:x_t:s0", "u:r:y_t:s0:c1"} {
				if err := root.SetContext(name, st, has, policy.MustParseContext(to)); err != nil {
					t.Errorf("%d %s: %v", via, name, err)
				}
				if has, err = root.Context(name); has != to || err != nil {
					t.Errorf("%d %s: %q, %v, want %q", via, name, has, err, to)
				}
			}
			if err := root.SetContext(name, FileStat{Kind: st.Kind}, has, policy.MustParseContext("a:b:c")); !errors.Is(err, ErrChanged) {
				t.Errorf("%d %s: another file: %v", via, name, err)
			}
		}
		if _, err := root.Context("none"); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%d none: %v", via, err)
		}
	}
}

// An empty attribute, as no kernel with SELinux has it, is not the same as none.
func TestEmptyAttribute(t *testing.T) {
	tree, err := OpenTree(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer tree.Close()
	for _, v := range []string{"", "\x00"} {
		_, err := tree.readContext(func(buf []byte) (int, error) { return copy(buf, v), nil })
		if !errors.Is(err, policy.ErrInvalidContext) {
			t.Errorf("%q: %v", v, err)
		}
	}
	if s, err := tree.readContext(func([]byte) (int, error) { return 0, unix.ENODATA }); s != "" || err != nil {
		t.Errorf("%q, %v", s, err)
	}
}

// TestResolve holds the links in a path to what realpath(1) makes of its
// directory, where the tree's root is the root.
func TestResolve(t *testing.T) {
	root := t.TempDir()
	for _, dir := range []string{"a/b", "outside"} {
		if err := os.MkdirAll(filepath.Join(root, dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for name, target := range map[string]string{"link": "a", "abs": "/a/b", "up": "../../../a", "a/b/back": "..", "loop": "loop", "two": "abs/back", "a/b/file": "nowhere"} {
		if err := os.Symlink(target, filepath.Join(root, name)); err != nil {
			t.Fatal(err)
		}
	}
	tree, err := OpenTree(root)
	if err != nil {
		t.Fatal(err)
	}
	defer tree.Close()
	for name, want := range map[string]string{
		"/": "/", "/a": "/a", "/link": "/link", "/link/": "/link", "/link/b": "/a/b", "/link/.": "/a", "/abs/file": "/a/b/file",
		"/up/b": "/a/b", "/abs/back/b": "/a/b", "/two/x": "/a/x", "/abs/..": "/a", "/abs/../..": "/", "//link//b/": "/a/b", "/none": "/none",
	} {
		if got, err := tree.Resolve(name); err != nil || got != want {
			t.Errorf("Resolve(%q) = %q, %v, want %q", name, got, err, want)
		}
	}
	for name, want := range map[string]error{"/none/x": fs.ErrNotExist, "/loop/x": unix.ELOOP, "a": fs.ErrInvalid, "": fs.ErrInvalid, "/a\x00": fs.ErrInvalid} {
		if got, err := tree.Resolve(name); !errors.Is(err, want) || got != "" {
			t.Errorf("Resolve(%q) = %q, %v, want %v", name, got, err, want)
		}
	}
}
