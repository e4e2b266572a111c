package module

import (
	"bytes"
	"compress/bzip2"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"strconv"
	"strings"

	"github.com/sekit/sekit/internal/managed"
)

// maxContent is the largest module that is taken, in bytes. The reference
// policy's base module has 400 kB, and 3 MB of CIL.
const maxContent = 64 << 20

// Files reads the modules of a managed store from a file system: a [Backend]
// that can't write.
type Files struct {
	fsys fs.FS
	dir  string // the store's modules directory
}

// OpenFiles finds the store of a policy type (such as default or targeted) in a
// root file system, os.DirFS("/") for this machine's (its stores are open to
// root alone). It returns [fs.ErrNotExist] if there is none, and
// [errors.ErrUnsupported] if it is that of a release before 2.4, which kept its
// modules in another way.
func OpenFiles(root fs.FS, policyType string) (*Files, error) {
	dir, err := managed.Active(root, policyType)
	if err != nil {
		return nil, storeError("open", "", err)
	}
	dir = path.Join(dir, "modules")
	if _, err := fs.Stat(root, path.Join(path.Dir(dir), "base.pp")); err == nil {
		return nil, storeError("open", "", fmt.Errorf("the store of a release before 2.4: %w", errors.ErrUnsupported))
	}
	return &Files{root, dir}, nil
}

// Modules implements [Backend]: libsemanage's directories
// modules/PRIORITY/NAME and empty files modules/disabled/NAME
// (semanage_direct_list_all). What is none of these is an error, as it is
// there.
func (f *Files) Modules(ctx context.Context) ([]Record, error) {
	priorities, err := fs.ReadDir(f.fsys, f.dir)
	if err != nil {
		return nil, err
	}
	disabled, err := f.disabled()
	if err != nil {
		return nil, err
	}
	var out []Record
	for _, e := range priorities {
		if e.Name() == "disabled" {
			continue
		}
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		modules, err := f.priority(e.Name())
		if err != nil {
			return nil, err
		}
		out = append(out, modules...)
	}
	if len(out) == 0 {
		return nil, &fs.PathError{Op: "read", Path: f.dir, Err: errors.New("a store without modules")}
	}
	for i := range out {
		out[i].Enabled = !disabled[out[i].Name]
	}
	return out, nil
}

func (f *Files) disabled() (map[string]bool, error) {
	entries, err := fs.ReadDir(f.fsys, path.Join(f.dir, "disabled"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	out := make(map[string]bool, len(entries))
	for _, e := range entries {
		out[e.Name()] = true
	}
	return out, nil
}

func (f *Files) priority(name string) ([]Record, error) {
	dir := path.Join(f.dir, name)
	bad := func(file, problem string) error {
		return &fs.PathError{Op: "read", Path: path.Join(dir, file), Err: errors.New(problem)}
	}
	n, err := strconv.ParseUint(name, 10, 16)
	if err != nil || n < 1 || n > maxPriority || priorityDir(int(n)) != name {
		return nil, bad("", "not a priority")
	}
	entries, err := fs.ReadDir(f.fsys, dir)
	if err != nil {
		return nil, err
	}
	out := make([]Record, 0, len(entries))
	for _, e := range entries {
		if checkStoreName(e.Name()) != nil {
			return nil, bad(e.Name(), "not a module's name")
		}
		language, err := f.language(path.Join(dir, e.Name()))
		if err != nil {
			return nil, err
		}
		out = append(out, Record{Key: Key{e.Name(), int(n)}, Language: language})
	}
	return out, nil
}

// priorityDir names the directory of a priority (semanage_module_get_path).
func priorityDir(n int) string { return fmt.Sprintf("%03d", n) }

// language reads a module's lang_ext.
func (f *Files) language(dir string) (string, error) {
	file := path.Join(dir, "lang_ext")
	data, err := f.read(file, 64)
	if err != nil {
		return "", err
	}
	s := strings.TrimSuffix(string(data), "\n")
	if err := checkLanguage(s); err != nil {
		return "", &fs.PathError{Op: "read", Path: file, Err: err}
	}
	return s, nil
}

// Content implements [Backend]. Of a module that was never linked there may be
// no CIL yet.
func (f *Files) Content(ctx context.Context, k Key, form Form) (Content, error) {
	if err := ctx.Err(); err != nil {
		return Content{}, err
	}
	k, err := k.check()
	if err != nil {
		return Content{}, err
	}
	dir := path.Join(f.dir, priorityDir(k.Priority), k.Name)
	language, err := f.language(dir)
	if err != nil {
		return Content{}, err
	}
	file := "hll"
	if form == InCIL || language == "cil" {
		file, language = "cil", "cil"
	}
	data, err := f.read(path.Join(dir, file), maxContent)
	if err != nil {
		return Content{}, err
	}
	return Content{language, data}, nil
}

// read reads a file of the store, of at most limit bytes unpacked. They are
// packed with bzip2 unless semanage.conf says bzip-blocksize=0.
func (f *Files) read(name string, limit int64) ([]byte, error) {
	file, err := f.fsys.Open(name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	data, err := io.ReadAll(io.LimitReader(file, limit+1))
	if err == nil && bytes.HasPrefix(data, []byte("BZh")) {
		data, err = io.ReadAll(io.LimitReader(bzip2.NewReader(bytes.NewReader(data)), limit+1))
	}
	if err == nil && int64(len(data)) > limit {
		err = fmt.Errorf("longer than %d bytes", limit)
	}
	if err != nil {
		return nil, &fs.PathError{Op: "read", Path: name, Err: err}
	}
	return data, nil
}

// Commit implements [Backend]: it returns [errors.ErrUnsupported].
func (f *Files) Commit(context.Context, []Change) error {
	return fmt.Errorf("writing a store's files: %w", errors.ErrUnsupported)
}
