package fcontext

import (
	"fmt"
	"io"
	"iter"
	"slices"
	"strings"

	"github.com/sekit/sekit/policy"
)

// Difference is what tells two databases apart, spec by spec. It can be
// marshalled as JSON.
type Difference struct {
	// Added and Removed are the specs that only the new database has, and
	// those that only the old one has, in their database's order.
	Added   []Spec `json:"added,omitempty"`
	Removed []Spec `json:"removed,omitempty"`
	// Changed are those that both have, with another context.
	Changed []SpecChange `json:"changed,omitempty"`
	// AddedSubstitutions and RemovedSubstitutions are the equivalences that
	// only one of them has.
	AddedSubstitutions   []Substitution `json:"added_substitutions,omitempty"`
	RemovedSubstitutions []Substitution `json:"removed_substitutions,omitempty"`
}

// SpecChange is a spec whose context changed.
type SpecChange struct {
	Old Spec `json:"old"`
	New Spec `json:"new"`
}

// Diff compares the specs of two databases. A spec is the same in both if its
// pattern and kind are, whatever file and line it comes from. The order of specs
// isn't compared, although lookups depend on it: [DiffLookups] tells what
// becomes of paths.
func Diff(old, new *DB) Difference {
	var d Difference
	removed := old.without(new)
	added := new.without(old)
	// What is left of specs with one pattern and kind belongs together, the
	// first to the first.
	type key struct {
		pattern string
		kind    Kind
	}
	were := make(map[key][]int)
	for i, s := range removed {
		k := key{s.Pattern, s.Kind}
		were[k] = append(were[k], i)
	}
	changed := make([]bool, len(removed))
	for _, s := range added {
		k := key{s.Pattern, s.Kind}
		if len(were[k]) == 0 {
			d.Added = append(d.Added, s)
			continue
		}
		i := were[k][0]
		were[k] = were[k][1:]
		changed[i] = true
		d.Changed = append(d.Changed, SpecChange{Old: removed[i], New: s})
	}
	for i, s := range removed {
		if !changed[i] {
			d.Removed = append(d.Removed, s)
		}
	}
	before, after := slices.Collect(old.Substitutions()), slices.Collect(new.Substitutions())
	d.AddedSubstitutions = slices.DeleteFunc(slices.Clone(after), func(s Substitution) bool { return slices.Contains(before, s) })
	d.RemovedSubstitutions = slices.DeleteFunc(before, func(s Substitution) bool { return slices.Contains(after, s) })
	return d
}

// without returns the specs that other doesn't have with the same context.
func (db *DB) without(other *DB) []Spec {
	type line struct {
		pattern string
		kind    Kind
		context policy.Context
	}
	have := make(map[line]int, len(other.specs))
	for i := range other.specs {
		r := &other.specs[i]
		have[line{r.pattern, r.kind, other.contexts[r.context]}]++
	}
	var specs []Spec
	for i := range db.specs {
		r := &db.specs[i]
		k := line{r.pattern, r.kind, db.contexts[r.context]}
		if have[k] > 0 {
			have[k]--
			continue
		}
		specs = append(specs, db.spec(int32(i)))
	}
	return specs
}

// IsEmpty reports whether the databases have the same specs and equivalences.
func (d Difference) IsEmpty() bool {
	return len(d.Added)+len(d.Removed)+len(d.Changed)+len(d.AddedSubstitutions)+len(d.RemovedSubstitutions) == 0
}

// WriteText writes the difference for people: + before what was added, - before
// what was removed, * before what has another context.
func (d Difference) WriteText(w io.Writer) error {
	var b strings.Builder
	for _, s := range d.Added {
		fmt.Fprintf(&b, "+ %v\n", s)
	}
	for _, s := range d.Removed {
		fmt.Fprintf(&b, "- %v\n", s)
	}
	for _, c := range d.Changed {
		fmt.Fprintf(&b, "* %v -> %s\n", c.Old, c.New.contextText())
	}
	for _, s := range d.AddedSubstitutions {
		fmt.Fprintf(&b, "+ %v\n", s)
	}
	for _, s := range d.RemovedSubstitutions {
		fmt.Fprintf(&b, "- %v\n", s)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// LookupDifference is a path that has another context in another database.
type LookupDifference struct {
	Path string `json:"path"`
	Kind Kind   `json:"kind"`
	// Old and New are what [DB.Lookup] returns in each; nil if no spec matches
	// there.
	Old *Match `json:"old"`
	New *Match `json:"new"`
}

// DiffLookups looks paths up in two databases and returns those for which they
// give different contexts, as they come. That no spec matches and that one says
// <<none>> comes to the same: the path keeps what it has.
func DiffLookups(old, new *DB, paths iter.Seq2[string, Kind]) iter.Seq[LookupDifference] {
	return func(yield func(LookupDifference) bool) {
		for path, kind := range paths {
			was, okOld := old.Lookup(path, kind)
			is, okNew := new.Lookup(path, kind)
			if was.Context == is.Context {
				continue
			}
			d := LookupDifference{Path: path, Kind: kind}
			if okOld {
				d.Old = &was
			}
			if okNew {
				d.New = &is
			}
			if !yield(d) {
				return
			}
		}
	}
}

// String returns the path, quoted, with its kind, and both contexts.
func (d LookupDifference) String() string {
	context := func(m *Match) string {
		if m == nil {
			return "no spec"
		}
		return m.Spec.contextText()
	}
	return fmt.Sprintf("%q (%v): %s -> %s", d.Path, d.Kind, context(d.Old), context(d.New))
}
