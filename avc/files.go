package avc

import (
	"bufio"
	"bytes"
	"compress/bzip2"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// FilesOptions are settings of [NewFiles]. The zero value works.
type FilesOptions struct {
	// FS is where the names are looked up; nil is the operating system, with
	// its own kind of names.
	FS fs.FS
	// Provenance is that of the text; zero is ProvenanceFile.
	Provenance Provenance
	// Follow waits at the end of the last file for more, and goes on with the
	// file that takes its place when it is rotated, or cut. It needs FS to be
	// nil.
	Follow bool
	// Interval is how often a followed file is looked at; 0 is 250 ms.
	Interval time.Duration
}

// Files is a [Source] of files, one after the other. Files that begin as gzip
// or bzip2 files do are decompressed. Of one that begins as xz, zstd, lz4 and
// lzma files do, reading fails with an error that wraps [errors.ErrUnsupported]:
// give [NewStream] the output of the program that decompresses it.
type Files struct {
	opts  FilesOptions
	names []string
	buf   []byte

	file  io.ReadCloser // the open file, nil between files
	text  io.Reader
	name  string
	fresh bool // the next piece is the first of a file

	offset int64 // how far the followed file was read
}

var _ Source = (*Files)(nil)

// NewFiles returns a source of the named files, in this order: the oldest
// first, as [LogFiles] gives them. It opens them one by one when it gets there.
func NewFiles(opts FilesOptions, names ...string) *Files {
	if opts.Provenance == ProvenanceText {
		opts.Provenance = ProvenanceFile
	}
	if opts.Interval <= 0 {
		opts.Interval = 250 * time.Millisecond
	}
	return &Files{opts: opts, names: slices.Clone(names)}
}

// LogFiles returns the files of a log that is rotated, the oldest first: for
// audit.log those that are there of audit.log.4.gz, audit.log.3, …, audit.log,
// also those that [Files] cannot decompress.
// Names with a date (audit.log-20240131) are sorted by it. fsys nil is the
// operating system. If there is none the error wraps fs.ErrNotExist.
func LogFiles(fsys fs.FS, name string) ([]string, error) {
	var entries []fs.DirEntry
	var err error
	dir, base := path.Split(name)
	if fsys == nil {
		dir, base = filepath.Split(name)
		entries, err = os.ReadDir(filepath.Clean("./" + dir))
		if filepath.IsAbs(name) {
			entries, err = os.ReadDir(dir)
		}
	} else {
		entries, err = fs.ReadDir(fsys, path.Clean(dir))
	}
	if err != nil {
		return nil, err
	}
	type file struct {
		name   string
		number int // of the rotation; the current file is 0
		date   string
	}
	var files []file
	for _, e := range entries {
		if e.IsDir() {
			continue
		}
		if suffix, ok := strings.CutPrefix(e.Name(), base); ok {
			f := file{name: dir + e.Name()}
			if f.number, f.date, ok = rotation(suffix); ok {
				files = append(files, f)
			}
		}
	}
	if len(files) == 0 {
		return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrNotExist}
	}
	slices.SortFunc(files, func(a, b file) int {
		switch {
		case (a.date == "") != (b.date == ""): // dated ones are older than the current one
			return strings.Compare(b.date, a.date)
		case a.date != b.date:
			return strings.Compare(a.date, b.date)
		}
		return b.number - a.number
	})
	names := make([]string, len(files))
	for i, f := range files {
		names[i] = f.name
	}
	return names, nil
}

// rotation reads what stands behind a log's name: nothing, .3, .3.gz,
// -20240131 or -20240131.bz2.
func rotation(suffix string) (number int, date string, ok bool) {
	for _, packed := range [...]string{".gz", ".bz2", ".xz", ".zst", ".lz4", ".lzma"} {
		suffix = strings.TrimSuffix(suffix, packed)
	}
	if suffix == "" {
		return 0, "", true
	}
	if n, found := strings.CutPrefix(suffix, "."); found {
		number, err := strconv.Atoi(n)
		return number, "", err == nil && number > 0 && number < 1e6
	}
	if d, found := strings.CutPrefix(suffix, "-"); found && len(d) >= 8 {
		_, err := strconv.ParseUint(strings.ReplaceAll(d, "-", ""), 10, 64)
		return 0, d, err == nil
	}
	return 0, "", false
}

