package boolean

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
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
	changes := make([]Change, len(values))
	for i, r := range values {
		changes[i] = Change{Op: Set, Name: r.Name, On: r.On}
	}
	before, err := setPending(ctx, k.Dir, changes)
	if err != nil {
		return opError("set", "", err)
	}
	if err := commitPending(k.Dir); err != nil {
		return opError("commit", "", errors.Join(err, writePending(k.Dir, before)))
	}
	return nil
}

// commitPending makes all pending values the current ones.
func commitPending(dir string) error {
	return writeFile(filepath.Join(dir, "commit_pending_bools"), "1")
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
