package fcontexttest_test

import (
	"testing"

	"github.com/sekit/sekit/fcontext/fcontexttest"
)

func TestTree(t *testing.T) {
	fcontexttest.TestBackend(t, func(t *testing.T) fcontexttest.Harness {
		tree := fcontexttest.NewTree()
		t.Cleanup(func() {
			if n := tree.Open(); n != 0 {
				t.Errorf("%d directories are still open", n)
			}
		})
		return tree.Harness()
	})
}
