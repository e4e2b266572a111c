package boolean

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"github.com/sekit/sekit/policy"
)

// Op is what a change does.
type Op uint8

const (
	// Nothing is for what is already so: there is nothing to commit.
	Nothing Op = iota
	// Set gives the running kernel's boolean a value (setsebool).
	Set
	// Persist gives it the value and keeps it in a local record (setsebool -P).
	Persist
	// Reset removes the local record, and gives the kernel's boolean the
	// policy's own value.
	Reset
)

// String returns nothing, set, persist or reset.
func (o Op) String() string {
	switch o {
	case Set:
		return "set"
	case Persist:
		return "persist"
	case Reset:
		return "reset"
	}
	return "nothing"
}

// MarshalText implements [encoding.TextMarshaler].
func (o Op) MarshalText() ([]byte, error) { return []byte(o.String()), nil }

// Change is one planned change of a boolean.
type Change struct {
	Op     Op      `json:"op"`
	Name   string  `json:"name"`
	On     bool    `json:"on"`     // the value that it will have
	Before Boolean `json:"before"` // as it was
}

// String says the change in a few words, for people.
func (c Change) String() string {
	switch c.Op {
	case Set:
		return fmt.Sprintf("set boolean %s %s until the next boot", c.Name, onOff(c.On))
	case Persist:
		return fmt.Sprintf("set boolean %s %s to stay", c.Name, onOff(c.On))
	case Reset:
		return fmt.Sprintf("delete the local record of boolean %s (%s)", c.Name, onOff(c.Before.Default))
	}
	return fmt.Sprintf("boolean %s is %s already", c.Name, onOff(c.On))
}

// Command returns the command that makes this change: setsebool -P NAME on.
// Its arguments are a checked name and fixed words, so that they need no
// quoting. Of a change that does nothing it returns nil, and of [Reset] too:
// semanage can only delete the records of all booleans (semanage boolean -D).
func (c Change) Command() []string {
	switch c.Op {
	case Set:
		return []string{"setsebool", c.Name, onOff(c.On)}
	case Persist:
		return []string{"setsebool", "-P", c.Name, onOff(c.On)}
	}
	return nil
}

// PolicyChange returns the change in a policy that this one comes to, for
// [policy.Policy.With] and [policy.Policy.Exposure]; there is none for a change
// that does nothing.
func (c Change) PolicyChange() (policy.Change, bool) {
	if c.Op == Nothing {
		return nil, false
	}
	return policy.SetBoolean{Name: c.Name, On: c.On}, true
}

// PlanSet returns the change that gives a boolean a value for now, and changes
// nothing: nothing to do if it is current and pending already. Without a
// running kernel the error is [errors.ErrUnsupported]: it would be lost.
func (t *Table) PlanSet(name string, on bool) (Change, error) {
	b, err := t.known("set", name)
	if err != nil {
		return Change{}, err
	}
	if !t.active {
		return Change{}, opError("set", name, fmt.Errorf("no running kernel, it would be lost: %w", errors.ErrUnsupported))
	}
	c := Change{Op: Set, Name: b.Name, On: on, Before: b}
	if b.Current == on && b.Pending == on {
		c.Op = Nothing
	}
	return c, nil
}

// PlanPersist returns the change that gives a boolean a value to stay, and
// changes nothing: nothing to do if it is current, pending and default already,
// by a local record or by the policy's own value.
func (t *Table) PlanPersist(name string, on bool) (Change, error) {
	b, err := t.known("set", name)
	if err != nil {
		return Change{}, err
	}
	c := Change{Op: Persist, Name: b.Name, On: on, Before: b}
	if b.Current == on && b.Pending == on && b.Default == on {
		c.Op = Nothing
	}
	return c, nil
}

// PlanReset returns the change that removes a boolean's local record, so that
// the policy's own value holds again. The error is [fs.ErrNotExist] if the
// policy lacks the boolean, [fs.ErrPermission] if there is no local record: the
// policy's own can't be deleted.
func (t *Table) PlanReset(name string) (Change, error) {
	b, err := t.known("reset", name)
	if err != nil {
		return Change{}, err
	}
	if !b.Local {
		return Change{}, opError("reset", name,
			fmt.Errorf("it has no local record, and the policy's own can't be deleted: %w", fs.ErrPermission))
	}
	own, err := t.p.Boolean(b.Name)
	if err != nil {
		return Change{}, opError("reset", name, err)
	}
	return Change{Op: Reset, Name: b.Name, On: own.Default(), Before: b}, nil
}

func (t *Table) known(op, name string) (Boolean, error) {
	if !policy.ValidName(name) {
		return Boolean{}, opError(op, name, fmt.Errorf("not a name: %w", fs.ErrInvalid))
	}
	b, err := t.Lookup(name)
	if err != nil {
		return Boolean{}, opError(op, name, errNoBoolean)
	}
	return b, nil
}

// Apply returns the local records with the changes made, in the order that
// libsemanage keeps: a record that is there gets its value in its place, a new
// one comes last. It returns [ErrChanged] if a boolean's record is not as it was
// when a change was planned. A [Backend] may use it; local is not changed.
func Apply(local []Record, changes ...Change) ([]Record, error) {
	out := slices.Clone(local)
	for _, c := range changes {
		if c.Op != Persist && c.Op != Reset {
			continue
		}
		i := slices.IndexFunc(out, func(r Record) bool { return r.Name == c.Name })
		if c.Before.Local != (i >= 0) || i >= 0 && out[i].On != c.Before.Default {
			return nil, opError("commit", c.Name, ErrChanged)
		}
		switch {
		case c.Op == Reset && i >= 0:
			out = slices.Delete(out, i, i+1)
		case c.Op == Reset:
			return nil, opError("commit", c.Name, fs.ErrNotExist)
		case i >= 0:
			out[i].On = c.On
		default:
			out = append(out, Record{c.Name, c.On})
		}
	}
	return out, nil
}
