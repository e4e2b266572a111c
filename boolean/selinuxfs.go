package boolean

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/sekit/sekit/policy"
)

// Kernel is the running kernel's booleans, as selinuxfs lets them be set.
type Kernel struct {
	// Dir is where selinuxfs is mounted: /sys/fs/selinux.
	Dir string
}

// Set gives booleans values for now, all at once: each as pending, and then one
// commit of the pending values. Pending values of other programs, who have not
// committed yet, become current with it: that is the kernel's way. If a value
// is refused, those that were pending by then are taken back, nothing is
// committed, and the error names the boolean.
//
// It takes the permission security:setbool. What is not there is
// [fs.ErrNotExist]; no file is ever made.
func (k Kernel) Set(ctx context.Context, values ...Record) error {
	if len(values) == 0 {
		return ctx.Err()
	}
	for _, r := range values {
		if !policy.ValidName(r.Name) {
			return opError("set", r.Name, errors.New("not a name"))
		}
	}
	was, err := k.pending(values)
	if err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	for i, r := range values {
		if err := k.write(r); err != nil {
			err = opError("set", r.Name, err)
			for _, old := range slices.Backward(was[:i]) {
				err = errors.Join(err, k.write(old))
			}
			return err
		}
	}
	if err := writeFile(filepath.Join(k.Dir, "commit_pending_bools"), "1"); err != nil {
		for _, old := range slices.Backward(was) {
			err = errors.Join(err, k.write(old))
		}
		return opError("commit", "", err)
	}
	return nil
}

// pending reads the values that are to be taken back where one can't be set.
func (k Kernel) pending(values []Record) ([]Record, error) {
	files := Files{Selinuxfs: os.DirFS(k.Dir)}
	was := make([]Record, len(values))
	for i, r := range values {
		a, err := files.active(r.Name)
		if err != nil {
			return nil, opError("set", r.Name, err)
		}
		was[i] = Record{r.Name, a.Pending}
	}
	return was, nil
}

func (k Kernel) write(r Record) error {
	value := "0"
	if r.On {
		value = "1"
	}
	return writeFile(filepath.Join(k.Dir, "booleans", r.Name), value)
}

// writeFile writes to a file that is there, in one write, as selinuxfs wants it
// (selinuxfs.c, sel_write_bool).
func writeFile(name, text string) error {
	f, err := os.OpenFile(name, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	n, err := f.WriteString(text)
	if err == nil && n < len(text) {
		err = fmt.Errorf("%s: short write", name)
	}
	return errors.Join(err, f.Close())
}
