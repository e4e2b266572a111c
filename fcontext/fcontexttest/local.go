package fcontexttest

import (
	"context"
	"slices"
	"sync"

	"github.com/sekit/sekit/fcontext"
	"github.com/sekit/sekit/policy"
)

// LocalBackend is a store of local file contexts in memory. It keeps to the
// contract of [fcontext.LocalBackend] as libsemanage's store does: records stay
// in their order, a commit is made as a whole or not at all, and records are
// refused whose contexts the policy does not take or whose patterns are no
// expressions. It is safe for concurrent use.
type LocalBackend struct {
	mu      sync.Mutex
	p       *policy.Policy
	local   fcontext.LocalRecords
	fault   LocalFault
	commits int
}

// LocalFault makes a [LocalBackend] fail, until it is taken back with the zero
// LocalFault.
type LocalFault struct {
	// Local is returned by Local.
	Local error
	// Commit is returned by Commit, with nothing changed.
	Commit error
	// AfterCommit is returned by Commit although all was changed: what a caller
	// sees whose connection breaks at the wrong moment.
	AfterCommit error
}

var _ fcontext.LocalBackend = (*LocalBackend)(nil)

// NewLocalBackend returns a store with these local records, for a policy.
// Records that no store would hold panic: they are a mistake in a test.
func NewLocalBackend(p *policy.Policy, local fcontext.LocalRecords) *LocalBackend {
	b := &LocalBackend{p: p, local: clone(local)}
	for _, r := range local.Records {
		if err := b.check(r); err != nil {
			panic("fcontexttest: " + r.LocalKey.String() + ": " + err.Error())
		}
	}
	return b
}

func clone(l fcontext.LocalRecords) fcontext.LocalRecords {
	return fcontext.LocalRecords{Records: slices.Clone(l.Records), Equivalences: slices.Clone(l.Equivalences)}
}

// Inject makes the backend fail from now on.
func (b *LocalBackend) Inject(f LocalFault) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.fault = f
}

// Commits returns how many commits changed the store: a real one takes a
// second or more for each.
func (b *LocalBackend) Commits() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.commits
}

// Local implements [fcontext.LocalBackend].
func (b *LocalBackend) Local(ctx context.Context) (fcontext.LocalRecords, error) {
	if err := ctx.Err(); err != nil {
		return fcontext.LocalRecords{}, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.fault.Local != nil {
		return fcontext.LocalRecords{}, b.fault.Local
	}
	return clone(b.local), nil
}

// Commit implements [fcontext.LocalBackend].
func (b *LocalBackend) Commit(ctx context.Context, changes []fcontext.LocalChange) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.fault.Commit != nil {
		return b.fault.Commit
	}
	for _, c := range changes {
		if !c.OfEquivalence() && (c.Op == fcontext.Add || c.Op == fcontext.Modify) {
			if err := b.check(c.After); err != nil {
				return err
			}
		}
	}
	local, err := fcontext.ApplyLocal(b.local, changes...)
	if err != nil {
		return err
	}
	b.local = local
	b.commits++
	return b.fault.AfterCommit
}

// check refuses what libsemanage and sefcontext_compile would at a commit.
func (b *LocalBackend) check(r fcontext.LocalRecord) error {
	if _, err := fcontext.ParseSpec(r.Spec().String()); err != nil {
		return err
	}
	if r.None {
		return nil
	}
	return b.p.CheckContext(r.Context)
}
