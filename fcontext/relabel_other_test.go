//go:build !linux

package fcontext

import (
	"errors"
	"testing"
)

func TestOpenTree(t *testing.T) {
	tree, err := OpenTree(t.TempDir())
	if tree != nil || !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("%v, %v", tree, err)
	}
}
