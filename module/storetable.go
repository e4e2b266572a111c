package module

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"

	"github.com/sekit/sekit/internal/policydb"
)

// Table is the modules of a store: an immutable picture, taken by
// [Store.Table]. It is safe for concurrent use if the store's backend is.
type Table struct {
	records []Record // sorted
	// contents are those that changes of [Table.With] would install; read
	// reads the others from the store.
	contents map[Key]Content
	read     func(context.Context, Key, Form) (Content, error)
}

// All returns all modules: the highest priority first, and names in their
// order.
func (t *Table) All() []Record { return slices.Clone(t.records) }

// InForce returns the modules that are linked: of each name the one with the
// highest priority, if it is enabled. This is what semodule -l lists.
func (t *Table) InForce() []Record {
	var out []Record
	seen := make(map[string]bool)
	for _, r := range t.records {
		if !seen[r.Name] && r.Enabled {
			out = append(out, r)
		}
		seen[r.Name] = true
	}
	slices.SortFunc(out, func(a, b Record) int { return cmp.Compare(a.Name, b.Name) })
	return out
}

// Lookup returns the module of a name that counts, enabled or not: the one with
// the highest priority. The error is [fs.ErrNotExist] if there is none.
func (t *Table) Lookup(name string) (Record, error) {
	for _, r := range t.records {
		if r.Name == name {
			return r, nil
		}
	}
	return Record{}, storeError("look up", cut(name), &MissingError{})
}

func (t *Table) find(k Key) (Record, bool) {
	i := slices.IndexFunc(t.records, func(r Record) bool { return r.Key == k })
	if i < 0 {
		return Record{}, false
	}
	return t.records[i], true
}

func (t *Table) missing(k Key) error {
	e := &MissingError{}
	for _, r := range t.records {
		if r.Name == k.Name {
			e.Priorities = append(e.Priorities, r.Priority)
		}
	}
	return e
}

// Content returns the content of a module. Its CIL can only be had from the
// store, not of a module that was planned to be installed.
func (t *Table) Content(ctx context.Context, k Key, form Form) (Content, error) {
	k, err := k.check()
	if err != nil {
		return Content{}, storeError("extract", cut(k.Name), err)
	}
	c, err := t.content(ctx, k, form)
	if err != nil {
		return Content{}, storeError("extract", k.String(), err)
	}
	return c, nil
}

func (t *Table) content(ctx context.Context, k Key, form Form) (Content, error) {
	if _, ok := t.find(k); !ok {
		return Content{}, t.missing(k)
	}
	if c, ok := t.contents[k]; ok {
		if form == InCIL && c.Language != "cil" {
			return Content{}, fmt.Errorf("the CIL of a module that is not installed yet: %w", errors.ErrUnsupported)
		}
		return c, nil
	}
	return t.read(ctx, k, form)
}

// With returns the table with changes made to it, to plan more on top of them.
// The error is that of [ApplyChanges].
func (t *Table) With(changes ...Change) (*Table, error) {
	records, err := ApplyChanges(t.records, changes...)
	if err != nil {
		return nil, err
	}
	out := &Table{records: records, contents: make(map[Key]Content), read: t.read}
	for k, c := range t.contents {
		out.contents[k] = c
	}
	for _, c := range changes {
		switch c.Op {
		case Install:
			out.contents[c.Key] = c.Content
		case Remove:
			delete(out.contents, c.Key)
		}
	}
	return out, nil
}

// PlanInstall returns the change that installs a module, and changes nothing:
// nothing to do if the store has this very file at this priority. A module that
// is disabled stays so.
//
// A package (pp) must be sound and have the name that it is installed by:
// libsemanage would use its own.
func (t *Table) PlanInstall(ctx context.Context, k Key, content Content) (Change, error) {
	k, err := k.check()
	if err != nil {
		return Change{}, storeError("install", cut(k.Name), err)
	}
	c, err := t.planInstall(ctx, k, content)
	if err != nil {
		return Change{}, storeError("install", k.String(), err)
	}
	return c, nil
}

func (t *Table) planInstall(ctx context.Context, k Key, content Content) (Change, error) {
	if err := checkContent(k.Name, content); err != nil {
		return Change{}, err
	}
	content.Data = bytes.Clone(content.Data)
	c := Change{Op: Install, Key: k, Content: content}
	before, ok := t.find(k)
	if !ok {
		return c, nil
	}
	replaced, err := t.content(ctx, k, AsInstalled)
	if err != nil {
		return Change{}, err
	}
	c.Before, c.Replaced = before, replaced
	if sameContent(replaced, content) {
		c.Op = Nothing
	}
	return c, nil
}

