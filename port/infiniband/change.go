package infiniband

import (
	"fmt"
	"io/fs"
	"slices"

	"github.com/sekit/sekit/port"
)

// Change is one planned change of the local records.
type Change struct {
	Op  port.Op `json:"op"`
	Key Key     `json:"key"`
	// Before is the record of exactly this key that was in force: local, of the
	// policy, or none.
	Before Entry `json:"before,omitzero"`
	// After is the local record that will be there; zero for Delete and Nothing.
	After Record `json:"after,omitzero"`
}

// what the keys of a record are, for people.
func (k Key) what() string {
	if k.OfPkeys() {
		return "ibpkey"
	}
	return "ibendport"
}

// String says the change in a few words, for people.
func (c Change) String() string {
	what := c.Key.what() + " " + c.Key.String()
	switch c.Op {
	case port.Add:
		return fmt.Sprintf("add %s as %s", what, c.After.Context.Type())
	case port.Modify:
		return fmt.Sprintf("modify %s from %s to %s", what, c.Before.Context.Type(), c.After.Context.Type())
	case port.Delete:
		return fmt.Sprintf("delete the local record %s (%s)", what, c.Before.Context.Type())
	}
	return fmt.Sprintf("%s is %s already", what, c.Before.Context.Type())
}

// Command returns the command that makes this change: semanage ibpkey -a -t
// TYPE -r s0 -x fe80:: 32769. Its arguments need no quoting. Of a change that
// does nothing it returns nil.
func (c Change) Command() []string {
	args := []string{"semanage", c.Key.what()}
	switch c.Op {
	case port.Add:
		args = append(args, "-a")
	case port.Modify:
		args = append(args, "-m")
	case port.Delete:
		args = append(args, "-d")
	default:
		return nil
	}
	if c.Op != port.Delete {
		args = append(args, "-t", c.After.Context.Type())
		if r := c.After.Context.Range(); r != "" {
			args = append(args, "-r", r)
		}
	}
	if c.Key.OfPkeys() {
		return append(args, "-x", c.Key.Subnet.String(), c.Key.Range())
	}
	return append(args, "-z", c.Key.Device, c.Key.Range())
}

// Apply returns the local records with the changes made, in the order that
// libsemanage keeps: a modified record stays in its place, a new one comes last.
// It returns [port.ErrChanged] if the records are not those that a change was
// planned on. local is not changed.
func Apply(local []Record, changes ...Change) ([]Record, error) {
	out := slices.Clone(local)
	for _, c := range changes {
		if c.Op == port.Nothing {
			continue
		}
		i := slices.IndexFunc(out, func(r Record) bool { return r.Key == c.Key })
		wasLocal := c.Before.Origin == port.FromLocal
		if wasLocal != (i >= 0) || wasLocal && out[i] != c.Before.Record {
			return nil, opError("commit", c.Key, port.ErrChanged)
		}
		switch {
		case c.Op == port.Delete && i >= 0:
			out = slices.Delete(out, i, i+1)
		case c.Op == port.Delete:
			return nil, opError("commit", c.Key, fs.ErrNotExist)
		case c.After.Key != c.Key || c.Key.check() != nil || !c.After.Context.IsValid():
			return nil, opError("commit", c.Key, fs.ErrInvalid)
		case i >= 0:
			out[i] = c.After
		default:
			if with, ok := overlaps(out, c.Key); ok {
				return nil, opError("commit", c.Key, &OverlapError{with})
			}
			out = append(out, c.After)
		}
	}
	return out, nil
}

// overlaps returns a record of another key that has something in common with one.
func overlaps(records []Record, k Key) (Record, bool) {
	i := slices.IndexFunc(records, func(r Record) bool { return r.Key != k && r.Overlaps(k) })
	if i < 0 {
		return Record{}, false
	}
	return records[i], true
}

// OverlapError says that a local record would overlap another one, which the
// store refuses (semanage_ibpkey_validate_local). It is [fs.ErrExist].
type OverlapError struct{ With Record }

func (e *OverlapError) Error() string {
	return fmt.Sprintf("overlaps the local record %s (%s)", e.With.Key, e.With.Context.Type())
}

// Is reports whether target is [fs.ErrExist].
func (e *OverlapError) Is(target error) bool { return target == fs.ErrExist }

func opError(op string, k Key, err error) error {
	e := &port.Error{Op: op, Object: "ibpkey and ibendport", Err: err}
	if k != (Key{}) {
		e.Object, e.Key = k.what(), k.String()
	}
	return e
}
