package fcontext

import (
	"context"

	"github.com/sekit/sekit/policy"
)

// LocalBackend is a store of local file contexts: what a fake or a real store
// must do. Rules about records are not its business; [Local] has them. The
// contract is written down as tests in package fcontexttest.
type LocalBackend interface {
	// Local returns the local records in the order of the store. A store that
	// has none yet returns no records and no error.
	Local(ctx context.Context) (LocalRecords, error)
	// Commit makes all the changes, or none and returns an error. It returns
	// [ErrStoreChanged] (wrapped) if the store's records are not those that a change
	// was planned on, as [ApplyLocal] says it, and [errors.ErrUnsupported] if it
	// can't write.
	Commit(ctx context.Context, changes []LocalChange) error
}

// Local is a machine's file contexts as its administrator changes them: a
// policy, its specs and a store of local records. It is safe for concurrent use
// if its backend is.
type Local struct {
	p  *policy.Policy
	db *DB
	b  LocalBackend
}

// NewLocal returns the file contexts of a policy with the local records of a
// backend. What db says of local records does not count.
func NewLocal(p *policy.Policy, db *DB, b LocalBackend) *Local { return &Local{p, db, b} }

// Table returns what policy and local records say now.
func (l *Local) Table(ctx context.Context) (*LocalTable, error) {
	local, err := l.b.Local(ctx)
	if err != nil {
		return nil, listError("list", err)
	}
	return NewLocalTable(l.p, l.db, local), nil
}

// Set makes settings so, in one commit, and returns what it changed; what is
// already so is left out, and if that is all, nothing is committed. A setting
// that can't be ([LocalTable.PlanSet]) stops all before anything is written.
func (l *Local) Set(ctx context.Context, settings ...LocalSetting) ([]LocalChange, error) {
	return change(ctx, l, settings, func(t *LocalTable, s LocalSetting) ([]LocalChange, error) {
		return one(t.PlanSet(s))
	})
}

// Delete removes local records, in one commit, and returns what it changed.
// Each must be there ([LocalTable.PlanDelete]), or nothing is written.
func (l *Local) Delete(ctx context.Context, keys ...LocalKey) ([]LocalChange, error) {
	return change(ctx, l, keys, func(t *LocalTable, k LocalKey) ([]LocalChange, error) {
		return one(t.PlanDelete(k))
	})
}

// SetEquivalences makes equivalences so, in one commit, and returns what it
// changed ([LocalTable.PlanEquivalence]).
func (l *Local) SetEquivalences(ctx context.Context, equivalences ...Equivalence) ([]LocalChange, error) {
	return change(ctx, l, equivalences, (*LocalTable).PlanEquivalence)
}

// DeleteEquivalences removes the local equivalences of targets, in one commit,
// and returns what it changed ([LocalTable.PlanDeleteEquivalence]).
func (l *Local) DeleteEquivalences(ctx context.Context, targets ...string) ([]LocalChange, error) {
	return change(ctx, l, targets, func(t *LocalTable, target string) ([]LocalChange, error) {
		return one(t.PlanDeleteEquivalence(target))
	})
}

// Commit makes planned changes, of records and equivalences, in one transaction.
func (l *Local) Commit(ctx context.Context, changes ...LocalChange) error {
	var do []LocalChange
	for _, c := range changes {
		if c.Op != Nothing {
			do = append(do, c)
		}
	}
	if len(do) == 0 {
		return nil
	}
	if err := l.b.Commit(ctx, do); err != nil {
		return listError("commit", err)
	}
	return nil
}

func one(c LocalChange, err error) ([]LocalChange, error) {
	if err != nil || c.Op == Nothing {
		return nil, err
	}
	return []LocalChange{c}, nil
}

// change plans each of what is wanted on the table that those before it leave,
// and commits the changes.
func change[T any](ctx context.Context, l *Local, wanted []T, plan func(*LocalTable, T) ([]LocalChange, error)) ([]LocalChange, error) {
	t, err := l.Table(ctx)
	if err != nil {
		return nil, err
	}
	var done []LocalChange
	for _, w := range wanted {
		changes, err := plan(t, w)
		if err != nil {
			return nil, err
		}
		if t, err = t.With(changes...); err != nil {
			return nil, err
		}
		done = append(done, changes...)
	}
	if err := l.Commit(ctx, done...); err != nil {
		return nil, err
	}
	return done, nil
}
