package managed

import (
	"errors"
	"os"
	"sync"
)

// flusher collects files and directories that must be on the disk before what
// follows. Flushed together they take little longer than one.
type flusher struct{ files []*os.File }

func (f *flusher) add(file *os.File) { f.files = append(f.files, file) }

// addDir opens a directory and adds it.
func (f *flusher) addDir(root *os.Root, name string) error {
	dir, err := root.Open(name)
	if err == nil {
		f.add(dir)
	}
	return err
}

// flush writes all to the disk and closes it.
func (f *flusher) flush() error {
	errs := make([]error, len(f.files))
	var wg sync.WaitGroup
	for i, file := range f.files {
		wg.Go(func() { errs[i] = file.Sync() })
	}
	wg.Wait()
	return errors.Join(append(errs, f.close())...)
}

// close closes what was not flushed.
func (f *flusher) close() error {
	var errs []error
	for _, file := range f.files {
		errs = append(errs, file.Close())
	}
	f.files = nil
	return errors.Join(errs...)
}
