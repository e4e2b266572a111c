package fcontext

import (
	"fmt"
	"path"
	"slices"
	"strings"
	"unicode"
)

// PlanEquivalence returns the changes that make an equivalence so, and changes
// nothing: none if there is one already, and two, Delete and Add, if its target
// has another source. An equivalence comes before the policy's for the same
// target.
//
// The error wraps [ErrNoPath] if target or source is not an absolute, clean
// path, has white space, or if both are the same; and is a [*ConflictError] if
// the target lies below that of another equivalence or above one, local or the
// policy's, as for semanage, or if there is a local record with the target as
// its pattern: semanage could not tell the two apart.
func (t *LocalTable) PlanEquivalence(e Equivalence) ([]LocalChange, error) {
	for _, p := range []string{e.Target, e.Source} {
		if err := checkEquivalencePath(p); err != nil {
			return nil, equivalenceError("set", e.Target, err)
		}
	}
	if e.Target == e.Source {
		return nil, equivalenceError("set", e.Target, fmt.Errorf("%w: it is its own source", ErrNoPath))
	}
	before, exists := t.localEquivalence(e.Target)
	if exists && before == e {
		return nil, nil
	}
	if err := t.checkTarget(e); err != nil {
		return nil, equivalenceError("set", e.Target, err)
	}
	add := LocalChange{Op: Add, Equivalence: e, Hides: t.hiddenBelow(e.Target)}
	if exists {
		return []LocalChange{{Op: Delete, Equivalence: before}, add}, nil
	}
	return []LocalChange{add}, nil
}

// PlanDeleteEquivalence returns the change that removes the local equivalence
// of a target, and changes nothing. The error is an [*OwnerError]
// (fs.ErrPermission) if it is the policy's, a [*MissingError] (fs.ErrNotExist)
// if there is none.
func (t *LocalTable) PlanDeleteEquivalence(target string) (LocalChange, error) {
	if e, ok := t.localEquivalence(target); ok {
		return LocalChange{Op: Delete, Equivalence: e}, nil
	}
	for _, e := range t.base.dist {
		if e.Target == target {
			return LocalChange{}, equivalenceError("delete", target, &OwnerError{Equivalence: e})
		}
	}
	return LocalChange{}, equivalenceError("delete", target, &MissingError{})
}

func (t *LocalTable) localEquivalence(target string) (Equivalence, bool) {
	for _, e := range t.local.Equivalences {
		if e.Target == target {
			return e, true
		}
	}
	return Equivalence{}, false
}

// checkEquivalencePath refuses what no line of file_contexts.subs can hold, for
// libselinux or for Python's split, which goes by Unicode's white space, and
// what no path that is looked up begins with.
func checkEquivalencePath(p string) error {
	bad := func(r rune) bool { return r < ' ' || r == 0x7f || r == unicode.ReplacementChar || unicode.IsSpace(r) }
	switch {
	case len(p) > maxPattern:
		return ErrTooLong
	case !path.IsAbs(p):
		return fmt.Errorf("%w: %s is not absolute", ErrNoPath, printable(p))
	case path.Clean(p) != p:
		return fmt.Errorf("%w: %s is not clean", ErrNoPath, printable(p))
	case strings.ContainsFunc(p, bad):
		return fmt.Errorf("%w: %s has white space or control characters", ErrNoPath, printable(p))
	}
	return nil
}

// checkTarget refuses targets that stand in another equivalence's way.
func (t *LocalTable) checkTarget(e Equivalence) error {
	for other, origin := range t.equivalences() {
		if rest, ok := strings.CutPrefix(e.Target, other.Target+"/"); ok {
			return &ConflictError{Equivalence: other, Origin: origin, Instead: path.Join(other.Source, rest)}
		}
		if strings.HasPrefix(other.Target, e.Target+"/") {
			return &ConflictError{Equivalence: other, Origin: origin}
		}
	}
	for _, r := range t.local.Records {
		if r.Pattern == e.Target {
			return &ConflictError{Record: r}
		}
	}
	return nil
}

