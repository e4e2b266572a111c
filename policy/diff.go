package policy

import (
	"cmp"
	"fmt"
	"io"
	"iter"
	"maps"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Difference is what tells two policies apart, kind by kind: what sediff shows.
// It can be marshalled as JSON.
type Difference struct {
	// Sections are the kinds of components and rules that differ; those that
	// don't are left out.
	Sections []DifferenceSection `json:"sections"`
}

// DifferenceSection is what differs of one kind of component or rule.
type DifferenceSection struct {
	// Kind is what it is about, in the plural: types, booleans, allow rules.
	Kind string `json:"kind"`
	// Added and Removed are the statements that only the new policy has, and
	// those that only the old one has, sorted.
	Added   []string `json:"added,omitempty"`
	Removed []string `json:"removed,omitempty"`
	// Modified are those that both have, but not alike, sorted by name.
	Modified []Modification `json:"modified,omitempty"`
}

// Modification is what differs of one component or rule.
type Modification struct {
	Name string `json:"name"`
	// Added and Removed are what it has in the new policy only, and what in the
	// old one only: types of an attribute, permissions of a rule, the context
	// of a port, the state of a boolean.
	Added   []string `json:"added,omitempty"`
	Removed []string `json:"removed,omitempty"`
}

// Diff compares two policies by names. Rules are compared as the policies have
// them, attributes unexpanded: a rule for an attribute and the same rules for all
// its types are different rules. [AccessChanges] compares what they come to.
// Booleans are compared by their defaults; what With has laid over a policy
// counts as far as rules, ports and permissive types go.
func Diff(old, new *Policy) Difference {
	return diff(old, new, joinPolicies(old, new).otherRules())
}

// diff compares of the access vector tables only the given rules.
func diff(old, new *Policy, rest [2][][]uint32) Difference {
	d := Difference{Sections: []DifferenceSection{}} // none is [] in JSON
	before, after := diffKinds(old, rest[0]), diffKinds(new, rest[1])
	for i := range before {
		if s := diffSection(before[i], after[i]); len(s.Added)+len(s.Removed)+len(s.Modified) > 0 {
			d.Sections = append(d.Sections, s)
		}
	}
	return d
}

// IsEmpty reports whether the policies are alike.
func (d Difference) IsEmpty() bool { return len(d.Sections) == 0 }

// WriteText writes the difference for people: + before what was added, - before
// what was removed, * before what was modified. An item that holds what a terminal
// might heed is quoted as in Go.
func (d Difference) WriteText(w io.Writer) error {
	for i, s := range d.Sections {
		if i > 0 {
			if _, err := fmt.Fprintln(w); err != nil {
				return err
			}
		}
		_, err := fmt.Fprintf(w, "%s: %d added, %d removed, %d modified\n%s", s.Kind,
			len(s.Added), len(s.Removed), len(s.Modified), s.text())
		if err != nil {
			return err
		}
	}
	return nil
}

func (s *DifferenceSection) text() string {
	var b strings.Builder
	lines := func(indent, sign string, items []string) {
		for _, item := range items {
			// The statement of a class has lines of its own.
			b.WriteString(indent + sign + " " + strings.ReplaceAll(printable(item), "\n", "\n"+indent+"  ") + "\n")
		}
	}
	lines("  ", "+", s.Added)
	lines("  ", "-", s.Removed)
	for _, m := range s.Modified {
		lines("  ", "*", []string{m.Name})
		lines("      ", "+", m.Added)
		lines("      ", "-", m.Removed)
	}
	return b.String()
}

// printable returns text as it is, or quoted if some of it is not to be seen:
// names come from files that anyone may have made.
func printable(s string) string {
	hidden := func(r rune) bool { return !unicode.IsPrint(r) && r != '\n' && r != '\t' }
	if utf8.ValidString(s) && !strings.ContainsFunc(s, hidden) {
		return s
	}
	return strconv.Quote(s)
}

// diffKind is one kind of component or rule of a policy.
type diffKind struct {
	kind  string
	items iter.Seq[diffItem]
}

// diffItem is a component or rule: what makes it the same one in two policies,
// and what it has.
type diffItem struct {
	name      string
	statement func() string
	has       []string
}

func diffSection(old, new diffKind) DifferenceSection {
	s := DifferenceSection{Kind: old.kind}
	before, after := old.byName(), new.byName()
	for name, items := range after {
		was, ok := before[name]
		if !ok {
			for _, x := range items {
				s.Added = append(s.Added, x.statement())
			}
			continue
		}
		has, had := allParts(items), allParts(was)
		m := Modification{name, missing(has, had), missing(had, has)}
		if len(m.Added)+len(m.Removed) > 0 {
			s.Modified = append(s.Modified, m)
		}
	}
	for name, items := range before {
		if _, ok := after[name]; !ok {
			for _, x := range items {
				s.Removed = append(s.Removed, x.statement())
			}
		}
	}
	slices.Sort(s.Added)
	slices.Sort(s.Removed)
	slices.SortFunc(s.Modified, func(a, b Modification) int { return cmp.Compare(a.Name, b.Name) })
	return s
}

// byName returns the items by their names; few have the same, such as rules with
// extended permissions of several drivers.
func (k diffKind) byName() map[string][]diffItem {
	items := make(map[string][]diffItem)
	for x := range k.items {
		items[x.name] = append(items[x.name], x)
	}
	return items
}

func allParts(items []diffItem) []string {
	if len(items) == 1 {
		return items[0].has
	}
	var parts []string
	for _, x := range items {
		parts = append(parts, x.has...)
	}
	return parts
}

// missing returns the strings of a that b hasn't got, sorted.
func missing(a, b []string) []string {
	if slices.Equal(a, b) {
		return nil
	}
	in := make(map[string]bool, len(b))
	for _, s := range b {
		in[s] = true
	}
	out := make(map[string]bool)
	for _, s := range a {
		if !in[s] {
			out[s] = true
		}
	}
	return slices.Sorted(maps.Keys(out))
}

// itemsOf makes items of components that have a statement.
func itemsOf[T interface{ Statement() string }](list iter.Seq[T], name func(T) string, has func(T) []string) iter.Seq[diffItem] {
	return func(yield func(diffItem) bool) {
		for c := range list {
			item := diffItem{name: name(c), statement: c.Statement}
			if has != nil {
				item.has = has(c)
			}
			if !yield(item) {
				return
			}
		}
	}
}

// namesOf returns the names of components, each behind a word that says what
// they are to the one that has them.
func namesOf[T fmt.Stringer](word string, list iter.Seq[T]) []string {
	var out []string
	for c := range list {
		out = append(out, word+c.String())
	}
	return out
}

// prefixed puts a word before each of some names.
func prefixed(word string, names []string) []string {
	out := make([]string, len(names))
	for i, n := range names {
		out[i] = word + n
	}
	return out
}
