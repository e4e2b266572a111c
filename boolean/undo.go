package boolean

import "fmt"

// PlanUndo returns the changes that take back one that was made: the local
// record will be what it was before, and so will the running kernel's value.
// There are none if that is so already, because the change was not made or is
// undone. If the local record is neither what it was nor what the change made
// of it, somebody else has changed it since, and the error is [ErrChanged].
func (t *Table) PlanUndo(done Change) ([]Change, error) {
	if done.Op == Nothing {
		return nil, nil
	}
	b, err := t.known("undo", done.Name)
	if err != nil {
		return nil, err
	}
	was := done.Before
	same := b.Local == was.Local && (!b.Local || b.Default == was.Default)
	made := done.Op == Persist && b.Local && b.Default == done.On || done.Op == Reset && !b.Local
	var out []Change
	plan := func(c Change, err error) error {
		if err == nil && c.Op != Nothing {
			out = append(out, c)
			b.Current, b.Pending = c.On, c.On
		}
		return err
	}
	switch {
	case same:
	case !made:
		return nil, opError("undo", done.Name, ErrChanged)
	case was.Local:
		err = plan(Change{Op: Persist, Name: b.Name, On: was.Default, Before: b}, nil)
	default:
		err = plan(t.PlanReset(done.Name))
	}
	if err == nil && t.active && (b.Current != was.Current || b.Pending != was.Current) {
		err = plan(Change{Op: Set, Name: done.Name, On: was.Current, Before: b}, nil)
	}
	return out, err
}

// With returns the table with changes made. The error is that of [Apply].
func (t *Table) With(changes ...Change) (*Table, error) {
	local, err := Apply(t.local, changes...)
	if err != nil {
		return nil, err
	}
	out := &Table{p: t.p, active: t.active, subs: t.subs, local: local, booleans: t.All()}
	for _, c := range changes {
		if c.Op == Nothing {
			continue
		}
		b, err := out.known("commit", c.Name)
		if err != nil {
			return nil, err
		}
		b.Current, b.Pending = c.On, c.On
		if c.Op != Set {
			b.Default, b.Local = c.On, c.Op == Persist
		}
		out.replace(b)
	}
	return out, nil
}

func (t *Table) replace(b Boolean) {
	for i := range t.booleans {
		if t.booleans[i].Name == b.Name {
			t.booleans[i] = b
		}
	}
}

// UnmarshalText implements [encoding.TextUnmarshaler].
func (o *Op) UnmarshalText(b []byte) error {
	for op := Nothing; op <= Reset; op++ {
		if op.String() == string(b) {
			*o = op
			return nil
		}
	}
	return fmt.Errorf("unknown operation %q", clip(string(b)))
}
