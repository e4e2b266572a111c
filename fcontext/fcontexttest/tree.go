package fcontexttest

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
	"sync"

	"github.com/sekit/sekit/fcontext"
	"github.com/sekit/sekit/policy"
)

// File is a file of a [Tree].
type File struct {
	// Path is absolute and clean. Directories that lead to it are made, without
	// a context, if they are not there.
	Path string
	// Kind is the file's kind; Any makes a regular file.
	Kind fcontext.Kind
	// Context is the context as it is stored, well-formed or not; empty for none.
	Context string
	// LinkTo is the path of a file to which Path becomes another name (a hard
	// link). Nothing else but Path counts then.
	LinkTo string
	// Target is what a symbolic link says; no backend follows it.
	Target string
	// UserWritable makes a directory one that others than root may write to.
	UserWritable bool
	// Device is the file system that a directory is the root of, with what is
	// below it; 0 for the one it is in.
	Device uint64
}

// The operations that a [Tree] lets fail, or tells of: the system calls' names
// as in [fs.PathError].
const (
	OpOpen     = "open"     // of a directory
	OpReaddir  = "readdir"  // the names in a directory
	OpStat     = "stat"     // what a file is
	OpGetxattr = "getxattr" // its context
	OpSetxattr = "setxattr" // a change of its context
)

// Tree is a tree of files in memory. It keeps to the contract of
// [fcontext.Backend] as a kernel's file system does: an open directory stays
// open whatever becomes of its name, a name that was removed and made again is
// another file, and links are the same one. It is safe for concurrent use, its
// methods from within a hook as well.
type Tree struct {
	mu     sync.Mutex
	root   *node
	last   uint64 // the last inode's number
	faults map[fault]error
	hook   func(op, path string)
	writes int
	open   int
}

type fault struct{ op, path string }

type node struct {
	stat     fcontext.FileStat
	context  string
	children map[string]*node
}

var _ fcontext.Estimator = (*Tree)(nil)

// NewTree returns a tree with the files. Files that no file system would hold
// panic: they are a mistake in a test.
func NewTree(files ...File) *Tree {
	t := &Tree{faults: make(map[fault]error)}
	t.root = t.node(File{Kind: fcontext.Dir}, 1)
	for _, f := range files {
		if err := t.Make(f); err != nil {
			panic("fcontexttest: " + err.Error())
		}
	}
	return t
}

func (t *Tree) node(f File, device uint64) *node {
	t.last++
	n := &node{context: f.Context}
	n.stat = fcontext.FileStat{ID: fcontext.FileID{Device: device, Inode: t.last}, Kind: f.Kind, Links: 1}
	if n.stat.Kind == fcontext.Any {
		n.stat.Kind = fcontext.File
	}
	if f.Kind == fcontext.Dir {
		n.children = make(map[string]*node)
		n.stat.Links = 2
		n.stat.UserWritable = f.UserWritable
	}
	if f.Device != 0 {
		n.stat.ID.Device = f.Device
	}
	return n
}

// Make makes a file. One that is there is an error, unless f is the root: that
// gets f's context.
func (t *Tree) Make(f File) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if f.Path == "/" {
		t.root.context, t.root.stat.UserWritable = f.Context, f.UserWritable
		return nil
	}
	dir, name, err := t.parent(f.Path, true)
	if err != nil {
		return err
	}
	if _, ok := dir.children[name]; ok {
		return &fs.PathError{Op: "make", Path: f.Path, Err: fs.ErrExist}
	}
	if f.LinkTo == "" {
		dir.children[name] = t.node(f, dir.stat.ID.Device)
		return nil
	}
	n, err := t.find(f.LinkTo)
	if err == nil && n.children != nil {
		err = &fs.PathError{Op: "link", Path: f.LinkTo, Err: fs.ErrPermission}
	}
	if err != nil {
		return err
	}
	n.stat.Links++
	dir.children[name] = n
	return nil
}

// Remove removes a file or a directory with all that is in it.
func (t *Tree) Remove(p string) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	dir, name, err := t.parent(p, false)
	if err == nil && dir.children[name] == nil {
		err = &fs.PathError{Op: "remove", Path: p, Err: fs.ErrNotExist}
	}
	if err != nil {
		return err
	}
	dir.children[name].stat.Links--
	delete(dir.children, name)
	return nil
}

// Rename gives a file or directory another name, under which there must be none.
func (t *Tree) Rename(from, to string) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	dir, name, err := t.parent(from, false)
	if err != nil {
		return err
	}
	dir2, name2, err := t.parent(to, false)
	if err != nil {
		return err
	}
	if dir.children[name] == nil || dir2.children[name2] != nil {
		return &fs.PathError{Op: "rename", Path: from, Err: fs.ErrInvalid}
	}
	dir2.children[name2] = dir.children[name]
	delete(dir.children, name)
	return nil
}

// Context returns a file's context as it is stored.
func (t *Tree) Context(p string) (string, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	n, err := t.find(p)
	if err != nil {
		return "", err
	}
	return n.context, nil
}

// Writes returns how many contexts were changed.
func (t *Tree) Writes() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.writes
}

