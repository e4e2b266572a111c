package sekit

import (
	"slices"

	"github.com/sekit/sekit/boolean"
	"github.com/sekit/sekit/port"
)

// PlanUndo returns the plan that gives back what was before a plan was carried
// out, wholly or in part, as far as s differs from that: of what was not done,
// or is undone already, nothing is in it. Where somebody has changed the same
// records since, the error is [port.ErrChanged] or [boolean.ErrChanged].
//
// Files that were relabelled are relabelled again, by the file contexts that
// there are then. ([Machine.Apply] returns an undo that knows each file's
// former context.)
func (s *System) PlanUndo(done *Plan) (*Plan, error) {
	undo := &Plan{sys: s}
	t := s.ports()
	for _, c := range slices.Backward(done.Ports) {
		back, err := t.PlanUndo(c)
		if err != nil {
			return nil, err
		}
		if back.Op == port.Nothing {
			continue
		}
		if t, err = t.With(back); err != nil {
			return nil, err
		}
		undo.Ports = append(undo.Ports, back)
	}
	b := s.booleans()
	for _, c := range slices.Backward(done.Booleans) {
		back, err := b.PlanUndo(c)
		if err != nil {
			return nil, err
		}
		if b, err = b.With(back...); err != nil {
			return nil, err
		}
		undo.Booleans = append(undo.Booleans, back...)
	}
	for _, c := range slices.Backward(done.Permissive) {
		if slices.Contains(s.Permissive, c.Domain) == c.On {
			undo.Permissive = append(undo.Permissive, PermissiveChange{c.Domain, !c.On})
		}
	}
	undo.Relabel = slices.Clone(done.Relabel)
	return undo, nil
}

// with returns a picture of the records after a plan: the policy and the file
// contexts stay what they were.
func (s *System) with(p *Plan) (*System, error) {
	out := *s
	var err error
	if out.Ports, err = s.ports().With(p.Ports...); err != nil {
		return nil, err
	}
	if out.Booleans, err = s.booleans().With(p.Booleans...); err != nil {
		return nil, err
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

// made reports whether all of the plan's changes are made in s.
func (p *Plan) made(s *System) bool {
	undo, err := s.PlanUndo(p)
	return err == nil && len(undo.Ports) == changesOf(p.Ports, func(c port.Change) bool { return c.Op != port.Nothing }) &&
		len(undo.Permissive) == len(p.Permissive) && !slices.ContainsFunc(p.Booleans, func(c boolean.Change) bool {
		b, err := s.booleans().Lookup(c.Name)
		return err != nil || c.Op == boolean.Persist && !(b.Local && b.Default == c.On) || c.Op == boolean.Reset && b.Local
	})
}

func changesOf[T any](changes []T, counts func(T) bool) int {
	n := 0
	for _, c := range changes {
		if counts(c) {
			n++
		}
	}
	return n
}
