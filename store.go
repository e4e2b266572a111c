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
	"github.com/sekit/sekit/port/infiniband"
)

// addStore adds what the store of a policy type has, and the values that a
// running kernel has. Where there is no store, or it may not be read, it is as
// if it were empty, and what needs it stays nil.
func (s *System) addStore(fsys fs.FS, root, name string, selinuxfs fs.FS) error {
	ctx := context.Background()
	var records []port.Record
	values := boolean.Files{Selinuxfs: selinuxfs}
	booleans := s.Policy
	store, err := managed.OpenFS(fsys, name)
	if err == nil {
		_, err = store.ReadFile("commit_num") // which every store has
		if errors.Is(err, fs.ErrNotExist) {
			err = nil
		}
	}
	switch {
	case err == nil:
		if booleans, err = s.unmodified(store); err != nil {
			return err
		}
		if values.Store, err = boolean.OpenStore(fsys, name); err != nil {
			return err
		}
		if records, err = s.openStore(ctx, fsys, root, name); err != nil {
			return err
		}
	case !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, fs.ErrPermission):
		return err
	}
	s.Ports = port.NewTable(s.Policy, records)
	if s.Booleans, err = boolean.New(booleans, values).Table(ctx); err != nil {
		return err
	}
	subs, err := fs.ReadFile(fsys, path.Join("etc/selinux", name, "booleans.subs_dist"))
	if err == nil {
		s.Booleans = s.Booleans.WithSubstitutions(boolean.ParseSubstitutions(subs))
	} else if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// unmodified returns the policy as it is before local records are applied to
// it: with the booleans' own values. A store that has none of its own, or that
// of another policy, gives the policy that there is.
func (s *System) unmodified(store *managed.Store) (*policy.Policy, error) {
	const name = "policy.linked"
	data, err := store.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		return s.Policy, nil
	}
	if err != nil {
		return nil, err
	}
	linked, err := policy.Parse(data)
	if err != nil {
		return nil, &fs.PathError{Op: "read", Path: store.Path(name), Err: err}
	}
	if !sameBooleans(linked, s.Policy) {
		return s.Policy, nil
	}
	return linked, nil
}

// openStore adds modules, file contexts and Infiniband's, and returns the port
// records.
func (s *System) openStore(ctx context.Context, fsys fs.FS, root, name string) ([]port.Record, error) {
	if err := s.addModules(ctx, root, name); err != nil {
		return nil, err
	}
	if s.Contexts != nil {
		contexts, err := fcontext.OpenLocalStore(fsys, name)
		if err != nil {
			return nil, err
		}
		if s.LocalContexts, err = fcontext.NewLocal(s.Policy, s.Contexts, contexts).Table(ctx); err != nil {
			return nil, err
		}
	}
	fabric, err := infiniband.OpenStore(fsys, name)
	if err != nil {
		return nil, err
	}
	local, err := fabric.Local(ctx)
	if err != nil {
		return nil, err
	}
	s.Infiniband = infiniband.NewTable(s.Policy, local)
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
