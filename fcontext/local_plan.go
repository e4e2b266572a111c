package fcontext

import (
	"fmt"
	"io/fs"
	"iter"
	"slices"
	"strings"

	"github.com/sekit/sekit/policy"
)

// What semanage gives a file context by itself.
const (
	defaultUser  = "system_u"
	defaultRange = "s0"
	defaultRole  = "object_r"
)

// LocalSetting says what shall be so: the files of a kind whose paths match a
// pattern have a type.
type LocalSetting struct {
	Pattern string `json:"pattern"`
	Kind    Kind   `json:"kind"`
	// Type is a file or device type of the policy, or an alias of one. It is
	// empty if None.
	Type string `json:"type,omitempty"`
	// None says that the files keep what they have (<<none>>).
	None bool `json:"none,omitempty"`
	// User is the SELinux user, and Range the MLS range. Empty keeps that of
	// the record that is modified, and is system_u and s0 for a new one.
	User  string `json:"user,omitempty"`
	Range string `json:"range,omitempty"`
}

func (s LocalSetting) key() LocalKey { return LocalKey{s.Pattern, s.Kind} }

// PlanSet returns the change that makes a setting so, and changes nothing:
//
//   - Nothing if it is so: a local record of exactly this pattern and kind says
//     it; or one of the policy's does, and local records of other patterns leave
//     it some paths; or the pattern is a single path that gets the context
//     already, by whatever record;
//   - Modify if there is a record of exactly this key, local or the policy's;
//   - Add otherwise.
//
// What a setting does not say (user, range) is not looked at. A record is not
// all: more specific ones may be for some of its paths, of the policy before the
// change, and after it later local ones; [LocalTable.DB] of the outcome tells,
// and [LocalTable.WhatIf].
//
// The error says what can't be: a pattern that is no regular expression or that
// this package doesn't decide (as [ParseSpec] has it), one that matches no path
// ([ErrNoPath]) or is for paths that an equivalence takes elsewhere
// ([*ConflictError]); unless the order is [Order34], a local record of the same
// pattern, one for a kind and one for all, which setfiles has refused since 3.8
// (a ConflictError, too); a type that the policy doesn't have or that is for no
// file ([ErrNotFileType]), a context that the policy doesn't take. semanage
// checks less: it takes patterns that never match, such as a directory with a
// slash at its end, or /bin(/.*)? where /bin is looked up as /usr/bin.
func (t *LocalTable) PlanSet(s LocalSetting) (LocalChange, error) {
	c, err := t.planSet(s)
	if err != nil {
		return LocalChange{}, recordError("set", s.key(), err)
	}
	return c, nil
}

func (t *LocalTable) planSet(s LocalSetting) (LocalChange, error) {
	key := s.key()
	if err := checkLocalPattern(key); err != nil {
		return LocalChange{}, err
	}
	if err := t.checkEquivalences(s.Pattern); err != nil {
		return LocalChange{}, err
	}
	if !s.None || s.Type != "" {
		typ, err := t.fileType(s.Type)
		if err != nil {
			return LocalChange{}, err
		}
		s.Type = typ
	}
	if r, ok := t.otherKind(key); ok {
		return LocalChange{}, &ConflictError{Record: r}
	}
	before, _ := t.Find(key)
	after, err := t.record(s, before)
	if err != nil {
		return LocalChange{}, err
	}
	if e, ok := t.alreadySo(s, before); ok {
		return LocalChange{Op: Nothing, Key: key, Before: e}, nil
	}
	return setRecord(before, after), nil
}

// setRecord returns the change that makes a record; before is what there is of
// its key.
func setRecord(before LocalEntry, after LocalRecord) LocalChange {
	c := LocalChange{Op: Add, Key: after.LocalKey, Before: before, After: after}
	// For semanage, records of the home directories are not there.
	if before.Origin == FromLocal || before.Origin == FromPolicy {
		c.Op = Modify
	}
	return c
}

// alreadySo returns the record by which a setting is so. before is the record
// of its key, if there is one.
func (t *LocalTable) alreadySo(s LocalSetting, before LocalEntry) (LocalEntry, bool) {
	switch {
	case before.IsValid() && t.says(before.LocalRecord, s) && (before.Origin == FromLocal || !t.overruled(before)):
		return before, true
	case before.Origin == FromLocal || !isLiteral(s.Pattern):
		return LocalEntry{}, false
	}
	db, err := t.DB()
	if err != nil {
		return LocalEntry{}, false // what isn't known to be so is to be made so
	}
	var decides LocalEntry
	for k := range kindsOf(s.Kind) {
		m, ok := db.Lookup(unescape(s.Pattern), k)
		if !ok || !t.says(m.Spec.record(), s) {
			return LocalEntry{}, false
		}
		if !decides.IsValid() {
			decides, _ = t.Find(m.Spec.record().LocalKey)
		}
	}
	return decides, decides.IsValid()
}

// says reports whether a record says what a setting does.
func (t *LocalTable) says(r LocalRecord, s LocalSetting) bool {
	if r.None || s.None {
		return r.None && s.None
	}
	want := r.Context.WithType(s.Type)
	if s.User != "" {
		want = want.WithUser(s.User)
	}
	if s.Range != "" {
		want = want.WithRange(s.Range)
	}
	return t.canonical(r.Context) == t.canonical(want)
}

