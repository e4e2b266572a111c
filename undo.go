package sekit

import (
	"bytes"
	"context"
	"errors"
	"slices"

	"github.com/sekit/sekit/boolean"
	"github.com/sekit/sekit/module"
)

// PlanUndo returns the plan that gives back what was before a plan was carried
// out, wholly or in part, as far as s differs from that: of what was not done,
// or is undone already, nothing is in it. Where somebody has changed the same
// records since, the error is the room's: [port.ErrChanged],
// [boolean.ErrChanged], [fcontext.ErrStoreChanged] or [module.ErrChanged].
//
// Files that were relabelled are relabelled again, by the file contexts that
// there are then. ([Machine.Apply] returns an undo that knows each file's
// former context.)
func (s *System) PlanUndo(ctx context.Context, done *Plan) (*Plan, error) {
	undo := &Plan{sys: s}
	if err := undo.undoModules(ctx, done.Modules); err != nil {
		return nil, err
	}
	if s.LocalContexts == nil && len(done.Contexts) > 0 {
		return nil, errNoContexts
	}
	var err error
	if undo.Contexts, err = undoRecords(s.LocalContexts, done.Contexts); err != nil {
		return nil, err
	}
	if undo.Ports, err = undoRecords(s.ports(), done.Ports); err != nil {
		return nil, err
	}
	if undo.Infiniband, err = undoRecords(s.infiniband(), done.Infiniband); err != nil {
		return nil, err
	}
	if err := undo.undoBooleans(done.Booleans); err != nil {
		return nil, err
	}
	for _, c := range slices.Backward(done.Permissive) {
		if slices.Contains(s.Permissive, c.Domain) == c.On {
			undo.Permissive = append(undo.Permissive, PermissiveChange{c.Domain, !c.On})
		}
	}
	undo.Relabel = slices.Clone(done.Relabel)
	return undo, nil
}

// In each room: where all changes can be made, none was.

// change has no command if it does nothing.
type change interface{ Command() []string }

// records are a room's table, which plans and makes the changes C.
type records[T any, C change] interface {
	With(changes ...C) (T, error)
	PlanUndo(done C) (C, error)
}

// undoRecords takes changes back, the last one first.
func undoRecords[T records[T, C], C change](t T, done []C) ([]C, error) {
	if len(done) == 0 {
		return nil, nil
	}
	if _, err := t.With(done...); err == nil {
		return nil, nil
	}
	var out []C
	for _, c := range slices.Backward(done) {
		back, err := t.PlanUndo(c)
		if err != nil {
			return nil, err
		}
		if back.Command() == nil {
			continue
		}
		if t, err = t.With(back); err != nil {
			return nil, err
		}
		out = append(out, back)
	}
	return out, nil
}

func (p *Plan) undoBooleans(done []boolean.Change) error {
	t := p.sys.booleans()
	// A value for now leaves no record to tell by.
	forNow := slices.ContainsFunc(done, func(c boolean.Change) bool {
		return c.Op == boolean.Set || c.Op == boolean.Persist && c.Before.Local && c.Before.Default == c.On
	})
	if _, err := t.With(done...); err == nil && !forNow {
		return nil
	}
	for _, c := range slices.Backward(done) {
		back, err := t.PlanUndo(c)
		if err != nil {
			return err
		}
		if t, err = t.With(back...); err != nil {
			return err
		}
		p.Booleans = append(p.Booleans, back...)
	}
	return nil
}

func (p *Plan) undoModules(ctx context.Context, done []module.Change) error {
	t := p.sys.Modules
	if t == nil && len(done) > 0 {
		return errNoModules
	}
	if len(done) == 0 || !slices.ContainsFunc(done, func(c module.Change) bool { return !notMade(ctx, t, c) }) {
		return nil
	}
	for _, c := range slices.Backward(done) {
		back, err := t.PlanUndo(ctx, c)
		if errors.Is(err, module.ErrChanged) && notMade(ctx, t, c) {
			continue
		}
		if err != nil {
			return err
		}
		if t, err = t.With(back...); err != nil {
			return err
		}
		p.Modules = append(p.Modules, back...)
	}
	return nil
}

// notMade reports whether a module is as it was before a change.
func notMade(ctx context.Context, t *module.Table, c module.Change) bool {
	records := t.All()
	i := slices.IndexFunc(records, func(r module.Record) bool { return r.Key == c.Key })
	if i < 0 || c.Before.Name == "" {
		return i < 0 && c.Before.Name == ""
	}
	if records[i] != c.Before || c.Op != module.Install {
		return records[i] == c.Before
	}
	content, err := t.Content(ctx, c.Key, module.AsInstalled)
	return err == nil && content.Language == c.Replaced.Language && bytes.Equal(content.Data, c.Replaced.Data)
}

// with returns a picture of the records after a plan: the policy and the file
// contexts stay what they were.
func (s *System) with(p *Plan) (*System, error) {
	out := *s
	var err error
	if out.Ports, err = s.ports().With(p.Ports...); err != nil {
		return nil, err
	}
	if out.Infiniband, err = s.infiniband().With(p.Infiniband...); err != nil {
		return nil, err
	}
	if out.Booleans, err = s.booleans().With(p.Booleans...); err != nil {
		return nil, err
	}
	switch {
	case len(p.Contexts) == 0:
	case s.LocalContexts == nil:
		return nil, errNoContexts
	default:
		if out.LocalContexts, err = s.LocalContexts.With(p.Contexts...); err != nil {
			return nil, err
		}
	}
	switch {
	case len(p.Modules) == 0:
	case s.Modules == nil:
		return nil, errNoModules
	default:
		if out.Modules, err = s.Modules.With(p.Modules...); err != nil {
			return nil, err
		}
	}
	out.Permissive = slices.Clone(s.Permissive)
	for _, c := range p.Permissive {
		i := slices.Index(out.Permissive, c.Domain)
		switch {
		case c.On && i < 0:
			out.Permissive = append(out.Permissive, c.Domain)
		case !c.On && i >= 0:
			out.Permissive = slices.Delete(out.Permissive, i, i+1)
		}
	}
	return &out, nil
}

// made reports whether a plan's changes are made in s: whether there is
// something to take back for each record that it changes.
func (s *System) made(ctx context.Context, p *Plan) bool {
	undo, err := s.PlanUndo(ctx, p)
	if err != nil || len(undo.Modules) < len(p.Modules) || len(undo.Contexts) < len(p.Contexts) ||
		len(undo.Permissive) < len(p.Permissive) || len(undo.Ports) < len(p.Ports) ||
		len(undo.Infiniband) < len(p.Infiniband) {
		return false
	}
	return !slices.ContainsFunc(p.Booleans, func(c boolean.Change) bool {
		b, err := s.booleans().Lookup(c.Name)
		return err != nil || c.Op == boolean.Persist && !(b.Local && b.Default == c.On) || c.Op == boolean.Reset && b.Local
	})
}