// Open returns how many directories are open: none after all were closed.
func (t *Tree) Open() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.open
}

// Fail makes an operation on a path fail from now on; a nil error takes that
// back. For OpOpen and OpReaddir the path is the directory's own.
func (t *Tree) Fail(op, path string, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if err == nil {
		delete(t.faults, fault{op, path})
		return
	}
	t.faults[fault{op, path}] = err
}

// Hook has f called before each operation, from whatever goroutine does it, to
// change the tree at the wrong moment. A path is what the open directory was
// called when it was opened, with the file's name.
func (t *Tree) Hook(f func(op, path string)) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.hook = f
}

// find and parent are for callers that hold t.mu.
func (t *Tree) find(p string) (*node, error) {
	if p == "/" {
		return t.root, nil
	}
	dir, name, err := t.parent(p, false)
	if err != nil {
		return nil, err
	}
	if n := dir.children[name]; n != nil {
		return n, nil
	}
	return nil, &fs.PathError{Op: "find", Path: p, Err: fs.ErrNotExist}
}

func (t *Tree) parent(p string, make bool) (*node, string, error) {
	if !strings.HasPrefix(p, "/") || path.Clean(p) != p || p == "/" {
		return nil, "", &fs.PathError{Op: "find", Path: p, Err: fs.ErrInvalid}
	}
	elems := strings.Split(p[1:], "/")
	n := t.root
	for _, e := range elems[:len(elems)-1] {
		next := n.children[e]
		if next == nil && make && n.children != nil {
			next = t.node(File{Kind: fcontext.Dir}, n.stat.ID.Device)
			n.children[e] = next
		}
		if next == nil || next.children == nil {
			return nil, "", &fs.PathError{Op: "find", Path: p, Err: fs.ErrNotExist}
		}
		n = next
	}
	return n, elems[len(elems)-1], nil
}

// Root implements [fcontext.Backend].
func (t *Tree) Root() (fcontext.Directory, error) {
	return (&dir{tree: t, node: t.root, path: "/"}).OpenDir(".")
}

// EstimateFiles implements [fcontext.Estimator]: how many files were made.
func (t *Tree) EstimateFiles() int64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	return int64(t.last)
}

// dir is an open directory.
type dir struct {
	tree *Tree
	node *node
	path string // when it was opened

	closed bool
}

var errNotDir = errors.New("not a directory")

// do calls f with the entry, unless the operation is to fail.
func (d *dir) do(op, name string, f func(n *node) error) error {
	if name == "" || name == ".." || strings.ContainsAny(name, "/\x00") {
		return fs.ErrInvalid
	}
	p := path.Join(d.path, name)
	d.tree.mu.Lock()
	hook := d.tree.hook
	d.tree.mu.Unlock()
	if hook != nil {
		hook(op, p)
	}
	d.tree.mu.Lock()
	defer d.tree.mu.Unlock()
	if d.closed {
		return fs.ErrClosed
	}
	n := d.node
	if name != "." {
		n = d.node.children[name]
	}
	if n == nil {
		return fs.ErrNotExist
	}
	if err := d.tree.faults[fault{op, p}]; err != nil {
		return err
	}
	return f(n)
}

// OpenDir implements [fcontext.Directory].
func (d *dir) OpenDir(name string) (fcontext.Directory, error) {
	var sub *dir
	err := d.do(OpOpen, name, func(n *node) error {
		if n.children == nil {
			return errNotDir
		}
		d.tree.open++
		sub = &dir{tree: d.tree, node: n, path: path.Join(d.path, name)}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return sub, nil
}

// Names implements [fcontext.Directory].
func (d *dir) Names() ([]string, error) {
	var names []string
	err := d.do(OpReaddir, ".", func(n *node) error {
		names = slices.Collect(maps.Keys(n.children))
		return nil
	})
	return names, err
}

// Stat implements [fcontext.Directory].
func (d *dir) Stat(name string) (fcontext.FileStat, error) {
	var st fcontext.FileStat
	err := d.do(OpStat, name, func(n *node) error {
		st = n.stat
		return nil
	})
	return st, err
}

// Context implements [fcontext.Directory].
func (d *dir) Context(name string) (string, error) {
	var s string
	err := d.do(OpGetxattr, name, func(n *node) error {
		s = n.context
		return nil
	})
	return s, err
}

// SetContext implements [fcontext.Directory].
func (d *dir) SetContext(name string, want fcontext.FileStat, from string, to policy.Context) error {
	if !to.IsValid() {
		return policy.ErrInvalidContext
	}
	return d.do(OpSetxattr, name, func(n *node) error {
		switch {
		case !n.stat.SameFile(want):
			return fcontext.ErrChanged
		case n.context == to.String():
			return nil
		case n.context != from:
			return fcontext.ErrChanged
		}
		n.context = to.String()
		d.tree.writes++
		return nil
	})
}

// Close implements [fcontext.Directory].
func (d *dir) Close() error {
	d.tree.mu.Lock()
	defer d.tree.mu.Unlock()
	if d.closed {
		return fmt.Errorf("%s: %w", d.path, fs.ErrClosed)
	}
	d.closed = true
	d.tree.open--
	return nil
}
