package managed_test

import (
	"errors"
	"io/fs"
	"testing"
	"testing/fstest"

	"github.com/sekit/sekit/internal/managed"
)

func TestActive(t *testing.T) {
	const (
		current = "var/lib/selinux/targeted/active"
		older   = "etc/selinux/targeted/modules/active"
	)
	file := &fstest.MapFile{}
	for _, test := range []struct {
		root       fstest.MapFS
		policyType string
		want       string
		err        error // nil for any, if want is empty
	}{
		{fstest.MapFS{current + "/x": file}, "targeted", current, nil},
		{fstest.MapFS{older + "/x": file}, "targeted", older, nil},
		{fstest.MapFS{older + "/x": file, current + "/x": file}, "targeted", current, nil},
		{fstest.MapFS{current + "/x": file}, "mls", "", fs.ErrNotExist},
		{fstest.MapFS{current: file}, "targeted", "", nil}, // there, but no directory
		{fstest.MapFS{"var/lib/selinux/x/active/x": file}, "../selinux/x", "", fs.ErrInvalid},
		{fstest.MapFS{}, "", "", fs.ErrInvalid},
	} {
		got, err := managed.Active(test.root, test.policyType)
		if got != test.want || (err == nil) != (test.want != "") || test.err != nil && !errors.Is(err, test.err) {
			t.Errorf("%v %s: %q %v, want %q %v", test.root, test.policyType, got, err, test.want, test.err)
		}
	}
}
