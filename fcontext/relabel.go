package fcontext

import (
	"context"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/sekit/sekit/policy"
)

// Reset says how much of a context relabelling resets. The zero Reset is
// ResetType.
type Reset uint8

const (
	// ResetType changes the type and keeps user, role and range, with the
	// categories that tell containers and virtual machines apart: restorecon
	// without options. A file without a context gets a whole one.
	ResetType Reset = iota
	// ResetUserRole changes user, role and type and keeps the range:
	// restorecon -U.
	ResetUserRole
	// ResetAll makes the context what the spec says, range and categories
	// included, and of customizable types and malformed contexts too:
	// restorecon -F.
	ResetAll
)

// Links says what happens to files, other than directories, that have several
// names (hard links). The zero Links is LinksGuarded.
//
// Whoever may write to a directory may have put another name of somebody else's
// file there; relabelling it by that name opens the file, or shuts it.
type Links uint8

const (
	// LinksGuarded skips a file with several names if its directory, or one
	// above it up to the root, belongs to a user other than 0 or is writable for
	// its group or others (a POSIX ACL that lets somebody write shows as that).
	LinksGuarded Links = iota
	// LinksAll relabels it by whatever name: restorecon and setfiles.
	LinksAll
	// LinksNone skips every file with several names: restorecon -j.
	LinksNone
)

// RelabelOptions says what to relabel. The zero RelabelOptions looks at the
// paths themselves and not below them, and resets types only.
type RelabelOptions struct {
	// Recursive goes down into directories (restorecon -R; setfiles always does).
	Recursive bool
	// Reset is how much of a context is reset.
	Reset Reset
	// Links is what happens to files with several names.
	Links Links
	// OneFileSystem leaves alone what is on another file system than the path
	// it was reached from, mount points included (restorecon -x; setfiles).
	OneFileSystem bool
	// Exclude are absolute paths that are left alone with everything below
	// them (-e). restorecon -R excludes directories only, this files too.
	Exclude []string
	// Customizable are the types that are kept unless Reset is ResetAll: the
	// policy's contexts/customizable_types, see [ReadCustomizable].
	Customizable []string
	// Policy, if it is set, has to know a context before it is written; a file
	// for which it does not is an error. A kernel with SELinux checks that
	// itself, one without writes anything.
	Policy *policy.Policy
	// Workers is how many directories are read at a time; 0 is one for each
	// processor that Go uses.
	Workers int
	// Progress, if it is set, is called now and then, from one goroutine at a
	// time, and once at the end. It must not block for long.
	Progress func(Progress)
}

// Progress is how far relabelling has come.
type Progress struct {
	Files   int64 // files looked at, or changes tried
	Changes int64 // changes found, or made
	Errors  int64 // files that failed
	// Total is how many files or changes there will be: exact for
	// [RelabelPlan.Apply]; for a plan from the root an estimate of the backend's
	// (see [Estimator]) that Files may come to exceed; 0 if it is not known.
	Total int64
}

// Change is one file's context to be changed.
type Change struct {
	Path string
	Kind Kind
	From policy.Context // what it has; not valid if it has none, or a malformed one
	To   policy.Context // what it is to have
	Why  Spec           // the spec that decided

	// Malformed is what the file has if that is not a context.
	Malformed string
	// ID and Links are what the file was when it was planned for: another file
	// in its place, or one that has got more names since, is not changed.
	ID    FileID
	Links uint64
}

// String returns the change in setfiles' words.
func (c Change) String() string {
	from := c.current()
	if from == "" {
		from = "<no context>"
	}
	return fmt.Sprintf("%s from %s to %s", c.Path, from, c.To)
}

func (c Change) current() string {
	if c.From.IsValid() {
		return c.From.String()
	}
	return c.Malformed
}

// SkipReason is why a file is kept as it is although its context is not what
// the specs say.
type SkipReason uint8

const (
	// SkipCustomized: its type is a customizable one.
	SkipCustomized SkipReason = iota + 1
	// SkipLinks: it has several names ([Links]).
	SkipLinks
	// SkipConflict: it has another name, earlier in the order of paths, for
	// which the specs say something else. setfiles, too, lets the first name
	// decide, but takes names as directories list them.
	SkipConflict
)

// String says the reason in a few words.
func (r SkipReason) String() string {
	switch r {
	case SkipCustomized:
		return "customized"
	case SkipLinks:
		return "multiple links"
	case SkipConflict:
		return "conflicting specifications"
	}
	return fmt.Sprintf("SkipReason(%d)", uint8(r))
}

