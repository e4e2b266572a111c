package port

import (
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
	// Add makes a local record where neither policy nor store has one of that
	// very key.
	Add
	// Modify gives the port of an existing record another context: of a local
	// record, or of one of the policy's, which a local record then shadows.
	Modify
	// Delete removes a local record.
	Delete
)

// String returns nothing, add, modify or delete.
func (o Op) String() string {
	switch o {
	case Add:
		return "add"
	case Modify:
		return "modify"
	case Delete:
		return "delete"
	}
	return "nothing"
}

// MarshalText implements [encoding.TextMarshaler].
func (o Op) MarshalText() ([]byte, error) { return []byte(o.String()), nil }

// Change is one planned change of the local records.
type Change struct {
	Op  Op  `json:"op"`
	Key Key `json:"key"`
	// Before is the record of exactly this key that was in force: local, of
	// the policy, or none. Of a change that does nothing it is a record that
	// already says so, and may be wider.
	Before Entry `json:"before,omitzero"`
	// After is the local record that will be there; zero for Delete and Nothing.
	After Record `json:"after,omitzero"`
	// Shadows are the records that lose ports to an added or modified one and
	// have another type, in the kernel's order.
	Shadows []Entry `json:"shadows,omitempty"`
}

// String says the change in a few words, for people.
func (c Change) String() string {
	switch c.Op {
	case Add:
		return fmt.Sprintf("add port %s as %s", c.Key, c.After.Context.Type())
	case Modify:
		return fmt.Sprintf("modify port %s from %s to %s", c.Key, c.Before.Context.Type(), c.After.Context.Type())
	case Delete:
		return fmt.Sprintf("delete the local port record %s (%s)", c.Key, c.Before.Context.Type())
	}
	return fmt.Sprintf("port %s is %s already", c.Key, c.Before.Context.Type())
}

// Command returns the command that makes this change: semanage port -a -t TYPE
// -p tcp 5601. Its arguments are checked names, numbers and fixed words, so
// that they need no quoting. Of a change that does nothing it returns nil.
//
// The range (-r) is given where semanage would not come to it by itself.
func (c Change) Command() []string {
	args := []string{"semanage", "port"}
	switch c.Op {
	case Add:
		args = append(args, "-a")
	case Modify:
		args = append(args, "-m")
	case Delete:
		return append(args, "-d", "-p", c.Key.Protocol.String(), c.Key.Range())
	default:
		return nil
	}
	args = append(args, "-t", c.After.Context.Type())
	// Without -r, semanage gives a new record s0 and leaves a modified one its range.
	implied := defaultRange
	if c.Op == Modify {
		implied = c.Before.Context.Range()
	}
	if r := c.After.Context.Range(); r != "" && r != implied {
		args = append(args, "-r", r)
	}
	return append(args, "-p", c.Key.Protocol.String(), c.Key.Range())
}

// PolicyChange returns the change in a policy that this one comes to, for
// [policy.Policy.With] and [policy.Policy.Exposure]. There is none for a change
// that does nothing, nor for Delete: an overlay takes no record away.
func (c Change) PolicyChange() (policy.Change, bool) {
	if c.Op != Add && c.Op != Modify {
		return nil, false
	}
	return policy.PortContext{Protocol: c.Key.Protocol, Low: c.Key.Low, High: c.Key.High,
		Type: c.After.Context.Type()}, true
}

// Apply returns the local records with the changes made, in the order that
// libsemanage keeps: a modified record stays in its place, a new one comes
// last. It returns [ErrChanged] if the records are not those that a change was
// planned on (what it adds is there, what it modifies or deletes is not as it
// was). A [Backend] may use it; local is not changed.
func Apply(local []Record, changes ...Change) ([]Record, error) {
	out := slices.Clone(local)
	for _, c := range changes {
		if c.Op == Nothing {
			continue
		}
		i := slices.IndexFunc(out, func(r Record) bool { return r.Key == c.Key })
		wasLocal := c.Before.Origin == FromLocal
		if wasLocal != (i >= 0) || wasLocal && out[i] != c.Before.Record {
			return nil, opError("commit", c.Key.String(), ErrChanged)
		}
		switch {
		case c.Op == Delete && i >= 0:
			out = slices.Delete(out, i, i+1)
		case c.Op == Delete:
			return nil, opError("commit", c.Key.String(), fs.ErrNotExist)
		case c.After.Key != c.Key || !c.After.Context.IsValid():
			return nil, opError("commit", c.Key.String(), fs.ErrInvalid)
		case i >= 0:
			out[i] = c.After
		default:
			out = append(out, c.After)
		}
	}
	if with, overlap := firstOverlap(out); overlap {
		return nil, opError("commit", with.Key.String(), &OverlapError{Entry{with, FromLocal}})
	}
	return out, nil
}

// firstOverlap returns a record that another one overlaps.
func firstOverlap(records []Record) (Record, bool) {
	sorted := slices.SortedFunc(slices.Values(records), func(a, b Record) int { return a.compare(b.Key) })
	widest := make(map[Protocol]Record, 4) // that reaches furthest, so far
	for _, r := range sorted {
		w, ok := widest[r.Protocol]
		if ok && w.Overlaps(r.Key) {
			return w, true
		}
		if !ok || r.High > w.High {
			widest[r.Protocol] = r
		}
	}
	return Record{}, false
}
