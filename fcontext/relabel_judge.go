package fcontext

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"github.com/sekit/sekit/policy"
)

// tally is what one worker has found.
type tally struct {
	counts  RelabelCounts
	changes []Change
	skipped []Skip
	errors  []*fs.PathError
	linked  []verdict // of files with several names: of these one has to decide

	metered Progress // what the meter has been told
}

func (t *tally) fail(op, path string, err error) {
	t.failBelow(op, path, err)
	t.counts.Failed++
}

// failBelow notes that what is below a directory could not be looked at.
func (t *tally) failBelow(op, path string, err error) {
	t.errors = append(t.errors, &fs.PathError{Op: op, Path: path, Err: err})
}

// verdict is what is to become of a file. Its outcome is one of the counts.
type verdict struct {
	outcome outcome
	change  Change         // for outcomeChange; otherwise path, kind, from, why and ID alone
	want    policy.Context // what the spec says
	op      string         // for outcomeFailed, with err
	err     error
}

type outcome uint8

const (
	outcomeMatching outcome = iota
	outcomeChange
	outcomeCustomized
	outcomeFailed
)

// judge looks a file up and notes what is to become of it. The order of the
// questions is that of libselinux's restorecon_sb.
func (r *relabeler) judge(t *tally, d *walkDir, name, p string, st FileStat) {
	m, ok := r.db.Lookup(p, st.Kind)
	switch {
	case !ok:
		t.counts.NoSpec++
		return
	case m.None:
		t.counts.None++
		return
	}
	several := st.Kind != Dir && st.Links > 1
	has, err := d.handle.Context(name)
	if errors.Is(err, fs.ErrNotExist) {
		t.counts.Vanished++
		return
	}
	if err == nil && has == m.Context.String() && !several {
		t.counts.Matching++
		return
	}
	v := verdict{want: m.Context, op: "getxattr", err: err}
	v.change = Change{Path: p, Kind: st.Kind, Why: m.Spec, ID: st.ID, Links: st.Links}
	if err != nil {
		v.outcome = outcomeFailed
	} else {
		r.decide(&v, has)
	}
	switch {
	case !several:
		t.take(v)
	case r.opts.Links == LinksAll || r.opts.Links == LinksGuarded && !d.shared:
		t.linked = append(t.linked, v)
	case v.outcome == outcomeChange:
		t.counts.Links++
		t.skip(v, SkipLinks, "")
	default:
		t.take(v)
	}
}

// decide says what a file that has a context is to have.
func (r *relabeler) decide(v *verdict, has string) {
	if has == v.want.String() {
		v.outcome = outcomeMatching
		return
	}
	to := v.want
	if has != "" {
		from, err := policy.ParseContext(has)
		v.change.From = from
		switch {
		case err != nil && r.opts.Reset == ResetAll:
			v.change.Malformed = has
		case err != nil:
			v.outcome, v.op, v.err = outcomeFailed, "relabel", err
			return
		case r.customizable[from.Type()]:
			v.outcome = outcomeCustomized
			return
		default:
			to = reset(from, v.want, r.opts.Reset)
		}
		if to == from {
			v.outcome = outcomeMatching
			return
		}
	}
	if !to.IsValid() { // longer than a context may be
		v.outcome, v.op, v.err = outcomeFailed, "relabel", policy.ErrInvalidContext
		return
	}
	if err := r.check(to); err != nil {
		v.outcome, v.op, v.err = outcomeFailed, "relabel", err
		return
	}
	v.outcome, v.change.To = outcomeChange, to
}

// reset is libselinux's compare_portions.
func reset(from, want policy.Context, how Reset) policy.Context {
	switch how {
	case ResetAll:
		return want
	case ResetUserRole:
		return from.WithUser(want.User()).WithRole(want.Role()).WithType(want.Type())
	}
	if from.Type() == want.Type() {
		return from
	}
	return from.WithType(want.Type())
}