// Receive implements [Source].
func (f *Files) Receive(ctx context.Context) (Piece, error) {
	if f.buf == nil {
		f.buf = make([]byte, chunkSize)
	}
	return f.receive(ctx, f.buf)
}

// receive reads into a buffer of the caller's.
func (f *Files) receive(ctx context.Context, buf []byte) (Piece, error) {
	for {
		if err := ctx.Err(); err != nil {
			return Piece{}, err
		}
		if f.file == nil {
			if len(f.names) == 0 {
				return Piece{}, io.EOF
			}
			if err := f.open(); err != nil {
				return Piece{}, err
			}
		}
		n, err := f.text.Read(buf)
		if n > 0 {
			f.offset += int64(n)
			p := Piece{Text: buf[:n], File: f.name, Provenance: f.opts.Provenance}
			if f.fresh {
				p.Line, f.fresh = 1, false
			}
			return p, nil
		}
		switch {
		case err == nil:
		case err != io.EOF:
			f.closeFile()
			return Piece{}, &fs.PathError{Op: "read", Path: f.name, Err: err}
		case f.following():
			if err := f.wait(ctx); err != nil {
				return Piece{}, err
			}
		default:
			f.closeFile()
		}
	}
}

// open opens the next file.
func (f *Files) open() error {
	f.name, f.names = f.names[0], f.names[1:]
	var file io.ReadCloser
	var err error
	if f.opts.FS != nil {
		file, err = f.opts.FS.Open(f.name)
	} else {
		file, err = os.Open(f.name)
	}
	if err != nil {
		return err
	}
	f.file, f.fresh, f.offset = file, true, 0
	f.text = file
	if f.following() {
		return nil
	}
	b := bufio.NewReaderSize(file, 64<<10)
	f.text = b
	switch magic, _ := b.Peek(6); {
	case len(magic) >= 2 && magic[0] == 0x1f && magic[1] == 0x8b:
		z, err := gzip.NewReader(b)
		if err != nil {
			f.closeFile()
			return &fs.PathError{Op: "read", Path: f.name, Err: err}
		}
		f.text = z
	case bytes.HasPrefix(magic, []byte("BZh")):
		f.text = bzip2.NewReader(b)
	default:
		if kind := unreadable(magic); kind != "" {
			f.closeFile()
			return &fs.PathError{Op: "read", Path: f.name, Err: fmt.Errorf("%s compression: %w", kind, errors.ErrUnsupported)}
		}
	}
	return nil
}

// unreadable tells, by how a file begins, with what it was compressed that this
// package cannot undo.
func unreadable(magic []byte) string {
	switch {
	case bytes.HasPrefix(magic, []byte("\xfd7zXZ\x00")):
		return "xz"
	case bytes.HasPrefix(magic, []byte("\x28\xb5\x2f\xfd")):
		return "zstd"
	case bytes.HasPrefix(magic, []byte("\x04\x22\x4d\x18")):
		return "lz4"
	case bytes.HasPrefix(magic, []byte("\x5d\x00\x00")):
		return "lzma"
	}
	return ""
}

func (f *Files) following() bool { return f.opts.Follow && f.opts.FS == nil && len(f.names) == 0 }

// wait sleeps at the end of the followed file. If another file has taken its
// name, or it was cut, it is opened anew.
func (f *Files) wait(ctx context.Context) error {
	t := time.NewTimer(f.opts.Interval)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
	}
	now, err := os.Stat(f.name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // between the two steps of a rotation
	}
	if err != nil {
		return err
	}
	file, ok := f.file.(*os.File)
	if !ok {
		return nil
	}
	was, err := file.Stat()
	if err != nil {
		return err
	}
	if os.SameFile(was, now) && now.Size() >= f.offset {
		return nil
	}
	if was.Size() > f.offset && !os.SameFile(was, now) {
		return nil // the old one has more
	}
	name := f.name
	f.closeFile()
	f.names = []string{name}
	return nil
}

func (f *Files) closeFile() {
	if f.file != nil {
		f.file.Close()
		f.file, f.text = nil, nil
	}
}

// Close implements [Source].
func (f *Files) Close() error {
	f.closeFile()
	f.names = nil
	return nil
}
