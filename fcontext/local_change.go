package fcontext

import (
	"fmt"
	"io/fs"
	"slices"
	"strings"
)

// Op is what a change of the local records does.
type Op uint8

const (
	// Nothing is for what is already so: there is nothing to commit.
	Nothing Op = iota
	// Add makes a local record where neither policy nor store has one of that
	// very key; or an equivalence.
	Add
	// Modify gives the pattern and kind of an existing record another context:
	// of a local record, or of one of the policy's, which a local record then
	// comes before.
	Modify
	// Delete removes a local record, or a local equivalence.
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

// LocalChange is one planned change of the local records: of a record, or of an
// equivalence if Equivalence is set.
type LocalChange struct {
	Op  Op       `json:"op"`
	Key LocalKey `json:"key,omitzero"`
	// Before is the record of exactly this key that was in force: local, of
	// the policy, or none. Of a change that does nothing it is a record that
	// already says so, and may be wider.
	Before LocalEntry `json:"before,omitzero"`
	// After is the local record that will be there; zero for Delete and Nothing.
	After LocalRecord `json:"after,omitzero"`
	// Equivalence is what is added or deleted. Equivalences are never modified
	// but deleted and added, because the releases of semanage up to 3.6 can't.
	Equivalence Equivalence `json:"equivalence,omitzero"`
	// Hides are the records, of the policy and local, that no path will come to
	// once an equivalence is added: those for its target's tree alone.
	Hides []LocalEntry `json:"hides,omitempty"`
}

// OfEquivalence reports whether the change is one of an equivalence.
func (c LocalChange) OfEquivalence() bool { return c.Equivalence != (Equivalence{}) }

// String says the change in a few words, for people.
func (c LocalChange) String() string {
	switch {
	case c.OfEquivalence() && c.Op == Add:
		return fmt.Sprintf("add equivalence %s", c.Equivalence)
	case c.OfEquivalence() && c.Op == Delete:
		return fmt.Sprintf("delete the local equivalence %s", c.Equivalence)
	case c.OfEquivalence():
		return fmt.Sprintf("%s already", c.Equivalence)
	case c.Op == Add:
		return fmt.Sprintf("add fcontext %s as %s", c.Key, c.After.Type())
	case c.Op == Modify:
		return fmt.Sprintf("modify fcontext %s from %s to %s", c.Key, c.Before.Type(), c.After.Type())
	case c.Op == Delete:
		return fmt.Sprintf("delete the local fcontext %s (%s)", c.Key, c.Before.Type())
	}
	return fmt.Sprintf("fcontext %s is %s already", c.Key, c.Before.Type())
}

// Command returns the command that makes this change: semanage fcontext -a -t
// TYPE PATTERN. Of a change that does nothing it returns nil. Patterns have
// what is special to a shell: quote the arguments where one reads them.
//
// User and range (-s, -r) are given where semanage would not come to them by
// itself, in any of its releases.
func (c LocalChange) Command() []string {
	args := []string{"semanage", "fcontext"}
	switch {
	case c.Op == Nothing:
		return nil
	case c.OfEquivalence() && c.Op == Delete:
		return append(args, "-d", "-e", c.Equivalence.Source, c.Equivalence.Target)
	case c.OfEquivalence():
		return append(args, "-a", "-e", c.Equivalence.Source, c.Equivalence.Target)
	case c.Op == Add:
		args = append(args, "-a")
	case c.Op == Modify:
		args = append(args, "-m")
	default:
		args = append(args, "-d")
	}
	if c.Key.Kind != Any {
		args = append(args, "-f", semanageKind(c.Key.Kind))
	}
	if c.Op != Delete {
		args = append(append(args, "-t", c.After.Type()), c.userAndRange()...)
	}
	if strings.HasPrefix(c.Key.Pattern, "-") {
		args = append(args, "--")
	}
	return append(args, c.Key.Pattern)
}

// userAndRange returns -s and -r for a record to be added or modified. Without
// these, semanage gives a new record, and one that was <<none>>, its defaults,
// and leaves a modified one what it has. Of a local record that is modified,
// that may also be what the policy's record has, since release 3.7.
func (c LocalChange) userAndRange() (args []string) {
	if c.After.None {
		return nil
	}
	user, rng := defaultUser, defaultRange
	sure := c.Op == Add || c.Before.Origin != FromLocal
	if c.Op == Modify && !c.Before.None {
		user, rng = c.Before.Context.User(), c.Before.Context.Range()
	}
	after := c.After.Context
	if !sure || after.User() != user {
		args = append(args, "-s", after.User())
	}
	if r := after.Range(); r != "" && (!sure || r != rng) {
		args = append(args, "-r", r)
	}
	return args
}

// semanageKind is a file kind as semanage fcontext -f takes it.
func semanageKind(k Kind) string {
	switch k {
	case Any:
		return "a"
	case File:
		return "f"
	}
	return k.Flag()[1:]
}

// ApplyLocal returns the local records with the changes made, in the order that
// libsemanage keeps: a modified record stays in its place, a new one comes
// last. It returns [ErrStoreChanged] if the records are not those that a change was
// planned on (what it adds is there, what it modifies or deletes is not as it
// was). A [LocalBackend] may use it; local is not changed.
//
// Of several records with one key, which only a hand-written file has, the last
// one counts, as for libsemanage; Delete removes all of them, for else an
// earlier one would be in force again.
func ApplyLocal(local LocalRecords, changes ...LocalChange) (LocalRecords, error) {
	out := LocalRecords{slices.Clone(local.Records), slices.Clone(local.Equivalences)}
	for _, c := range changes {
		var err error
		switch {
		case c.Op == Nothing:
		case c.OfEquivalence():
			err = out.applyEquivalence(c)
		default:
			err = out.applyRecord(c)
		}
		if err != nil {
			return LocalRecords{}, err
		}
	}
	return out, nil
}

func (l *LocalRecords) applyRecord(c LocalChange) error {
	i := lastRecord(l.Records, c.Key)
	wasLocal := c.Before.Origin == FromLocal
	if wasLocal != (i >= 0) || wasLocal && l.Records[i] != c.Before.LocalRecord {
		return recordError("commit", c.Key, ErrStoreChanged)
	}
	switch {
	case c.Op == Delete && i >= 0:
		l.Records = slices.DeleteFunc(l.Records, func(r LocalRecord) bool { return r.LocalKey == c.Key })
	case c.Op == Delete:
		return recordError("commit", c.Key, fs.ErrNotExist)
	case c.After.LocalKey != c.Key || c.After.None == c.After.Context.IsValid():
		return recordError("commit", c.Key, fs.ErrInvalid)
	case i >= 0:
		l.Records[i] = c.After
	default:
		l.Records = append(l.Records, c.After)
	}
	return nil
}

func (l *LocalRecords) applyEquivalence(c LocalChange) error {
	target := c.Equivalence.Target
	i := slices.IndexFunc(l.Equivalences, func(e Equivalence) bool { return e.Target == target })
	switch {
	case c.Op != Add && c.Op != Delete:
		return equivalenceError("commit", target, fs.ErrInvalid)
	case (c.Op == Delete) != (i >= 0) || i >= 0 && l.Equivalences[i] != c.Equivalence:
		return equivalenceError("commit", target, ErrStoreChanged)
	case c.Op == Delete:
		l.Equivalences = slices.Delete(l.Equivalences, i, i+1)
	default:
		l.Equivalences = append(l.Equivalences, c.Equivalence)
	}
	return nil
}

// lastRecord returns the index of the record with the key, or -1.
func lastRecord(records []LocalRecord, key LocalKey) int {
	for i := len(records) - 1; i >= 0; i-- {
		if records[i].LocalKey == key {
			return i
		}
	}
	return -1
}
