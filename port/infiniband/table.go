package infiniband

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"github.com/sekit/sekit/policy"
	"github.com/sekit/sekit/port"
)

// Table is what policy and local records say together. It is immutable.
type Table struct {
	p     *policy.Policy
	base  []Entry // of the policy, in its order
	local []Record
}

// NewTable lays local records over a policy. In the policy of a running system
// they are already: it lists what is equal once, as a local record.
func NewTable(p *policy.Policy, local []Record) *Table {
	t := &Table{p: p, local: slices.Clone(local)}
	add := func(k Key, c policy.Context) {
		r := Record{k, c}
		if !slices.Contains(t.local, r) {
			t.base = append(t.base, Entry{r, port.FromPolicy})
		}
	}
	for c := range p.IBPkeycons() {
		add(Pkeys(c.SubnetPrefix, c.Low, c.High), c.Context)
	}
	for c := range p.IBEndportcons() {
		add(Endport(c.Device, c.Port), c.Context)
	}
	return t
}

// Local returns the local records in the order of the store.
func (t *Table) Local() []Record { return slices.Clone(t.local) }

// Entries returns all records, sorted: partition keys by subnet, then end ports
// by device. A local record comes before the policy's of the same key.
func (t *Table) Entries() []Entry {
	var out []Entry
	for _, r := range t.local {
		out = append(out, Entry{r, port.FromLocal})
	}
	out = append(out, t.base...)
	slices.SortStableFunc(out, func(a, b Entry) int { return a.Key.compare(b.Key) })
	return out
}

// Find returns the record in force of exactly a key: the local one, or else the
// policy's.
func (t *Table) Find(k Key) (Entry, bool) {
	for _, r := range t.local {
		if r.Key == k {
			return Entry{r, port.FromLocal}, true
		}
	}
	for _, e := range t.base {
		if e.Key == k {
			return e, true
		}
	}
	return Entry{}, false
}

// Setting says what shall be so: partition keys or an end port have the type.
type Setting struct {
	Key
	// Type is a type of the policy with the attribute ibpkey_type or
	// ibendport_type, or an alias of one.
	Type string `json:"type"`
	// Range is the MLS range; empty keeps that of the record that is modified,
	// and is s0 for a new one.
	Range string `json:"range,omitempty"`
}

// ErrNotType is what errors wrap about types that partition keys, or end ports,
// may not have.
var ErrNotType = errors.New("the policy has no such type for it")

// PlanSet returns the change that makes a setting so, and changes nothing:
// Nothing if the record in force of the key says so already, Modify if there is
// one, local or the policy's, and Add otherwise. The error says what can't be:
// an invalid key, type or range, or a local record that overlaps
// ([*OverlapError]).
func (t *Table) PlanSet(s Setting) (Change, error) {
	c, err := t.planSet(s)
	if err != nil {
		return Change{}, opError("set", s.Key, err)
	}
	return c, nil
}

func (t *Table) planSet(s Setting) (Change, error) {
	if err := s.check(); err != nil {
		return Change{}, err
	}
	typ, err := t.checkType(s)
	if err != nil {
		return Change{}, err
	}
	if with, ok := overlaps(t.local, s.Key); ok {
		return Change{}, &OverlapError{with}
	}
	before, exists := t.Find(s.Key)
	context, rng := before.Context, s.Range
	if !exists {
		context = policy.MustParseContext("system_u:object_r:unlabeled_t")
		if t.p.MLS() && rng == "" {
			rng = "s0"
		}
	}
	if context = context.WithType(typ); rng != "" {
		if !t.p.MLS() {
			return Change{}, fmt.Errorf("the policy has no ranges: %w", fs.ErrInvalid)
		}
		context = context.WithRange(rng)
	}
	sid, err := t.p.SID(context)
	if err != nil {
		return Change{}, err
	}
	after := Record{s.Key, sid.Context()} // as the policy writes it
	switch {
	case !exists:
		return Change{Op: port.Add, Key: s.Key, After: after}, nil
	case before.Record == after:
		return Change{Op: port.Nothing, Key: s.Key, Before: before}, nil
	}
	return Change{Op: port.Modify, Key: s.Key, Before: before, After: after}, nil
}

func (t *Table) checkType(s Setting) (string, error) {
	if !policy.ValidName(s.Type) {
		return "", fmt.Errorf("type %.64q: %w", s.Type, fs.ErrInvalid)
	}
	typ, err := t.p.Type(s.Type)
	if err != nil {
		return "", err
	}
	for a := range typ.Attributes() {
		if a.Name() == s.what()+"_type" {
			return typ.Name(), nil
		}
	}
	return "", fmt.Errorf("%s has not the attribute %s_type: %w", typ.Name(), s.what(), ErrNotType)
}

// PlanDelete returns the change that removes the local record of a key, and
// changes nothing. The error is [fs.ErrPermission] if the policy has the record,
// and [fs.ErrNotExist] if none has.
func (t *Table) PlanDelete(k Key) (Change, error) {
	if err := k.check(); err != nil {
		return Change{}, opError("delete", k, err)
	}
	e, ok := t.Find(k)
	switch {
	case !ok:
		return Change{}, opError("delete", k, fs.ErrNotExist)
	case e.Origin != port.FromLocal:
		return Change{}, opError("delete", k, fmt.Errorf("the policy gives it to %s; only local records can be deleted: %w", e.Context.Type(), fs.ErrPermission))
	}
	return Change{Op: port.Delete, Key: k, Before: e}, nil
}

// PlanUndo returns the change that takes back one that was made, and one that
// does nothing if it was not made or is undone. If the record is neither what it
// was nor what the change made of it, the error is [port.ErrChanged].
func (t *Table) PlanUndo(done Change) (Change, error) {
	now, exists := t.Find(done.Key)
	var before, is Record
	if done.Before.Origin == port.FromLocal {
		before = done.Before.Record
	}
	if now.Origin == port.FromLocal {
		is = now.Record
	}
	switch {
	case done.Op == port.Nothing || is == before:
		return Change{Op: port.Nothing, Key: done.Key, Before: now}, nil
	case is != done.After:
		return Change{}, opError("undo", done.Key, port.ErrChanged)
	case before == Record{}:
		return Change{Op: port.Delete, Key: done.Key, Before: now}, nil
	case before.Key != done.Key:
		return Change{}, opError("undo", done.Key, fmt.Errorf("the former record is of %s: %w", before.Key, fs.ErrInvalid))
	}
	if err := t.p.CheckContext(before.Context); err != nil {
		return Change{}, opError("undo", done.Key, err)
	}
	c := Change{Op: port.Add, Key: done.Key, Before: now, After: before}
	if exists {
		c.Op = port.Modify
	}
	return c, nil
}

// With returns the table with changes made to its local records. The error is
// that of [Apply].
func (t *Table) With(changes ...Change) (*Table, error) {
	local, err := Apply(t.local, changes...)
	if err != nil {
		return nil, err
	}
	return &Table{p: t.p, base: t.base, local: local}, nil
}
