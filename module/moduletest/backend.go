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
// read or removed. Modules that are installed are linked into the policy, so
// that decisions change: packages (pp) that consist of access rules on what the
// policy has, and of permissive statements. Of others, Commit says with a
// [*module.UnsupportedError] what it can't link, and of a type that the policy
// lacks with a [*policy.NameError]; nothing is changed then. It keeps to the
// contract of [module.Backend] as libsemanage does. It is safe for concurrent
// use.
type Backend struct {
	mu       sync.Mutex
	p        *policy.Policy
	records  []module.Record
	contents map[module.Key]module.Content
	linked   *policy.Policy
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
		m, err := parse(c)
		if err != nil {
			return module.Content{}, err
		}
		cil, err := m.CIL()
		return module.Content{Language: "cil", Data: cil}, err
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
	linked, err := link(b.p, records, contents)
	if err != nil {
		return err
	}
	if !slices.Equal(records, b.records) || linked != b.linked {
		b.commits++
	}
	b.records, b.contents, b.linked = records, contents, linked
	return b.fault.AfterCommit
}
