package sekit

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/sekit/sekit/boolean"
	"github.com/sekit/sekit/fcontext"
	"github.com/sekit/sekit/internal/managed"
	"github.com/sekit/sekit/internal/tool"
	"github.com/sekit/sekit/module"
)

// OpenMachine returns this machine, to be changed by root. Its files can be
// relabelled unless o.Files says otherwise; Close closes them.
//
// Changes are made in the managed store of its policy type: directly where that
// is possible, those of modules alone by semodule, others by semanage import, in
// one transaction each way; without semanage, changes that need modules and others go in two, by semodule and
// directly or, if they are of booleans alone, by setsebool. Where SELinux is
// disabled, they are for the next boot with it.
//
// The error wraps [errors.ErrUnsupported] where the OS is not Linux.
func OpenMachine(o MachineOptions) (*Machine, error) {
	h := host{root: "/", tools: tool.Exec{}, open: Open}
	switch _, err := Open(); {
	case errors.Is(err, ErrDisabled):
		h.open = func() (*System, error) { return OpenRoot("/") }
	case err != nil:
		return nil, err
	default:
		h.kernel = boolean.Kernel{Dir: selinuxfs}.Set
	}
	return openMachine(h.backend(), h.root, o)
}

// OpenMachineRoot returns the machine whose root directory is dir, such as that
// of an image, to be changed as [OpenMachine] says; no policy is loaded. Modules
// are changed by the semodule of this machine, which has to be of a release that
// the image's system can do with. On other systems than Linux no files are
// relabelled.
func OpenMachineRoot(dir string, o MachineOptions) (*Machine, error) {
	h := host{root: dir, tools: tool.Exec{}, open: func() (*System, error) { return OpenRoot(dir) }}
	if _, err := h.open(); err != nil {
		return nil, err
	}
	m, err := openMachine(h.backend(), dir, o)
	if errors.Is(err, errors.ErrUnsupported) {
		return NewMachine(h.backend(), o), nil
	}
	return m, err
}

func openMachine(b Backend, root string, o MachineOptions) (*Machine, error) {
	if o.Files != nil {
		return NewMachine(b, o), nil
	}
	tree, err := fcontext.OpenTree(root)
	if err != nil {
		return nil, err
	}
	o.Files = tree
	m := NewMachine(b, o)
	m.close = tree.Close
	return m, nil
}

// Close closes what OpenMachine opened.
func (m *Machine) Close() error {
	if m.close == nil {
		return nil
	}
	return m.close()
}

// host is a machine with a store.
type host struct {
	root  string // "/" for this machine
	tools tool.Runner
	open  func() (*System, error)
	// kernel sets booleans for now; nil where no kernel runs.
	kernel func(ctx context.Context, values ...boolean.Record) error
}

// backend returns the ways to change the machine, the best one first.
func (h host) backend() Backend {
	if h.root != "/" {
		return firstOf{h.native(), h.semodule()}
	}
	return firstOf{
		h.native(), modulesAlone{h.semodule()}, h.semanage(),
		h.semodule(), &semodule{modules: hostModules{h}, records: h.setsebool()},
	}
}

func (h host) system(context.Context) (*System, error) { return h.open() }

func (h host) native() Backend {
	return &native{open: h.system, kernel: h.kernel, store: func() (*managed.Store, error) {
		name, err := h.policyType()
		if err != nil {
			return nil, err
		}
		return managed.Open(h.root, name)
	}}
}

func (h host) semanage() Backend {
	return &semanage{open: h.system, kernel: h.kernel, tools: h.tools}
}

func (h host) setsebool() Backend {
	return &setsebool{open: h.system, tools: h.tools, live: h.kernel != nil}
}

func (h host) semodule() *semodule {
	return &semodule{modules: hostModules{h}, records: h.native()}
}

func (h host) policyType() (string, error) {
	if h.root == "/" {
		return policyType(os.DirFS("/"))
	}
	root, err := os.OpenRoot(h.root)
	if err != nil {
		return "", err
	}
	defer root.Close()
	return policyType(root.FS())
}

// hostModules is the modules of a host.
type hostModules struct{ h host }

func (m hostModules) store() (module.Semodule, error) {
	name, err := m.h.policyType()
	s := module.Semodule{PolicyType: name, Runner: m.h.tools, NoReload: m.h.kernel == nil}
	if m.h.root != "/" {
		s.Root = m.h.root
	}
	return s, err
}

func (m hostModules) Modules(ctx context.Context) ([]module.Record, error) {
	s, err := m.store()
	if err != nil {
		return nil, err
	}
	return s.Modules(ctx)
}

func (m hostModules) Content(ctx context.Context, k module.Key, form module.Form) (module.Content, error) {
	s, err := m.store()
	if err != nil {
		return module.Content{}, err
	}
	return s.Content(ctx, k, form)
}

func (m hostModules) Commit(ctx context.Context, changes []module.Change) error {
	s, err := m.store()
	if err != nil {
		return err
	}
	return s.Commit(ctx, changes)
}

// firstOf is a machine that can be changed in several ways: a plan goes the
// first one that is supported for it and whose tool is there.
type firstOf []Backend

// System implements [Backend].
func (b firstOf) System(ctx context.Context) (*System, error) { return b[0].System(ctx) }

// Commit implements [Backend].
func (b firstOf) Commit(ctx context.Context, p *Plan) error {
	var errs []error
	for _, way := range b {
		err := way.Commit(ctx, p)
		var missing *tool.Error
		if !errors.Is(err, errors.ErrUnsupported) && !(errors.As(err, &missing) && errors.Is(err, fs.ErrNotExist)) {
			return err
		}
		errs = append(errs, err)
	}
	return fmt.Errorf("no way to change the machine: %w", errors.Join(errs...))
}