// Skip is a file that is kept as it is.
type Skip struct {
	Path   string
	Kind   Kind
	Reason SkipReason
	// From is what it has, not valid if it has none or a malformed one, and To
	// what the spec Why says.
	From, To policy.Context
	Why      Spec
	// Other is, for SkipConflict, the name that decided.
	Other string
}

// RelabelCounts says what became of the files that were met. Every file counts
// as one of the others, which add up to Files.
type RelabelCounts struct {
	Files       int // all of the following
	Matching    int // have what they are to have, by the part that is reset
	Changes     int
	None        int // the spec says <<none>>
	NoSpec      int // no spec matches
	Customized  int // SkipCustomized
	Links       int // SkipLinks
	Conflicts   int // SkipConflict
	Excluded    int // left alone as RelabelOptions.Exclude says; what is below is not counted
	OtherSystem int // left alone as RelabelOptions.OneFileSystem says, likewise
	Vanished    int // listed, and gone when it was their turn
	Failed      int // among the errors
}

// RelabelPlan is what relabelling would change. It is data: take out of
// Changes what is not to be, and apply the rest.
type RelabelPlan struct {
	// Changes are in the order of paths, a directory before what is in it.
	Changes []Change
	// Skipped are files that are kept although the specs say something else,
	// in the order of paths.
	Skipped []Skip
	// Errors are the files that could not be looked at, in the order of paths.
	// A directory that cannot be read may still be among Changes.
	Errors []*fs.PathError
	Counts RelabelCounts
}

// PlanRelabel finds the files among paths, and below them if opts say so, whose
// contexts are not what db says, by the rules of restorecon(8) and setfiles(8)
// (selinux_restorecon(3), restorecon_sb in libselinux's selinux_restorecon.c).
// Nothing is written.
//
// The paths are absolute, in the tree: for an image's root, paths as they are
// when it is the root. They may end in a symbolic link, which then is what is
// relabelled, but must not go through one: [Tree.Resolve] resolves those of a
// path that a user has typed. Paths that overlap are fine.
//
// A file that cannot be looked at is an error in the plan and stops nothing.
// PlanRelabel itself fails if ctx is done, if a path or an exclusion is not
// absolute or holds a NUL byte or ".." (fs.ErrInvalid), and if the tree's root
// cannot be opened.
func PlanRelabel(ctx context.Context, tree Backend, db *DB, paths []string, opts RelabelOptions) (*RelabelPlan, error) {
	r, err := newRelabeler(ctx, tree, db, paths, opts)
	if err != nil {
		return nil, err
	}
	defer r.root.Close()
	return r.plan()
}

// Relabel is [PlanRelabel] and [RelabelPlan.Apply] in one: restorecon. The
// errors of both are among the result's.
func Relabel(ctx context.Context, tree Backend, db *DB, paths []string, opts RelabelOptions) (*RelabelResult, error) {
	p, err := PlanRelabel(ctx, tree, db, paths, opts)
	if err != nil {
		return nil, err
	}
	res, err := p.Apply(ctx, tree, ApplyOptions{Workers: opts.Workers, Progress: opts.Progress})
	if err != nil {
		return nil, err
	}
	res.Errors = append(slices.Clone(p.Errors), res.Errors...)
	slices.SortStableFunc(res.Errors, func(a, b *fs.PathError) int { return comparePaths(a.Path, b.Path) })
	return res, nil
}

// cleanPath checks a path of the tree and takes superfluous slashes and dots
// out.
func cleanPath(p string) (string, error) {
	if !strings.HasPrefix(p, "/") || strings.ContainsRune(p, 0) || slices.Contains(strings.Split(p, "/"), "..") {
		return "", &fs.PathError{Op: "relabel", Path: p, Err: fs.ErrInvalid}
	}
	return path.Clean(p), nil
}

// comparePaths orders paths by their elements: a directory, what is below it,
// what comes after it.
func comparePaths(a, b string) int {
	for i := 0; i < len(a) && i < len(b); i++ {
		switch {
		case a[i] == b[i]:
		case a[i] == '/':
			return -1
		case b[i] == '/':
			return 1
		case a[i] < b[i]:
			return -1
		default:
			return 1
		}
	}
	return len(a) - len(b)
}

// joinPath is path.Join without the cleaning: elem is a name from a directory.
func joinPath(dir, elem string) string {
	if dir == "/" {
		return dir + elem
	}
	return dir + "/" + elem
}

// below reports whether p is dir or below it.
func below(p, dir string) bool {
	return dir == "/" || strings.HasPrefix(p, dir) && (len(p) == len(dir) || p[len(dir)] == '/')
}