// otherKind returns a local record with the same pattern whose kind overlaps. In
// one file, setfiles refuses that since release 3.8, and with it semanage.
func (t *LocalTable) otherKind(key LocalKey) (LocalRecord, bool) {
	if t.base.db.order == Order34 {
		return LocalRecord{}, false
	}
	for _, r := range t.local.Records {
		if r.Pattern == key.Pattern && r.Kind != key.Kind && r.Kind.fits(key.Kind) {
			return r, true
		}
	}
	return LocalRecord{}, false
}

// overruled reports whether a record of the policy no longer decides anything,
// as far as examples of its paths show, and a local record may be why: one that
// begins with the same text, or is for more.
func (t *LocalTable) overruled(e LocalEntry) bool {
	stem := e.Spec().Stem()
	if !slices.ContainsFunc(t.local.Records, func(r LocalRecord) bool {
		return r.Kind.fits(e.Kind) && strings.HasPrefix(stem, r.Spec().Stem())
	}) {
		return false
	}
	db, err := t.DB()
	if err != nil {
		return true
	}
	for s := range db.Specs() {
		if s.record() != e.LocalRecord {
			continue
		}
		for k := range kindsOf(s.Kind) {
			if _, ok := db.Example(s, k); ok {
				return false
			}
		}
	}
	return true
}

// kindsOf returns the kinds of files that a spec for a kind is for.
func kindsOf(k Kind) iter.Seq[Kind] {
	first, last := k, k
	if k == Any {
		first, last = File, numKinds-1
	}
	return func(yield func(Kind) bool) {
		for k := first; k <= last; k++ {
			if !yield(k) {
				return
			}
		}
	}
}

// canonical returns a context as the policy writes it: s0:c1.c3 for
// s0:c1,c2,c3. One that the policy does not take is returned as it is.
func (t *LocalTable) canonical(c policy.Context) policy.Context {
	sid, err := t.base.p.SID(c)
	if err != nil {
		return c
	}
	return sid.Context()
}

// record makes the local record of a setting: that which is modified with
// another type, or a new one (seobject.py, fcontextRecords.__add and __modify).
func (t *LocalTable) record(s LocalSetting, before LocalEntry) (LocalRecord, error) {
	if s.None {
		if s.Type != "" || s.User != "" || s.Range != "" {
			return LocalRecord{}, fmt.Errorf("%w: %s has no context", fs.ErrInvalid, noneContext)
		}
		return LocalRecord{LocalKey: s.key(), None: true}, nil
	}
	c := before.Context
	if !c.IsValid() || before.Origin == FromHomedirs {
		text := defaultUser + ":" + defaultRole + ":" + s.Type
		if t.base.p.MLS() {
			text += ":" + defaultRange
		}
		var err error
		if c, err = policy.ParseContext(text); err != nil {
			return LocalRecord{}, err
		}
	}
	c = c.WithType(s.Type)
	if s.User != "" {
		if !policy.ValidName(s.User) {
			return LocalRecord{}, fmt.Errorf("%w: user %q", fs.ErrInvalid, cutText(s.User))
		}
		c = c.WithUser(s.User)
	}
	if s.Range != "" {
		if !t.base.p.MLS() {
			return LocalRecord{}, fmt.Errorf("%w: the policy has no ranges", fs.ErrInvalid)
		}
		c = c.WithRange(s.Range)
	}
	if err := t.base.p.CheckContext(c); err != nil {
		return LocalRecord{}, err
	}
	return LocalRecord{LocalKey: s.key(), Context: t.canonical(c)}, nil
}

// fileType checks that a type may be a file's and returns its name.
func (t *LocalTable) fileType(name string) (string, error) {
	if !policy.ValidName(name) {
		return "", fmt.Errorf("%w: type %q", fs.ErrInvalid, cutText(name))
	}
	typ, err := t.base.p.Type(name)
	if err != nil {
		return "", err
	}
	if !t.isFileType(typ) {
		return "", fmt.Errorf("%s: %w", typ.Name(), ErrNotFileType)
	}
	return typ.Name(), nil
}

// PlanDelete returns the change that removes the local record of a key, and
// changes nothing. The error is an [*OwnerError] (fs.ErrPermission) if the
// policy has the record, a [*MissingError] (fs.ErrNotExist) if none has.
//
// It is a [*ConflictError] if there is a local equivalence with the pattern as
// its target, too: semanage fcontext -d would delete that instead.
func (t *LocalTable) PlanDelete(key LocalKey) (LocalChange, error) {
	e, ok := t.Find(key)
	if !ok {
		missing := &MissingError{}
		for _, r := range t.local.Records {
			if r.Pattern == key.Pattern {
				missing.OtherKinds = append(missing.OtherKinds, r)
			}
		}
		return LocalChange{}, recordError("delete", key, missing)
	}
	if e.Origin != FromLocal {
		return LocalChange{}, recordError("delete", key, &OwnerError{Owner: e})
	}
	if eq, ok := t.localEquivalence(key.Pattern); ok {
		return LocalChange{}, recordError("delete", key, &ConflictError{Equivalence: eq, Origin: FromLocal})
	}
	return LocalChange{Op: Delete, Key: key, Before: e}, nil
}
