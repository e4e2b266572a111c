package boolean

import (
	"context"
	"errors"

	"github.com/sekit/sekit/policy"
)

// Backend is where the values of booleans are kept: what a fake or a real
// machine must do. Which changes make sense is not its business; [Table] knows.
// The contract is written down as tests in package booleantest.
type Backend interface {
	// Active returns the values that the running kernel has, in any order. It
	// returns [errors.ErrUnsupported] (wrapped) where there is no kernel to ask,
	// as for the store of an image.
	Active(ctx context.Context) ([]Active, error)
	// Local returns the local records in the order of the store. A store that
	// has none yet returns no records and no error.
	Local(ctx context.Context) ([]Record, error)
	// Commit makes all the changes, or none and returns an error: values of the
	// kernel with one commit of pending values, local records in one
	// transaction. It returns [ErrChanged] (wrapped) if a boolean's local record
	// is not as it was when a change was planned, and [errors.ErrUnsupported] if
	// it can't write.
	Commit(ctx context.Context, changes []Change) error
}

// Booleans is a machine's booleans: a policy and where their values are kept.
// It is safe for concurrent use if its backend is.
type Booleans struct {
	p *policy.Policy
	b Backend
}

// New returns the booleans of a policy with the values of a backend.
func New(p *policy.Policy, b Backend) *Booleans { return &Booleans{p, b} }

// Table returns the booleans with the values that they have now.
func (s *Booleans) Table(ctx context.Context) (*Table, error) {
	active, err := s.b.Active(ctx)
	switch {
	case errors.Is(err, errors.ErrUnsupported):
		active = nil
	case err != nil:
		return nil, opError("list", "", err)
	case active == nil:
		active = []Active{}
	}
	local, err := s.b.Local(ctx)
	if err != nil {
		return nil, opError("list", "", err)
	}
	return NewTable(s.p, active, local), nil
}

// Set gives booleans values for now, in one commit, and returns what it
// changed; what is already so is left out, and if that is all, nothing is
// committed. A boolean that can't be set stops all before anything is written.
func (s *Booleans) Set(ctx context.Context, values ...Record) ([]Change, error) {
	return s.change(ctx, values, func(t *Table, r Record) (Change, error) { return t.PlanSet(r.Name, r.On) })
}

// Persist gives booleans values to stay, as Set does for now.
func (s *Booleans) Persist(ctx context.Context, values ...Record) ([]Change, error) {
	return s.change(ctx, values, func(t *Table, r Record) (Change, error) { return t.PlanPersist(r.Name, r.On) })
}

// Reset removes the local records of booleans, in one commit. Each must have
// one, or nothing is written.
func (s *Booleans) Reset(ctx context.Context, names ...string) ([]Change, error) {
	values := make([]Record, len(names))
	for i, n := range names {
		values[i].Name = n
	}
	return s.change(ctx, values, func(t *Table, r Record) (Change, error) { return t.PlanReset(r.Name) })
}

// Commit makes planned changes, in one transaction.
func (s *Booleans) Commit(ctx context.Context, changes ...Change) error {
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

func (s *Booleans) change(ctx context.Context, values []Record, plan func(*Table, Record) (Change, error)) ([]Change, error) {
	t, err := s.Table(ctx)
	if err != nil {
		return nil, err
	}
	var done []Change
	seen := make(map[string]bool, len(values))
	for _, r := range values {
		c, err := plan(t, r)
		if err != nil {
			return nil, err
		}
		if seen[r.Name] {
			return nil, opError("set", r.Name, errTwice)
		}
		seen[r.Name] = true
		if c.Op != Nothing {
			done = append(done, c)
		}
	}
	if err := s.Commit(ctx, done...); err != nil {
		return nil, err
	}
	return done, nil
}

var errTwice = errors.New("named twice")
