package sekittest

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync"

	"github.com/sekit/sekit"
	"github.com/sekit/sekit/boolean"
	"github.com/sekit/sekit/boolean/booleantest"
	"github.com/sekit/sekit/fcontext"
	"github.com/sekit/sekit/fcontext/fcontexttest"
	"github.com/sekit/sekit/module"
	"github.com/sekit/sekit/module/moduletest"
	"github.com/sekit/sekit/policy"
	"github.com/sekit/sekit/port"
	"github.com/sekit/sekit/port/infiniband"
	"github.com/sekit/sekit/port/porttest"
)

// Options say what a machine has beside its policy. The zero Options work.
type Options struct {
	// Ports are its local port records, Infiniband and Booleans those of
	// Infiniband's keys and end ports and of booleans, and Permissive the domains
	// that local modules make permissive.
	Ports      []port.Record
	Infiniband []infiniband.Record
	Booleans   []boolean.Record
	Permissive []string
	// Contexts are its file contexts, as the policy's modules make them, and
	// LocalContexts the local records.
	Contexts      *fcontext.DB
	LocalContexts fcontext.LocalRecords
	// Files are its files.
	Files *fcontexttest.Tree
	// CustomizableTypes are as in [sekit.System].
	CustomizableTypes []string
	// Offline says that no kernel runs there: an image.
	Offline bool
	// StateDir is where its journal is kept, such as a test's TempDir.
	StateDir string
}

// Machine is a machine in memory. It is safe for concurrent use.
type Machine struct {
	*sekit.Machine
	// The rooms' parts of its store: to look at, and to change behind the
	// machine's back.
	PortStore    *porttest.Backend
	BooleanStore *booleantest.Backend
	ContextStore *fcontexttest.LocalBackend
	ModuleStore  *moduletest.Backend

	options Options
	p       *policy.Policy

	mu         sync.Mutex
	permissive []string
	infiniband []infiniband.Record
	fault      Fault
	commits    int
}

// NewMachine returns a machine with a policy: as its modules make it, without
// local records, for which there are Options. Records that no store would hold
// panic: they are a mistake in a test.
func NewMachine(p *policy.Policy, o Options) *Machine {
	m := &Machine{
		p: p, options: o, permissive: slices.Clone(o.Permissive), infiniband: slices.Clone(o.Infiniband),
		PortStore:    porttest.NewBackend(p, o.Ports...),
		BooleanStore: booleantest.NewBackend(p, o.Booleans...),
		ContextStore: fcontexttest.NewLocalBackend(p, o.LocalContexts),
		ModuleStore:  moduletest.NewBackend(p),
	}
	if o.Offline {
		m.BooleanStore = booleantest.NewOffline(p, o.Booleans...)
	}
	for _, domain := range o.Permissive {
		if _, err := p.Type(domain); err != nil {
			panic("sekittest: " + err.Error())
		}
	}
	m.Machine = m.Reopen()
	return m
}

// Reopen returns the machine as a program sees it that is started anew, with the
// same store and journal.
func (m *Machine) Reopen() *sekit.Machine {
	options := sekit.MachineOptions{StateDir: m.options.StateDir}
	if m.options.Files != nil {
		options.Files = m.options.Files
	}
	return sekit.NewMachine(backend{m}, options)
}

// Backend returns what the machine is changed through, for a test that comes in
// between.
func (m *Machine) Backend() sekit.Backend { return backend{m} }

// Decide decides an access as the machine's kernel would now.
func (m *Machine) Decide(a policy.Access) (policy.Decision, error) {
	s, err := m.System(context.Background())
	if err != nil {
		return policy.Decision{}, err
	}
	return s.Policy.Decide(a)
}

// Commits returns how many commits changed the store: a real one takes a
// second or more for each.
func (m *Machine) Commits() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.commits
}

// backend is the machine as [sekit.Backend].
type backend struct{ m *Machine }

// System implements [sekit.Backend].
func (b backend) System(ctx context.Context) (*sekit.System, error) {
	b.m.mu.Lock()
	defer b.m.mu.Unlock()
	return b.m.system(ctx)
}

func (m *Machine) system(ctx context.Context) (*sekit.System, error) {
	if m.fault.System != nil {
		return nil, m.fault.System
	}
	linked, err := m.ModuleStore.Policy()
	if err != nil {
		return nil, err
	}
	s := &sekit.System{CustomizableTypes: m.options.CustomizableTypes, Permissive: slices.Clone(m.permissive)}
	if s.Modules, err = module.NewStore(m.ModuleStore).Table(ctx); err != nil {
		return nil, err
	}
	if s.Ports, err = port.New(linked, m.PortStore).Table(ctx); err != nil {
		return nil, err
	}
	s.Infiniband = infiniband.NewTable(linked, m.infiniband)
	if s.Booleans, err = boolean.New(linked, m.BooleanStore).Table(ctx); err != nil {
		return nil, err
	}
	if db := m.options.Contexts; db != nil {
		if s.LocalContexts, err = fcontext.NewLocal(linked, db, m.ContextStore).Table(ctx); err != nil {
			return nil, err
		}
		if s.Contexts, err = s.LocalContexts.DB(); err != nil {
			return nil, err
		}
	}
	if s.Policy, err = linked.With(changes(s)...); err != nil {
		return nil, err
	}
	if files := m.options.Files; files != nil {
		s.FileContext = func(name string) (policy.Context, error) { return fcontext.ContextAt(files, name) }
	}
	return s, nil
}