// checkContent checks what is installed. What is not a package is for the
// store's compilers to judge.
func checkContent(name string, c Content) error {
	if err := checkLanguage(c.Language); err != nil {
		return err
	}
	if len(c.Data) == 0 || len(c.Data) > maxContent {
		return fmt.Errorf("%d bytes are no module: %w", len(c.Data), fs.ErrInvalid)
	}
	if c.Language != "pp" {
		return nil
	}
	p, err := policydb.DecodePackage(c.Data)
	switch {
	case errors.Is(err, policydb.ErrBase):
		return nil // libsemanage calls it base
	case err != nil:
		return err
	case p.Module.Name != name:
		return nameError("module", name, fmt.Sprintf("the package calls itself %q", cut(p.Module.Name)))
	}
	return nil
}

// PlanRemove returns the change that removes a module, and changes nothing. The
// error is a [*MissingError], [fs.ErrNotExist], if the store has none of that
// name and priority.
func (t *Table) PlanRemove(ctx context.Context, k Key) (Change, error) {
	k, err := k.check()
	if err != nil {
		return Change{}, storeError("remove", cut(k.Name), err)
	}
	before, ok := t.find(k)
	if !ok {
		return Change{}, storeError("remove", k.String(), t.missing(k))
	}
	replaced, err := t.content(ctx, k, AsInstalled)
	if err != nil {
		return Change{}, storeError("remove", k.String(), err)
	}
	return Change{Op: Remove, Key: k, Before: before, Replaced: replaced}, nil
}

// PlanEnable returns the change that enables the modules of a name: nothing to
// do if they are. The error is [fs.ErrNotExist] if there are none.
func (t *Table) PlanEnable(name string) (Change, error) { return t.planEnabled(Enable, name) }

// PlanDisable returns the change that disables the modules of a name, as
// [Table.PlanEnable] does the other.
func (t *Table) PlanDisable(name string) (Change, error) { return t.planEnabled(Disable, name) }

func (t *Table) planEnabled(op Op, name string) (Change, error) {
	if err := checkStoreName(name); err != nil {
		return Change{}, storeError(op.String(), cut(name), err)
	}
	before, err := t.Lookup(name)
	if err != nil {
		return Change{}, storeError(op.String(), name, &MissingError{})
	}
	c := Change{Op: op, Key: before.Key, Before: before}
	if before.Enabled == (op == Enable) {
		c.Op = Nothing
	}
	return c, nil
}

// PlanUndo returns the changes that take one back that was made: none if it was
// not made or is undone already, two where a disabled module was removed. If the
// store is neither as it was before nor as the change left it, somebody else has
// changed it since, and the error is [ErrChanged].
func (t *Table) PlanUndo(ctx context.Context, done Change) ([]Change, error) {
	var changes []Change
	var err error
	switch done.Op {
	case Install:
		changes, err = t.undoInstall(ctx, done)
	case Remove:
		changes, err = t.undoRemove(ctx, done)
	case Enable, Disable:
		changes, err = t.undoEnabled(done)
	}
	if err != nil {
		return nil, storeError("undo", done.Key.String(), err)
	}
	return changes, nil
}

func (t *Table) undoInstall(ctx context.Context, done Change) ([]Change, error) {
	now, is := t.find(done.Key)
	was := done.Before.Name != ""
	if !is && !was {
		return nil, nil
	}
	if !is {
		return nil, ErrChanged
	}
	content, err := t.content(ctx, done.Key, AsInstalled)
	switch {
	case err != nil:
		return nil, err
	case was && sameContent(content, done.Replaced):
		return nil, nil
	case !sameContent(content, done.Content):
		return nil, ErrChanged
	case was:
		return []Change{{Op: Install, Key: done.Key, Content: done.Replaced, Before: now, Replaced: content}}, nil
	}
	return []Change{{Op: Remove, Key: done.Key, Before: now, Replaced: content}}, nil
}

func (t *Table) undoRemove(ctx context.Context, done Change) ([]Change, error) {
	if _, is := t.find(done.Key); is {
		content, err := t.content(ctx, done.Key, AsInstalled)
		if err == nil && !sameContent(content, done.Replaced) {
			err = ErrChanged
		}
		return nil, err
	}
	changes := []Change{{Op: Install, Key: done.Key, Content: done.Replaced}}
	if done.Before.Enabled {
		return changes, nil
	}
	after, err := t.With(changes...)
	if err != nil {
		return nil, err
	}
	disable, err := after.PlanDisable(done.Name)
	if err == nil && disable.Op != Nothing {
		changes = append(changes, disable)
	}
	return changes, err
}

func (t *Table) undoEnabled(done Change) ([]Change, error) {
	now, err := t.Lookup(done.Name)
	if err != nil {
		return nil, ErrChanged
	}
	if now.Enabled == done.Before.Enabled {
		return nil, nil
	}
	undo := Change{Op: Enable, Key: now.Key, Before: now}
	if done.Op == Enable {
		undo.Op = Disable
	}
	return []Change{undo}, nil
}

func sameContent(a, b Content) bool { return a.Language == b.Language && bytes.Equal(a.Data, b.Data) }
