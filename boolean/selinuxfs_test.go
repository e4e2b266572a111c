package boolean_test

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/sekit/sekit/boolean"
)

// kernelDir is a folder that looks like the kernel's. It keeps what is written
// and does nothing by itself.
func kernelDir(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "booleans"), 0o755); err != nil {
		t.Fatal(err)
	}
	for name, data := range map[string]string{"booleans/one": "0 0", "booleans/two": "0 1", "commit_pending_bools": "0"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(data), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestKernelSet(t *testing.T) {
	dir := kernelDir(t)
	want := func(name, text string) {
		t.Helper()
		data, err := os.ReadFile(filepath.Join(dir, name))
		// Nothing is cut off: selinuxfs takes no notice, plain files do.
		if err != nil || string(data[:len(text)]) != text {
			t.Errorf("%s: %q, %v, want %q", name, data, err, text)
		}
	}
	k := boolean.Kernel{Dir: dir}
	if err := k.Set(t.Context(), boolean.Record{Name: "one", On: true}, boolean.Record{Name: "two", On: false}); err != nil {
		t.Fatal(err)
	}
	want("booleans/one", "1 0")
	want("booleans/two", "0 1")
	want("commit_pending_bools", "1")

	// A boolean that is not there stops all, and what was set by then is taken
	// back to its pending value.
	dir = kernelDir(t)
	k.Dir = dir
	err := k.Set(t.Context(), boolean.Record{Name: "one", On: true}, boolean.Record{Name: "none", On: true})
	if !errors.Is(err, fs.ErrNotExist) {
		t.Error(err)
	}
	want("booleans/one", "0 0")
	want("commit_pending_bools", "0")
	if _, err := os.Stat(filepath.Join(dir, "booleans/none")); !errors.Is(err, fs.ErrNotExist) {
		t.Error("a file was made:", err)
	}
	for _, name := range []string{"", "..", "../enforce", "a/b"} {
		if err := k.Set(t.Context(), boolean.Record{Name: name, On: true}); err == nil {
			t.Errorf("%q: no error", name)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := k.Set(ctx, boolean.Record{Name: "one", On: true}); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	want("commit_pending_bools", "0")
}
