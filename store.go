package sekit

import (
	"context"
	"errors"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/sekit/sekit/boolean"
	"github.com/sekit/sekit/fcontext"
	"github.com/sekit/sekit/internal/managed"
	"github.com/sekit/sekit/module"
	"github.com/sekit/sekit/policy"
	"github.com/sekit/sekit/port"
)

// addStore adds what the store of a policy type has, and the values that a
// running kernel has. Where there is no store, or it may not be read, it is as
// if it were empty, and what needs it stays nil.
func (s *System) addStore(fsys fs.FS, root, name string, selinuxfs fs.FS) error {
	ctx := context.Background()
	var records []port.Record
	values := boolean.Files{Selinuxfs: selinuxfs}
	booleans := s.Policy
	err := s.readable(fsys, name)
	switch {
	case err == nil:
		if records, err = s.openStore(ctx, fsys, root, name, &values, &booleans); err != nil {
			return err
		}
	case !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, fs.ErrPermission):
		return err
	}
	s.Ports = port.NewTable(s.Policy, records)
	s.Booleans, err = boolean.New(booleans, values).Table(ctx)
	return err
}

// readable reports why a store can't be read.
func (s *System) readable(fsys fs.FS, name string) error {
	dir, err := managed.Active(fsys, name)
	if err == nil {
		_, err = fs.ReadDir(fsys, dir)
	}
	return err
}

// openStore reads a store. The booleans' own values are in the policy before
// local records are applied, which the store keeps as policy.linked.
func (s *System) openStore(ctx context.Context, fsys fs.FS, root, name string, values *boolean.Files, booleans **policy.Policy) ([]port.Record, error) {
	dir, err := managed.Active(fsys, name)
	if err != nil {
		return nil, err
	}
	if values.Store, err = fs.Sub(fsys, dir); err != nil {
		return nil, err
	}
	data, err := fs.ReadFile(values.Store, "policy.linked")
	switch {
	case err == nil:
		linked, err := policy.Parse(data)
		if err != nil {
			return nil, &fs.PathError{Op: "read", Path: path.Join(dir, "policy.linked"), Err: err}
		}
		if sameBooleans(linked, s.Policy) {
			*booleans = linked
		}
	case !errors.Is(err, fs.ErrNotExist):
		return nil, err
	}
	if err := s.addModules(ctx, root, name); err != nil {
		return nil, err
	}
	if err := s.addLocalContexts(fsys, name, dir); err != nil {
		return nil, err
	}
	ports, err := port.OpenStore(fsys, name)
	if err != nil {
		return nil, err
	}
	return ports.Local(ctx)
}

// sameBooleans reports whether two policies have the same booleans: if not, the
// running policy is not the store's.
func sameBooleans(a, b *policy.Policy) bool {
	names := func(p *policy.Policy) (out []string) {
		for b := range p.Booleans() {
			out = append(out, b.Name())
		}
		return out
	}
	return slices.Equal(names(a), names(b))
}

// addModules lists the modules. Their contents are read when they are asked for,
// from below the root directory.
func (s *System) addModules(ctx context.Context, root, name string) (err error) {
	s.Modules, err = module.NewStore(module.Semodule{Root: root, PolicyType: name}).Table(ctx)
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, errors.ErrUnsupported) {
		return nil // an image may come without them, a very old store has others
	}
	if err != nil {
		return err
	}
	s.Permissive = []string{}
	for _, r := range s.Modules.InForce() {
		if domain, ok := strings.CutPrefix(r.Name, permissivePrefix); ok {
			s.Permissive = append(s.Permissive, domain)
		}
	}
	return nil
}

// permissivePrefix begins the names of the modules that semanage permissive
// makes.
const permissivePrefix = "permissive_"

func (s *System) addLocalContexts(fsys fs.FS, name, dir string) error {
	if s.Contexts == nil {
		return nil
	}
	var local fcontext.LocalRecords
	read := func(file string, parse func(name string, data []byte) error) error {
		data, err := fs.ReadFile(fsys, file)
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		return parse(file, data)
	}
	err := read(path.Join(dir, "file_contexts.local"), func(name string, data []byte) (err error) {
		local.Records, err = fcontext.ParseLocal(name, data)
		return err
	})
	if err != nil {
		return err
	}
	err = read(path.Join("etc/selinux", name, "contexts/files/file_contexts.subs"), func(name string, data []byte) (err error) {
		local.Equivalences, err = fcontext.ParseEquivalences(name, data)
		return err
	})
	if err != nil {
		return err
	}
	s.LocalContexts = fcontext.NewLocalTable(s.Policy, s.Contexts, local)
	return nil
}
