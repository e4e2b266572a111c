package port

import (
	"context"

	"github.com/sekit/sekit/policy"
)

// Backend is a store of local port records: what a fake or a real store must
// do. Rules about ports are not its business; [Ports] has them. The contract
// is written down as tests in package porttest.
type Backend interface {
	// Local returns the local records in the order of the store. A store that
	// has none yet returns no records and no error.
	Local(ctx context.Context) ([]Record, error)
	// Commit makes all the changes, or none and returns an error. It returns
	// [ErrChanged] (wrapped) if the store's records are not those that a change
	// was planned on, as [Apply] says it, and [errors.ErrUnsupported] if it
	// can't write.
	Commit(ctx context.Context, changes []Change) error
}

// Ports is a machine's ports: a policy and a store of local records. It is safe
// for concurrent use if its backend is.
type Ports struct {
	p *policy.Policy
	b Backend
}

// New returns the ports of a policy with the local records of a backend.
func New(p *policy.Policy, b Backend) *Ports { return &Ports{p, b} }

// Table returns what policy and local records say now.
func (s *Ports) Table(ctx context.Context) (*Table, error) {
	local, err := s.b.Local(ctx)
	if err != nil {
		return nil, opError("list", "", err)
	}
	return NewTable(s.p, local), nil
}

// Set makes settings so, in one commit, and returns what it changed; what is
// already so is left out, and if that is all, nothing is committed. A setting
// that can't be ([Table.PlanSet]) stops all before anything is written.
func (s *Ports) Set(ctx context.Context, settings ...Setting) ([]Change, error) {
	return s.change(ctx, func(t *Table, plan func(Change) (*Table, error)) error {
		for _, want := range settings {
			c, err := t.PlanSet(want)
			if err != nil {
				return err
			}
			if t, err = plan(c); err != nil {
				return err
			}
		}
		return nil
	})
}

// Delete removes local records, in one commit, and returns what it changed.
// Each must be there ([Table.PlanDelete]), or nothing is written.
func (s *Ports) Delete(ctx context.Context, keys ...Key) ([]Change, error) {
	return s.change(ctx, func(t *Table, plan func(Change) (*Table, error)) error {
		for _, k := range keys {
			c, err := t.PlanDelete(k)
			if err != nil {
				return err
			}
			if t, err = plan(c); err != nil {
				return err
			}
		}
		return nil
	})
}

// Commit makes planned changes, in one transaction.
func (s *Ports) Commit(ctx context.Context, changes ...Change) error {
	var do []Change
	for _, c := range changes {
		if c.Op != Nothing {
			do = append(do, c)
		}
	}
	if len(do) == 0 {
		return nil
	}
	if err := s.b.Commit(ctx, do); err != nil {
		return opError("commit", "", err)
	}
	return nil
}

// change collects planned changes, each on the table that those before it
// leave, and commits them.
func (s *Ports) change(ctx context.Context, steps func(*Table, func(Change) (*Table, error)) error) ([]Change, error) {
	t, err := s.Table(ctx)
	if err != nil {
		return nil, err
	}
	var done []Change
	err = steps(t, func(c Change) (*Table, error) {
		if c.Op == Nothing {
			return t, nil
		}
		done = append(done, c)
		t, err = t.With(c)
		return t, err
	})
	if err != nil {
		return nil, err
	}
	if err := s.Commit(ctx, done...); err != nil {
		return nil, err
	}
	return done, nil
}
