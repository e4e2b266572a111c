package sekittest

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"sync"

	"github.com/sekit/sekit"
	"github.com/sekit/sekit/boolean"
	"github.com/sekit/sekit/boolean/booleantest"
	"github.com/sekit/sekit/fcontext"
	"github.com/sekit/sekit/fcontext/fcontexttest"
	"github.com/sekit/sekit/policy"
	"github.com/sekit/sekit/port"
	"github.com/sekit/sekit/port/porttest"
)

// Options say what a machine has beside its policy. The zero Options work.
type Options struct {
	// Ports are its local port records, Booleans those of booleans, and
	// Permissive the domains that local modules make permissive.
	Ports      []port.Record
	Booleans   []boolean.Record
	Permissive []string
	// Contexts are its file contexts.
	Contexts *fcontext.DB
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
	// Ports and Booleans are its store, for code that works with the rooms
	// alone.
	Ports    *porttest.Backend
	Booleans *booleantest.Backend

	options Options
	p       *policy.Policy

	mu         sync.Mutex
	permissive []string
	fault      Fault
	commits    int
}

// NewMachine returns a machine with a policy: as its modules make it, without
// local records, for which there are Options. Records that no store would hold
// panic: they are a mistake in a test.
func NewMachine(p *policy.Policy, o Options) *Machine {
	m := &Machine{p: p, options: o, permissive: slices.Clone(o.Permissive), Ports: porttest.NewBackend(p, o.Ports...)}
	m.Booleans = booleantest.NewBackend(p, o.Booleans...)
	if o.Offline {
		m.Booleans = booleantest.NewOffline(p, o.Booleans...)
	}
	for _, domain := range o.Permissive {
		if _, err := p.Type(domain); err != nil {
			panic("sekittest: " + err.Error())
		}
	}
	options := sekit.MachineOptions{StateDir: o.StateDir}
	if o.Files != nil {
		options.Files = o.Files
	}
	m.Machine = sekit.NewMachine(backend{m}, options)
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
	s := &sekit.System{Contexts: m.options.Contexts, CustomizableTypes: m.options.CustomizableTypes,
		Permissive: slices.Clone(m.permissive)}
	var err error
	if s.Ports, err = port.New(m.p, m.Ports).Table(ctx); err != nil {
		return nil, err
	}
	if s.Booleans, err = boolean.New(m.p, m.Booleans).Table(ctx); err != nil {
		return nil, err
	}
	var changes []policy.Change
	for _, b := range s.Booleans.All() {
		changes = append(changes, policy.SetBoolean{Name: b.Name, On: b.Current})
	}
	for _, r := range s.Ports.Local() {
		changes = append(changes, policy.PortContext{Protocol: r.Protocol, Low: r.Low, High: r.High, Type: r.Context.Type()})
	}
	for _, domain := range m.permissive {
		changes = append(changes, policy.MakePermissive{Type: domain})
	}
	if s.Policy, err = m.p.With(changes...); err != nil {
		return nil, err
	}
	if files := m.options.Files; files != nil {
		s.FileContext = func(name string) (policy.Context, error) { return fcontext.ContextAt(files, name) }
	}
	return s, nil
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

func (m *Machine) commit(ctx context.Context, s *sekit.System, p *sekit.Plan) error {
	permissive, err := m.withPermissive(p)
	if err != nil {
		return err
	}
	if _, err := s.Ports.With(p.Ports...); err != nil {
		return err
	}
	if len(p.Booleans) > 0 {
		if err := m.Booleans.Commit(ctx, p.Booleans); err != nil {
			return err
		}
	}
	if m.fault.Half != nil {
		return m.fault.Half
	}
	if m.fault.kill {
		m.fault = Fault{}
		runtime.Goexit()
	}
	if len(p.Ports) > 0 {
		if err := m.Ports.Commit(ctx, p.Ports); err != nil {
			return m.takeBack(ctx, p, err)
		}
	}
	m.permissive = permissive
	m.commits++
	return m.fault.AfterCommit
}

// takeBack gives booleans back what they were before a commit that failed.
func (m *Machine) takeBack(ctx context.Context, p *sekit.Plan, failed error) error {
	for _, c := range slices.Backward(p.Booleans) {
		t, err := boolean.New(m.p, m.Booleans).Table(ctx)
		if err != nil {
			return err
		}
		undo, err := t.PlanUndo(c)
		if err != nil {
			return err
		}
		if err := m.Booleans.Commit(ctx, undo); err != nil {
			return err
		}
	}
	return failed
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
