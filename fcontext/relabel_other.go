//go:build !linux

package fcontext

import (
	"errors"
	"fmt"
)

// Tree is a directory tree on this machine's disks. Linux only.
type Tree struct{ _ struct{} }

var errNotLinux = fmt.Errorf("contexts on disks: %w on this system", errors.ErrUnsupported)

// OpenTree opens a directory. Elsewhere than on Linux the error is
// errors.ErrUnsupported.
func OpenTree(root string) (*Tree, error) { return nil, errNotLinux }

// Close closes the tree.
func (t *Tree) Close() error { return errNotLinux }

// Root implements [Backend].
func (t *Tree) Root() (Directory, error) { return nil, errNotLinux }

// EstimateFiles implements [Estimator].
func (t *Tree) EstimateFiles() int64 { return 0 }

// Resolve returns a path without symbolic links to directories in it.
func (t *Tree) Resolve(name string) (string, error) { return "", errNotLinux }
