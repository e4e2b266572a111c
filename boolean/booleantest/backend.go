package booleantest

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"sync"

	"github.com/sekit/sekit/boolean"
	"github.com/sekit/sekit/policy"
)

// Backend is a machine's booleans in memory: a running kernel with the policy
// loaded, and a store of local records. It keeps to the contract of
// [boolean.Backend] as selinuxfs and libsemanage do. It is safe for concurrent
// use.
type Backend struct {
	mu      sync.Mutex
	p       *policy.Policy
	offline bool
	active  map[string]boolean.Active
	local   []boolean.Record
	fault   Fault
	commits int
}

// Fault makes a [Backend] fail, until it is taken back with the zero Fault.
type Fault struct {
	Active error // returned by Active
	Local  error // returned by Local
	Commit error // returned by Commit, with nothing changed
	// AfterCommit is returned by Commit although all was changed: what a caller
	// sees whose connection breaks at the wrong moment.
	AfterCommit error
}

var _ boolean.Backend = (*Backend)(nil)

// NewBackend returns a machine that has just loaded the policy, with these
// local records. Records of booleans that the policy lacks panic: they are a
// mistake in a test.
func NewBackend(p *policy.Policy, local ...boolean.Record) *Backend {
	b := &Backend{p: p, active: make(map[string]boolean.Active), local: slices.Clone(local)}
	for own := range p.Booleans() {
		b.active[own.Name()] = boolean.Active{Name: own.Name(), Current: own.Default(), Pending: own.Default()}
	}
	for _, r := range local {
		if _, ok := b.active[r.Name]; !ok {
			panic("booleantest: no boolean " + r.Name)
		}
		b.active[r.Name] = boolean.Active{Name: r.Name, Current: r.On, Pending: r.On}
	}
	return b
}

// NewOffline returns an image's store: no kernel runs there.
func NewOffline(p *policy.Policy, local ...boolean.Record) *Backend {
	b := NewBackend(p, local...)
	b.offline = true
	return b
}

// Inject makes the backend fail from now on.
func (b *Backend) Inject(f Fault) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.fault = f
}

// Commits returns how many commits changed something.
func (b *Backend) Commits() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.commits
}

// SetPending sets a pending value behind the caller's back, as a program does
// that has not committed yet. An unknown boolean is passed over.
func (b *Backend) SetPending(name string, on bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if a, ok := b.active[name]; ok {
		a.Pending = on
		b.active[name] = a
	}
}

// Policy returns the policy with the booleans as the kernel has them now: what
// it decides by.
func (b *Backend) Policy() (*policy.Policy, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	var changes []policy.Change
	for name, a := range b.active {
		changes = append(changes, policy.SetBoolean{Name: name, On: a.Current})
	}
	return b.p.With(changes...)
}

// Active implements [boolean.Backend].
func (b *Backend) Active(ctx context.Context) ([]boolean.Active, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.fault.Active != nil {
		return nil, b.fault.Active
	}
	if b.offline {
		return nil, fmt.Errorf("no running kernel: %w", errors.ErrUnsupported)
	}
	out := make([]boolean.Active, 0, len(b.active))
	for _, a := range b.active {
		out = append(out, a)
	}
	slices.SortFunc(out, func(x, y boolean.Active) int { return strings.Compare(x.Name, y.Name) })
	return out, nil
}

// Local implements [boolean.Backend].
func (b *Backend) Local(ctx context.Context) ([]boolean.Record, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.fault.Local != nil {
		return nil, b.fault.Local
	}
	return slices.Clone(b.local), nil
}

// Commit implements [boolean.Backend].
func (b *Backend) Commit(ctx context.Context, changes []boolean.Change) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.fault.Commit != nil {
		return b.fault.Commit
	}
	local := slices.Clone(b.local)
	values := make(map[string]bool)
	for _, c := range changes {
		if _, ok := b.active[c.Name]; !ok {
			return fmt.Errorf("boolean %q: %w", c.Name, fs.ErrNotExist)
		}
		var err error
		if local, err = boolean.Apply(local, c); err != nil {
			return err
		}
		switch {
		case c.Op == boolean.Set && b.offline:
			return fmt.Errorf("no running kernel: %w", errors.ErrUnsupported)
		case c.Op == boolean.Reset:
			own, err := b.p.Boolean(c.Name)
			if err != nil {
				return err
			}
			values[c.Name] = own.Default()
		case c.Op != boolean.Nothing:
			values[c.Name] = c.On
		}
	}
	b.local = local
	if len(values) > 0 {
		b.commitPending(values)
		b.commits++
	}
	return b.fault.AfterCommit
}

// commitPending does what a write to selinuxfs's commit_pending_bools does:
// all pending values become current, those of other programs too.
func (b *Backend) commitPending(values map[string]bool) {
	for name, a := range b.active {
		if on, ok := values[name]; ok {
			a.Pending = on
		}
		a.Current = a.Pending
		b.active[name] = a
	}
}
