package moduletest

import (
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"slices"
	"sync"

	"github.com/sekit/sekit/module"
	"github.com/sekit/sekit/policy"
)

// Backend is a machine's store of modules in memory. Its module base (priority
// 100) stands for all that the policy has which it was made of, and can't be
// read or removed. Modules that are installed, as packages (pp) or in CIL, are
// linked into the policy, so that decisions change. It keeps to the contract of
// [module.Backend] as libsemanage does. It is safe for concurrent use.
//
// A module that names what the policy lacks is refused with a
// [*policy.NameError], one that declares again what is there with a
// [*module.DuplicateError], and what pp can't say in CIL with a
// [*module.UnsupportedError]; nothing is changed then. Assertions (neverallow)
// are not checked: semodule does not either unless semanage.conf says so.
//
// A policy in force lacks what its modules said of attributes, and with it some
// of what semodule knows. Tunables and attributes of roles are gone: a module
// that requires those of the policy is refused with a [*module.UnsupportedError].
// What was said of attributes and is there as a list of types only, a new type
// with the attribute gets where that is plain: the rules for self that all of ten
// types or more have, and a place in sets of types (which pp makes attributes of)
// where most types are that have the same attributes. By its attributes alone it
// gets no type transitions, no roles, and no other attributes.
type Backend struct {
	mu       sync.Mutex
	p        *policy.Policy
	records  []module.Record
	contents map[module.Key]module.Content
	linked   *policy.Policy
	contexts []module.FileContext
	fault    Fault
	commits  int
}

// Fault makes a [Backend] fail, until it is taken back with the zero Fault.
type Fault struct {
	Modules error // returned by Modules
	Content error // returned by Content
	Commit  error // returned by Commit, with nothing changed
	// AfterCommit is returned by Commit although all was changed: what a caller
	// sees whose connection breaks at the wrong moment.
	AfterCommit error
}

var _ module.Backend = (*Backend)(nil)

// base is the module that stands for the policy that a [Backend] is made of.
var base = module.Record{Key: module.Key{Name: "base", Priority: 100}, Language: "cil", Enabled: true}

// NewBackend returns a store whose modules are linked to the policy.
func NewBackend(p *policy.Policy) *Backend {
	return &Backend{p: p, linked: p, records: []module.Record{base}, contents: make(map[module.Key]module.Content)}
}

// Inject makes the backend fail from now on.
func (b *Backend) Inject(f Fault) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.fault = f
}

// Commits returns how many commits changed something.
func (b *Backend) Commits() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.commits
}

// Policy returns the policy with the modules that are in force: what the
// machine decides by.
func (b *Backend) Policy() (*policy.Policy, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.linked, nil
}

// FileContexts returns the file contexts of the modules that are in force.
func (b *Backend) FileContexts() []module.FileContext {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.contexts)
}

// Modules implements [module.Backend].
func (b *Backend) Modules(ctx context.Context) ([]module.Record, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.fault.Modules != nil {
		return nil, b.fault.Modules
	}
	return slices.Clone(b.records), nil
}

// Content implements [module.Backend].
func (b *Backend) Content(ctx context.Context, k module.Key, form module.Form) (module.Content, error) {
	if err := ctx.Err(); err != nil {
		return module.Content{}, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.fault.Content != nil {
		return module.Content{}, b.fault.Content
	}
	if k == base.Key {
		return module.Content{}, &module.UnsupportedError{What: "the content of the module that stands for the policy"}
	}
	c, ok := b.contents[k]
	if !ok {
		return module.Content{}, fmt.Errorf("module %s: %w", k, fs.ErrNotExist)
	}
	if form == module.InCIL && c.Language != "cil" {
		return inCIL(k, c)
	}
	c.Data = bytes.Clone(c.Data)
	return c, nil
}

// Commit implements [module.Backend].
func (b *Backend) Commit(ctx context.Context, changes []module.Change) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.fault.Commit != nil {
		return b.fault.Commit
	}
	records, err := module.ApplyChanges(b.records, changes...)
	if err != nil {
		return err
	}
	contents := make(map[module.Key]module.Content, len(b.contents))
	for k, c := range b.contents {
		contents[k] = c
	}
	for _, c := range changes {
		switch {
		case c.Name == base.Name && c.Op != module.Nothing:
			return &module.UnsupportedError{What: "changing the module that stands for the policy"}
		case c.Op == module.Install:
			contents[c.Key] = module.Content{Language: c.Content.Language, Data: bytes.Clone(c.Content.Data)}
		case c.Op == module.Remove:
			delete(contents, c.Key)
		}
	}
	if !slices.ContainsFunc(changes, func(c module.Change) bool { return c.Op != module.Nothing }) {
		return b.fault.AfterCommit
	}
	linked, contexts, err := link(b.p, records, contents)
	if err != nil {
		return err
	}
	b.commits++
	b.records, b.contents, b.linked, b.contexts = records, contents, linked, contexts
	return b.fault.AfterCommit
}

// inCIL is a package in CIL, its file contexts with it.
func inCIL(k module.Key, c module.Content) (module.Content, error) {
	p, contexts, err := parse(k, c, nil)
	if err != nil {
		return module.Content{}, err
	}
	cil, err := p.Module.CIL()
	if err != nil {
		return module.Content{}, err
	}
	fc, err := module.FormatFilecon(contexts)
	return module.Content{Language: "cil", Data: append(cil, fc...)}, err
}
