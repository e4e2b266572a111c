package boolean

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"

	"github.com/sekit/sekit/policy"
)

// Files reads the values of booleans from files: a [Backend] that can't write.
// Its zero value has neither a kernel nor a store, and so gives the policy's
// own values.
type Files struct {
	// Selinuxfs is the root of a mounted selinuxfs, such as
	// os.DirFS("/sys/fs/selinux"). Nil stands for no running kernel.
	Selinuxfs fs.FS
	// Store is where the local records are. Nil stands for none.
	Store *Store
}

// Active implements [Backend]: what the files of selinuxfs's directory booleans
// say, each the current and the pending value (selinuxfs.c, sel_read_bool).
// What is no boolean's name there is an error: it is no selinuxfs then.
func (f Files) Active(ctx context.Context) ([]Active, error) {
	if f.Selinuxfs == nil {
		return nil, errNoKernel
	}
	entries, err := fs.ReadDir(f.Selinuxfs, "booleans")
	if err != nil {
		return nil, err
	}
	out := make([]Active, 0, len(entries))
	for _, e := range entries {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		a, err := f.active(e.Name())
		if err != nil {
			return nil, err
		}
		out = append(out, a)
	}
	return out, nil
}

func (f Files) active(name string) (Active, error) {
	file := path.Join("booleans", name)
	bad := func(problem string) (Active, error) {
		return Active{}, &fs.PathError{Op: "read", Path: file, Err: errors.New(problem)}
	}
	if !policy.ValidName(name) {
		return bad("not a boolean's name")
	}
	data, err := readSmall(f.Selinuxfs, file, 16)
	if err != nil {
		return Active{}, err
	}
	// The kernel writes "%d %d".
	if len(data) > 0 && data[len(data)-1] == '\n' {
		data = data[:len(data)-1]
	}
	if len(data) != 3 || data[1] != ' ' || !bit(data[0]) || !bit(data[2]) {
		return bad("not two values")
	}
	return Active{Name: name, Current: data[0] == '1', Pending: data[2] == '1'}, nil
}

func bit(c byte) bool { return c == '0' || c == '1' }

// readSmall reads a file that may not be longer than limit.
func readSmall(fsys fs.FS, name string, limit int64) ([]byte, error) {
	file, err := fsys.Open(name)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	data, err := io.ReadAll(io.LimitReader(file, limit+1))
	if err != nil {
		return nil, err
	}
	if int64(len(data)) > limit {
		return nil, &fs.PathError{Op: "read", Path: name, Err: fmt.Errorf("longer than %d bytes", limit)}
	}
	return data, nil
}

// Local implements [Backend]: the records of the store.
func (f Files) Local(ctx context.Context) ([]Record, error) {
	if f.Store == nil {
		return nil, ctx.Err()
	}
	return f.Store.Local(ctx)
}

// Commit implements [Backend]: it returns [errors.ErrUnsupported].
func (f Files) Commit(context.Context, []Change) error {
	return fmt.Errorf("writing booleans: %w", errors.ErrUnsupported)
}
