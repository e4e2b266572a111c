package fcontext

import (
	"fmt"
	"io/fs"
)

// PlanUndo returns the change that takes back one that was made: the local
// record of its key will be what it was before, and an equivalence be there or
// not. It does nothing if that is so already, because the change was not made
// or is undone. If the record is neither what it was nor what the change made
// of it, somebody else has changed it since, and the error is
// [ErrStoreChanged].
//
// A record or an equivalence that was deleted comes back as the last one.
func (t *LocalTable) PlanUndo(done LocalChange) (LocalChange, error) {
	if done.OfEquivalence() {
		c, err := t.undoEquivalence(done)
		if err != nil {
			return LocalChange{}, equivalenceError("undo", done.Equivalence.Target, err)
		}
		return c, nil
	}
	c, err := t.undoRecord(done)
	if err != nil {
		return LocalChange{}, recordError("undo", done.Key, err)
	}
	return c, nil
}

func (t *LocalTable) undoRecord(done LocalChange) (LocalChange, error) {
	now, _ := t.Find(done.Key)
	nothing := LocalChange{Op: Nothing, Key: done.Key, Before: now}
	if done.Op == Nothing {
		return nothing, nil
	}
	var before, is LocalRecord
	if done.Before.Origin == FromLocal {
		before = done.Before.LocalRecord
	}
	if now.Origin == FromLocal {
		is = now.LocalRecord
	}
	none := LocalRecord{}
	switch {
	case t.same(is, before):
		return nothing, nil
	case !t.same(is, done.After): // zero if it was deleted
		return LocalChange{}, ErrStoreChanged
	case before == none:
		return LocalChange{Op: Delete, Key: done.Key, Before: now}, nil
	case before.LocalKey != done.Key || before.None == before.Context.IsValid():
		return LocalChange{}, fmt.Errorf("%w: what it was before", fs.ErrInvalid)
	}
	if err := checkLocalPattern(done.Key); err != nil {
		return LocalChange{}, err
	}
	if !before.None {
		if err := t.base.p.CheckContext(before.Context); err != nil {
			return LocalChange{}, err
		}
	}
	return setRecord(now, before), nil
}

// same reports whether two records are the same one, or both none. A range may
// be written in another way.
func (t *LocalTable) same(a, b LocalRecord) bool {
	if a == b {
		return true
	}
	return a.LocalKey == b.LocalKey && a.Context.IsValid() && b.Context.IsValid() &&
		t.canonical(a.Context) == t.canonical(b.Context)
}

func (t *LocalTable) undoEquivalence(done LocalChange) (LocalChange, error) {
	now, exists := t.localEquivalence(done.Equivalence.Target)
	switch {
	case exists && now != done.Equivalence:
		return LocalChange{}, ErrStoreChanged
	case done.Op == Add && exists:
		return LocalChange{Op: Delete, Equivalence: now}, nil
	case done.Op == Delete && !exists:
		for _, p := range []string{done.Equivalence.Target, done.Equivalence.Source} {
			if err := checkEquivalencePath(p); err != nil {
				return LocalChange{}, err
			}
		}
		return LocalChange{Op: Add, Equivalence: done.Equivalence, Hides: t.hiddenBelow(done.Equivalence.Target)}, nil
	}
	return LocalChange{Op: Nothing, Equivalence: done.Equivalence}, nil
}

// UnmarshalText implements [encoding.TextUnmarshaler].
func (o *Op) UnmarshalText(b []byte) error {
	for op := Nothing; op <= Delete; op++ {
		if op.String() == string(b) {
			*o = op
			return nil
		}
	}
	return fmt.Errorf("unknown operation %q", cutText(string(b)))
}

// UnmarshalText implements [encoding.TextUnmarshaler].
func (o *Origin) UnmarshalText(b []byte) error {
	for origin := Origin(0); origin <= FromLocal; origin++ {
		if origin.String() == string(b) {
			*o = origin
			return nil
		}
	}
	return fmt.Errorf("unknown origin %q", cutText(string(b)))
}
