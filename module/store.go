package module

import (
	"context"
)

// Backend is a store of modules: what a fake or a real store must do. Which
// changes make sense is not its business; [Table] knows. The contract is
// written down as tests in package moduletest.
type Backend interface {
	// Modules returns all modules of the store, of all priorities, in any order.
	// A store always has modules: a backend that finds none returns an error.
	Modules(ctx context.Context) ([]Record, error)
	// Content returns a module's content in a form, or an error that is
	// [fs.ErrNotExist] if there is no such module.
	Content(ctx context.Context, k Key, form Form) (Content, error)
	// Commit makes all the changes, in their order and in one transaction that
	// also links the policy anew, or none and returns an error. It returns
	// [ErrChanged] (wrapped) if the store's modules are not those that a change
	// was planned on, as [ApplyChanges] says it, and [errors.ErrUnsupported] if
	// it can't write.
	Commit(ctx context.Context, changes []Change) error
}

// Store is a machine's policy modules. It is safe for concurrent use if its
// backend is.
type Store struct {
	b Backend
}

// NewStore returns the store of a backend.
func NewStore(b Backend) *Store { return &Store{b} }

// Table returns the modules that the store has now.
func (s *Store) Table(ctx context.Context) (*Table, error) {
	records, err := s.b.Modules(ctx)
	if err != nil {
		return nil, storeError("list", "", err)
	}
	sortRecords(records)
	return &Table{records: records, read: s.b.Content}, nil
}

// Install installs a module and returns what it changed: nothing, and nothing
// is committed, if the store has this very file at this priority
// ([Table.PlanInstall]).
func (s *Store) Install(ctx context.Context, k Key, content Content) (Change, error) {
	return s.change(ctx, func(t *Table) (Change, error) { return t.PlanInstall(ctx, k, content) })
}

// Remove removes a module and returns what it changed. It must be there
// ([Table.PlanRemove]).
func (s *Store) Remove(ctx context.Context, k Key) (Change, error) {
	return s.change(ctx, func(t *Table) (Change, error) { return t.PlanRemove(ctx, k) })
}

// Enable enables the modules of a name and returns what it changed
// ([Table.PlanEnable]).
func (s *Store) Enable(ctx context.Context, name string) (Change, error) {
	return s.change(ctx, func(t *Table) (Change, error) { return t.PlanEnable(name) })
}

// Disable disables the modules of a name and returns what it changed
// ([Table.PlanDisable]).
func (s *Store) Disable(ctx context.Context, name string) (Change, error) {
	return s.change(ctx, func(t *Table) (Change, error) { return t.PlanDisable(name) })
}

// Content returns the content of a module ([Table.Content]).
func (s *Store) Content(ctx context.Context, k Key, form Form) (Content, error) {
	t, err := s.Table(ctx)
	if err != nil {
		return Content{}, err
	}
	return t.Content(ctx, k, form)
}

// Commit makes planned changes, in one transaction. To plan several, lay each
// over the table that the ones before it leave ([Table.With]).
func (s *Store) Commit(ctx context.Context, changes ...Change) error {
	var do []Change
	for _, c := range changes {
		if c.Op != Nothing {
			do = append(do, c)
		}
	}
	if len(do) == 0 {
		return nil
	}
	if err := checkTogether(do); err != nil {
		return err
	}
	if err := s.b.Commit(ctx, do); err != nil {
		return storeError("commit", "", err)
	}
	return nil
}

func (s *Store) change(ctx context.Context, plan func(*Table) (Change, error)) (Change, error) {
	t, err := s.Table(ctx)
	if err != nil {
		return Change{}, err
	}
	c, err := plan(t)
	if err != nil {
		return Change{}, err
	}
	if err := s.Commit(ctx, c); err != nil {
		return Change{}, err
	}
	return c, nil
}