// changes are what the store makes of the policy.
func changes(s *sekit.System) []policy.Change {
	var out []policy.Change
	for _, b := range s.Booleans.All() {
		out = append(out, policy.SetBoolean{Name: b.Name, On: b.Current})
	}
	for _, r := range s.Ports.Local() {
		out = append(out, policy.PortContext{Protocol: r.Protocol, Low: r.Low, High: r.High, Type: r.Context.Type()})
	}
	for _, domain := range s.Permissive {
		out = append(out, policy.MakePermissive{Type: domain})
	}
	return out
}

// Commit implements [sekit.Backend].
func (b backend) Commit(ctx context.Context, p *sekit.Plan) error {
	b.m.mu.Lock()
	defer b.m.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := b.m.fault.Commit; err != nil {
		return err
	}
	s, err := b.m.system(ctx)
	if err != nil {
		return err
	}
	return b.m.commit(ctx, s, p)
}

// commit checks all changes, and then makes them room by room: booleans first,
// for [Fault.Half].
func (m *Machine) commit(ctx context.Context, s *sekit.System, p *sekit.Plan) (err error) {
	permissive, err := m.withPermissive(p)
	if err != nil {
		return err
	}
	if _, err := port.Apply(s.Ports.Local(), p.Ports...); err != nil {
		return err
	}
	fabric, err := infiniband.Apply(m.infiniband, p.Infiniband...)
	if err != nil {
		return err
	}
	if _, err := module.ApplyChanges(s.Modules.All(), p.Modules...); err != nil {
		return err
	}
	if len(p.Contexts) > 0 {
		if s.LocalContexts == nil {
			return fmt.Errorf("a machine without file contexts: %w", errors.ErrUnsupported)
		}
		if _, err := s.LocalContexts.With(p.Contexts...); err != nil {
			return err
		}
	}
	takeBack := false
	defer func() {
		if err != nil && takeBack {
			err = errors.Join(err, m.resetBooleans(ctx, p))
		}
	}()
	if len(p.Booleans) > 0 {
		if err := m.BooleanStore.Commit(ctx, p.Booleans); err != nil {
			return err
		}
		if m.fault.Half != nil {
			return m.fault.Half
		}
		takeBack = true
	}
	if m.fault.kill {
		m.fault = Fault{}
		runtime.Goexit()
	}
	if err := m.commitRooms(ctx, p); err != nil {
		return err
	}
	m.permissive, m.infiniband = permissive, fabric
	m.commits++
	takeBack = false
	return m.fault.AfterCommit
}

// commitRooms commits what was checked: only a room's own fault, or somebody who
// works with a room at the same time, can make it fail.
func (m *Machine) commitRooms(ctx context.Context, p *sekit.Plan) error {
	if len(p.Modules) > 0 {
		if err := m.ModuleStore.Commit(ctx, p.Modules); err != nil {
			return err
		}
	}
	if len(p.Contexts) > 0 {
		if err := m.ContextStore.Commit(ctx, p.Contexts); err != nil {
			return err
		}
	}
	if len(p.Ports) > 0 {
		return m.PortStore.Commit(ctx, p.Ports)
	}
	return nil
}

// resetBooleans gives booleans back what they were before a commit that failed.
func (m *Machine) resetBooleans(ctx context.Context, p *sekit.Plan) error {
	for _, c := range slices.Backward(p.Booleans) {
		t, err := boolean.New(m.p, m.BooleanStore).Table(ctx)
		if err != nil {
			return err
		}
		undo, err := t.PlanUndo(c)
		if err != nil {
			return err
		}
		if err := m.BooleanStore.Commit(ctx, undo); err != nil {
			return err
		}
	}
	return nil
}

func (m *Machine) withPermissive(p *sekit.Plan) ([]string, error) {
	out := slices.Clone(m.permissive)
	for _, c := range p.Permissive {
		if _, err := m.p.Type(c.Domain); err != nil {
			return nil, err
		}
		i := slices.Index(out, c.Domain)
		switch {
		case c.On && i < 0:
			out = append(out, c.Domain)
		case !c.On && i >= 0:
			out = slices.Delete(out, i, i+1)
		case !c.On:
			return nil, fmt.Errorf("%s is not permissive by a local module", c.Domain)
		}
	}
	return out, nil
}