// equivalences returns the local equivalences, then the policy's, those first
// that libselinux tries first.
func (t *LocalTable) equivalences() func(yield func(Equivalence, Origin) bool) {
	return func(yield func(Equivalence, Origin) bool) {
		for _, e := range slices.Backward(t.local.Equivalences) {
			if !yield(e, FromLocal) {
				return
			}
		}
		for _, e := range slices.Backward(t.base.dist) {
			if !yield(e, FromPolicy) {
				return
			}
		}
	}
}

// hiddenBelow returns the records whose paths are all at or below the target.
func (t *LocalTable) hiddenBelow(target string) []LocalEntry {
	var out []LocalEntry
	for _, e := range t.List() {
		if under(e.Pattern, target) {
			out = append(out, e)
		}
	}
	return out
}

// checkEquivalences refuses a pattern for paths that are looked up elsewhere.
func (t *LocalTable) checkEquivalences(pattern string) error {
	for e, origin := range t.equivalences() {
		if !under(pattern, e.Target) {
			continue
		}
		instead := moved(pattern, e)
		if origin == FromLocal { // of the policy's, one is tried on the outcome
			for _, next := range slices.Backward(t.base.dist) {
				if under(instead, next.Target) {
					instead = moved(instead, next)
					break
				}
			}
		}
		return &ConflictError{Equivalence: e, Origin: origin, Instead: instead}
	}
	return nil
}

// treeSuffix is how patterns for a directory and all below it end.
const treeSuffix = "(/.*)?"

// under reports whether all paths that a pattern matches are at or below the
// target of an equivalence. It goes by the pattern as text, like semanage, and
// by the literal text that it begins with; some are not found out.
func under(pattern, target string) bool {
	stem := Spec{Pattern: pattern}.Stem()
	if strings.HasPrefix(pattern, target+"/") || strings.HasPrefix(stem, target+"/") {
		return true
	}
	dir := strings.TrimSuffix(pattern, treeSuffix)
	return isLiteral(dir) && unescape(dir) == target
}

// moved returns a pattern under an equivalence's target as one for its source;
// empty if the target is not there as it is.
func moved(pattern string, e Equivalence) string {
	rest, ok := strings.CutPrefix(pattern, e.Target)
	source, err := QuotePath(e.Source)
	if !ok || err != nil {
		return ""
	}
	switch {
	case e.Source == "/" && rest == treeSuffix:
		return "/.*"
	case e.Source == "/" && rest != "":
		return rest
	}
	return source + rest
}

// isLiteral reports whether a pattern matches one path alone.
func isLiteral(pattern string) bool {
	info, err := checkPattern(pattern)
	return err == nil && !info.alt && info.prefix == len(pattern)
}

// checkLocalPattern refuses what can't be a line of file_contexts.local, or
// would match nothing.
func checkLocalPattern(k LocalKey) error {
	switch {
	case k.Kind >= numKinds:
		return ErrKind
	case k.Pattern == "":
		return fmt.Errorf("%w: empty", ErrSyntax)
	case strings.ContainsFunc(k.Pattern, func(r rune) bool { return r < 0x80 && isBlank(byte(r)) }):
		return fmt.Errorf("%w: white space", ErrSyntax)
	case k.Pattern[0] == '#':
		return fmt.Errorf("%w: would be a comment", ErrSyntax)
	case k.Pattern[0] == '-':
		return fmt.Errorf("%w: begins with -", ErrNoPath) // semanage would take it for an option
	}
	if _, err := splitLine(LocalRecord{LocalKey: k, None: true}.Spec().String()); err != nil {
		return err
	}
	if _, err := checkPattern(k.Pattern); err != nil {
		return err
	}
	stem := Spec{Pattern: k.Pattern}.Stem()
	dir := strings.TrimSuffix(k.Pattern, treeSuffix)
	switch {
	case stem != "" && stem[0] != '/':
		return fmt.Errorf("%w: not absolute", ErrNoPath)
	case strings.Contains(stem, "//"):
		return fmt.Errorf("%w: two slashes in a row", ErrNoPath)
	case isLiteral(dir) && k.Pattern != "/" && strings.HasSuffix(dir, "/"):
		return fmt.Errorf("%w: ends in a slash", ErrNoPath)
	}
	return nil
}
