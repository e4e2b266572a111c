package port

import (
	"fmt"
	"io/fs"
)

// PlanUndo returns the change that takes back one that was made: the local
// record of its key will be what it was before. It does nothing if that is so
// already, because the change was not made or is undone. If the record is
// neither what it was nor what the change made of it, somebody else has changed
// it since, and the error is [ErrChanged].
func (t *Table) PlanUndo(done Change) (Change, error) {
	now, exists := t.find(done.Key)
	var before, after, is Record
	if done.Op == Nothing {
		return Change{Op: Nothing, Key: done.Key, Before: now}, nil
	}
	if done.Before.Origin == FromLocal {
		before = done.Before.Record
	}
	if done.Op != Delete {
		after = done.After
	}
	if now.Origin == FromLocal {
		is = now.Record
	}
	switch {
	case t.same(is, before):
		return Change{Op: Nothing, Key: done.Key, Before: now}, nil
	case !t.same(is, after):
		return Change{}, opError("undo", done.Key.String(), ErrChanged)
	case before == Record{}:
		return Change{Op: Delete, Key: done.Key, Before: now}, nil
	}
	if before.Key != done.Key {
		return Change{}, opError("undo", done.Key.String(), fmt.Errorf("the former record is of %s: %w", before.Key, fs.ErrInvalid))
	}
	if err := t.p.CheckContext(before.Context); err != nil {
		return Change{}, opError("undo", done.Key.String(), err)
	}
	c := Change{Op: Add, Key: done.Key, After: before}
	if exists {
		c.Op, c.Before = Modify, now
	}
	for _, e := range t.entries {
		if e.Overlaps(c.Key) && e.Context.Type() != before.Context.Type() {
			c.Shadows = append(c.Shadows, e)
		}
	}
	return c, nil
}

// same reports whether two records are the same one, or both none. A range may
// be written in another way.
func (t *Table) same(a, b Record) bool {
	if a == b {
		return true
	}
	return a.Key == b.Key && a.Context.IsValid() && b.Context.IsValid() &&
		canonicalContext(t.p, a.Context) == canonicalContext(t.p, b.Context)
}

// UnmarshalText implements [encoding.TextUnmarshaler].
func (o *Op) UnmarshalText(b []byte) error {
	for op := Nothing; op <= Delete; op++ {
		if op.String() == string(b) {
			*o = op
			return nil
		}
	}
	return fmt.Errorf("unknown operation %q", clip(string(b)))
}

// UnmarshalText implements [encoding.TextUnmarshaler].
func (o *Origin) UnmarshalText(b []byte) error {
	for origin := Origin(0); origin <= FromInitialSID; origin++ {
		if origin.String() == string(b) {
			*o = origin
			return nil
		}
	}
	return fmt.Errorf("unknown origin %q", clip(string(b)))
}
