package fcontext

import (
	"context"
	"fmt"
	"io/fs"
	"runtime"
	"slices"
	"strings"
	"sync"
)

// ApplyOptions says how to apply a plan. The zero ApplyOptions works.
type ApplyOptions struct {
	// Workers is how many directories are worked on at a time; 0 is one for
	// each processor that Go uses.
	Workers int
	// Progress is as in [RelabelOptions].
	Progress func(Progress)
}

// RelabelResult is what became of a plan's changes.
type RelabelResult struct {
	// Changed are those made, in the order of paths.
	Changed []Change
	// Errors are those that failed, in the order of paths. ErrChanged is the
	// reason for a file that is not what it was when it was planned for,
	// fs.ErrNotExist for one that is gone. What a read-only file system keeps
	// from being changed is here, too; restorecon passes over it.
	Errors []*fs.PathError
}

// InterruptedError is what [RelabelPlan.Apply] returns when its ctx is done
// before its work is: Result is what had become of the plan by then, the rest
// is unchanged.
type InterruptedError struct {
	Result RelabelResult
	Err    error // the reason, ctx's
}

// Error says how far it went.
func (e *InterruptedError) Error() string {
	return fmt.Sprintf("relabelling stopped after %d changes: %v", len(e.Result.Changed), e.Err)
}

// Unwrap returns the reason.
func (e *InterruptedError) Unwrap() error { return e.Err }

// Apply makes the plan's Changes in the tree that it was made for. Each file is
// reached from the tree's root without following a symbolic link, and changed
// if it is still the one that was planned for, with the context it had then
// ([Directory.SetContext]); what fails is among the result's errors and stops
// nothing. Changes made before, by whomever, are made again without harm.
//
// Apply itself fails if the root cannot be opened or a path is not one of a
// plan (fs.ErrInvalid), and with an *[InterruptedError] if ctx is done.
func (p *RelabelPlan) Apply(ctx context.Context, tree Backend, opts ApplyOptions) (*RelabelResult, error) {
	for _, c := range p.Changes {
		if clean, err := cleanPath(c.Path); err != nil || clean != c.Path || !c.To.IsValid() {
			return nil, &fs.PathError{Op: "relabel", Path: c.Path, Err: fs.ErrInvalid}
		}
	}
	if err := ctx.Err(); err != nil {
		return nil, &InterruptedError{Err: err}
	}
	root, err := tree.Root()
	if err != nil {
		return nil, &fs.PathError{Op: "open", Path: "/", Err: err}
	}
	defer root.Close()
	res := apply(ctx, root, p.Changes, opts)
	if err := ctx.Err(); err != nil && len(res.Changed)+len(res.Errors) < len(p.Changes) {
		return nil, &InterruptedError{Result: res, Err: err}
	}
	return &res, nil
}

// apply makes the changes directory by directory.
func apply(ctx context.Context, root Directory, changes []Change, opts ApplyOptions) RelabelResult {
	workers := opts.Workers
	if workers <= 0 {
		workers = runtime.GOMAXPROCS(0)
	}
	m := newMeter(opts.Progress)
	m.total = int64(len(changes))
	groups := make(chan []Change)
	results := make([]RelabelResult, workers)
	var wg sync.WaitGroup
	for i := range results {
		wg.Go(func() {
			a := applier{root: root, meter: m, res: &results[i]}
			defer a.unwind(0)
			for g := range groups {
				a.group(ctx, g)
			}
		})
	}
	for g := range byDirectory(changes) {
		if ctx.Err() != nil {
			break
		}
		groups <- g
	}
	close(groups)
	wg.Wait()
	m.finish()
	all := RelabelResult{
		Changed: gather(results, func(r *RelabelResult) []Change { return r.Changed }),
		Errors:  gather(results, func(r *RelabelResult) []*fs.PathError { return r.Errors }),
	}
	slices.SortStableFunc(all.Changed, func(a, b Change) int { return comparePaths(a.Path, b.Path) })
	slices.SortStableFunc(all.Errors, func(a, b *fs.PathError) int { return comparePaths(a.Path, b.Path) })
	return all
}

// byDirectory yields runs of changes of one directory, none of them long.
func byDirectory(changes []Change) func(yield func([]Change) bool) {
	return func(yield func([]Change) bool) {
		for len(changes) > 0 {
			n := 1
			for n < len(changes) && n < batch && dirOf(changes[n].Path) == dirOf(changes[0].Path) {
				n++
			}
			if !yield(changes[:n]) {
				return
			}
			changes = changes[n:]
		}
	}
}

// dirOf returns the directory that a clean path is in; for the root, itself.
func dirOf(p string) string { return p[:max(strings.LastIndexByte(p, '/'), 1)] }

// applier is one worker. It keeps the directories open that lead to the last
// change it made.
type applier struct {
	root  Directory
	elems []string
	dirs  []Directory // dirs[i] is elems[i] in dirs[i-1]
	meter *meter
	res   *RelabelResult
}

func (a *applier) unwind(n int) {
	for len(a.dirs) > n {
		a.dirs[len(a.dirs)-1].Close()
		a.dirs = a.dirs[:len(a.dirs)-1]
	}
	a.elems = a.elems[:len(a.dirs)]
}

// group makes the changes of one directory.
func (a *applier) group(ctx context.Context, changes []Change) {
	dir, err := a.open(dirOf(changes[0].Path))
	var made Progress
	for _, c := range changes {
		if ctx.Err() != nil {
			break
		}
		made.Files++
		err := err
		op := "open"
		if err == nil {
			op = "setxattr"
			_, name := splitPath(c.Path)
			err = dir.SetContext(name, FileStat{ID: c.ID, Kind: c.Kind, Links: c.Links}, c.current(), c.To)
		}
		if err != nil {
			made.Errors++
			a.res.Errors = append(a.res.Errors, &fs.PathError{Op: op, Path: c.Path, Err: err})
			continue
		}
		made.Changes++
		a.res.Changed = append(a.res.Changed, c)
	}
	a.meter.report(made)
}

// open opens a directory, from the last one that is open on the way to it.
// What is open may have been moved away since it was opened; the files in it
// then are, if they are the planned ones, still the right ones.
func (a *applier) open(p string) (Directory, error) {
	var elems []string
	if p != "/" {
		elems = strings.Split(p[1:], "/")
	}
	same := 0
	for same < len(a.elems) && same < len(elems) && a.elems[same] == elems[same] {
		same++
	}
	a.unwind(same)
	dir := a.root
	if same > 0 {
		dir = a.dirs[same-1]
	}
	for _, e := range elems[same:] {
		next, err := dir.OpenDir(e)
		if err != nil {
			return nil, err
		}
		a.dirs, a.elems, dir = append(a.dirs, next), append(a.elems, e), next
	}
	return dir, nil
}