// take notes a verdict.
func (t *tally) take(v verdict) {
	switch v.outcome {
	case outcomeMatching:
		t.counts.Matching++
	case outcomeChange:
		t.counts.Changes++
		t.changes = append(t.changes, v.change)
	case outcomeCustomized:
		t.counts.Customized++
		t.skip(v, SkipCustomized, "")
	case outcomeFailed:
		t.fail(v.op, v.change.Path, v.err)
	}
}

func (t *tally) skip(v verdict, reason SkipReason, other string) {
	t.skipped = append(t.skipped, Skip{
		Path: v.change.Path, Kind: v.change.Kind, Reason: reason,
		From: v.change.From, To: v.want, Why: v.change.Why, Other: other,
	})
}

// settle lets the first of the names of each file decide, as setfiles does (its
// filespec_add, which remembers the first context that matched an inode).
func (t *tally) settle() {
	slices.SortFunc(t.linked, func(a, b verdict) int { return comparePaths(a.change.Path, b.change.Path) })
	first := make(map[FileID]verdict)
	for _, v := range t.linked {
		f, ok := first[v.change.ID]
		switch {
		case !ok:
			first[v.change.ID] = v
			t.take(v)
		case f.want == v.want:
			// What becomes of the first name becomes of this one.
			t.counts.Matching++
		default:
			t.counts.Conflicts++
			t.skip(v, SkipConflict, f.change.Path)
		}
	}
	t.linked = nil
}

// merge makes the plan of what the workers have found.
func merge(tallies []tally) *RelabelPlan {
	all := tally{
		changes: gather(tallies, func(t *tally) []Change { return t.changes }),
		skipped: gather(tallies, func(t *tally) []Skip { return t.skipped }),
		errors:  gather(tallies, func(t *tally) []*fs.PathError { return t.errors }),
		linked:  gather(tallies, func(t *tally) []verdict { return t.linked }),
	}
	for _, t := range tallies {
		all.counts.add(t.counts)
	}
	all.settle()
	slices.SortFunc(all.changes, func(a, b Change) int { return comparePaths(a.Path, b.Path) })
	slices.SortFunc(all.skipped, func(a, b Skip) int { return comparePaths(a.Path, b.Path) })
	slices.SortStableFunc(all.errors, func(a, b *fs.PathError) int { return comparePaths(a.Path, b.Path) })
	all.counts.Files = all.counts.sum()
	return &RelabelPlan{Changes: all.changes, Skipped: all.skipped, Errors: all.errors, Counts: all.counts}
}

// gather joins what workers have.
func gather[W, T any](workers []W, of func(*W) []T) []T {
	lists := make([][]T, len(workers))
	for i := range workers {
		lists[i] = of(&workers[i])
	}
	return slices.Concat(lists...)
}

func (c *RelabelCounts) add(o RelabelCounts) {
	c.Matching += o.Matching
	c.Changes += o.Changes
	c.None += o.None
	c.NoSpec += o.NoSpec
	c.Customized += o.Customized
	c.Links += o.Links
	c.Conflicts += o.Conflicts
	c.Excluded += o.Excluded
	c.OtherSystem += o.OtherSystem
	c.Vanished += o.Vanished
	c.Failed += o.Failed
}

func (c RelabelCounts) sum() int {
	return c.Matching + c.Changes + c.None + c.NoSpec + c.Customized + c.Links + c.Conflicts +
		c.Excluded + c.OtherSystem + c.Vanished + c.Failed
}

// String gives the counts that are not zero.
func (c RelabelCounts) String() string {
	s := fmt.Sprintf("%d files", c.Files)
	for _, n := range []struct {
		count int
		what  string
	}{
		{c.Changes, "to change"}, {c.Matching, "matching"}, {c.None, "<<none>>"}, {c.NoSpec, "without a spec"},
		{c.Customized, "customized"}, {c.Links, "with multiple links"}, {c.Conflicts, "in conflict"},
		{c.Excluded, "excluded"}, {c.OtherSystem, "on other file systems"}, {c.Vanished, "vanished"}, {c.Failed, "failed"},
	} {
		if n.count > 0 {
			s += fmt.Sprintf(", %d %s", n.count, n.what)
		}
	}
	return s
}
