package module

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/sekit/sekit/internal/tool"
)

// ErrNotMade says that semodule reported success, and that the store does not
// have what it was told to make.
var ErrNotMade = errors.New("semodule succeeded, but the store is not as it should be")

// Semodule is a managed store that semodule writes: a [Backend]. What is in the
// store is read from its files, as [Files] does; after a commit, too, for what
// semodule prints may be lost or say less. All changes of a commit are one run
// of semodule, and so one transaction.
//
// libsemanage's lock is semodule's own: between the look at the store and the
// run another program may change it. It then is that program's change which is
// replaced, if both are for the same module.
type Semodule struct {
	// Root is the root directory of an image, whose policy is then built and not
	// loaded; empty for this machine.
	Root string
	// PolicyType is the store's policy type, such as default or targeted.
	PolicyType string
	// NoReload keeps the running kernel's policy as it is.
	NoReload bool
	// Runner runs semodule; nil for this machine's.
	Runner tool.Runner
}

// Modules implements [Backend].
func (s Semodule) Modules(ctx context.Context) (records []Record, err error) {
	err = s.files(func(f *Files) error {
		records, err = f.Modules(ctx)
		return err
	})
	return records, err
}

// Content implements [Backend].
func (s Semodule) Content(ctx context.Context, k Key, form Form) (c Content, err error) {
	err = s.files(func(f *Files) error {
		c, err = f.Content(ctx, k, form)
		return err
	})
	return c, err
}

// files opens the store's files for as long as do runs. An image's links can't
// lead out of it.
func (s Semodule) files(do func(*Files) error) error {
	fsys := os.DirFS("/")
	if s.Root != "" {
		root, err := os.OpenRoot(s.Root)
		if err != nil {
			return err
		}
		defer root.Close()
		fsys = root.FS()
	}
	f, err := OpenFiles(fsys, s.PolicyType)
	if err != nil {
		return err
	}
	return do(f)
}

// Commit implements [Backend].
func (s Semodule) Commit(ctx context.Context, changes []Change) error {
	if err := checkTogether(changes); err != nil {
		return err
	}
	before, err := s.Modules(ctx)
	if err != nil {
		return err
	}
	want, err := ApplyChanges(before, changes...)
	if err != nil {
		return err
	}
	c, err := s.command(changes)
	if err != nil || len(c.Args) == 0 {
		return err
	}
	run := s.Runner
	if run == nil {
		run = tool.Exec{}
	}
	if _, err := run.Run(ctx, c); err != nil {
		return err
	}
	return s.verify(context.WithoutCancel(ctx), want, changes)
}

// command returns the run of semodule that makes the changes; without arguments
// if there are none.
func (s Semodule) command(changes []Change) (tool.Command, error) {
	var c tool.Command
	args := []string{"semodule", "-s", s.PolicyType}
	if s.Root != "" {
		root, err := filepath.Abs(s.Root)
		if err != nil {
			return c, err
		}
		args = append(args, "-p", root)
	}
	if s.NoReload || s.Root != "" {
		args = append(args, "-n")
	}
	for _, change := range changes {
		do := change.arguments()
		if do == nil {
			continue
		}
		args = append(args, do...)
		c.Args = args
		if change.Op == Install {
			c.Files = append(c.Files, tool.File{Name: change.file(), Data: change.Content.Data})
		}
	}
	return c, nil
}

// verify checks that the store is as it should be. semodule -r of a missing
// module, for one, ends with success. The language is not compared: libsemanage
// keeps CIL alone if semanage.conf says remove-hll=true.
func (s Semodule) verify(ctx context.Context, want []Record, changes []Change) error {
	got, err := s.Modules(ctx)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrNotMade, err)
	}
	sortRecords(got)
	same := slices.EqualFunc(got, want, func(a, b Record) bool { return a.Key == b.Key && a.Enabled == b.Enabled })
	if !same {
		return ErrNotMade
	}
	last := make(map[Key]Change)
	for _, c := range changes {
		last[c.Key] = c
	}
	for k, c := range last {
		if c.Op != Install {
			continue
		}
		content, err := s.Content(ctx, k, AsInstalled)
		if err != nil {
			return fmt.Errorf("%w: %w", ErrNotMade, err)
		}
		if content.Language == c.Content.Language && !sameContent(content, c.Content) {
			return fmt.Errorf("%w: %s has another content", ErrNotMade, k)
		}
	}
	return nil
}
