package managed

import (
	"errors"
	"io"
	"os"
	"slices"
	"sync"
)

// flusher collects files and directories that must be on the disk before what
// follows. Written and flushed together they take little longer than one.
type flusher struct {
	files []*os.File
	data  []io.Reader // of each file, what is still to be written; nil if nothing is
	dirs  []directory
}

type directory struct {
	root *os.Root
	name string
}

// add adds a file and what is to be written to it.
func (f *flusher) add(file *os.File, data io.Reader) {
	f.files, f.data = append(f.files, file), append(f.data, data)
}

// addDir adds a directory, once.
func (f *flusher) addDir(root *os.Root, name string) error {
	d := directory{root, name}
	if slices.Contains(f.dirs, d) {
		return nil
	}
	dir, err := root.Open(name)
	if err == nil {
		f.dirs = append(f.dirs, d)
		f.add(dir, nil)
	}
	return err
}

// flush writes all to the disk and closes it.
func (f *flusher) flush() error {
	errs := make([]error, len(f.files))
	var wg sync.WaitGroup
	for i, file := range f.files {
		wg.Go(func() {
			if data := f.data[i]; data != nil {
				_, errs[i] = io.Copy(file, data)
			}
			if errs[i] == nil {
				errs[i] = file.Sync()
			}
		})
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
	*f = flusher{}
	return errors.Join(errs...)
}
