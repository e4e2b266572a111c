package porttest

import (
	"context"
	"fmt"
	"io/fs"
	"slices"
	"sync"

	"github.com/sekit/sekit/policy"
	"github.com/sekit/sekit/port"
)

// Backend is a store of local port records in memory. It keeps to the contract
// of [port.Backend] as libsemanage's store does: records stay in their order, a
// commit is made as a whole or not at all, contexts that the policy refuses are
// refused, and so are records that overlap. It is safe for concurrent use.
type Backend struct {
	mu      sync.Mutex
	p       *policy.Policy
	local   []port.Record
	fault   Fault
	commits int
}

// Fault makes a [Backend] fail, until it is taken back with the zero Fault.
type Fault struct {
	// Local is returned by Local.
	Local error
	// Commit is returned by Commit, with nothing changed.
	Commit error
	// AfterCommit is returned by Commit although all was changed: what a caller
	// sees whose connection breaks at the wrong moment.
	AfterCommit error
}

var _ port.Backend = (*Backend)(nil)

// NewBackend returns a store with these local records, for a policy. Records
// that no store would hold panic: they are a mistake in a test.
func NewBackend(p *policy.Policy, local ...port.Record) *Backend {
	b := &Backend{p: p}
	for _, r := range local {
		if err := b.check(r); err != nil {
			panic("porttest: " + r.String() + ": " + err.Error())
		}
	}
	b.local = slices.Clone(local)
	return b
}

// Inject makes the backend fail from now on.
func (b *Backend) Inject(f Fault) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.fault = f
}

// Commits returns how many commits changed the store: a real one takes a
// second or more for each.
func (b *Backend) Commits() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.commits
}

// Local implements [port.Backend].
func (b *Backend) Local(ctx context.Context) ([]port.Record, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.fault.Local != nil {
		return nil, b.fault.Local
	}
	return slices.Clone(b.local), nil
}

// Commit implements [port.Backend].
func (b *Backend) Commit(ctx context.Context, changes []port.Change) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.fault.Commit != nil {
		return b.fault.Commit
	}
	for _, c := range changes {
		if c.Op == port.Delete || c.Op == port.Nothing {
			continue
		}
		if err := b.check(c.After); err != nil {
			return err
		}
	}
	local, err := port.Apply(b.local, changes...)
	if err != nil {
		return err
	}
	b.local = local
	b.commits++
	return b.fault.AfterCommit
}

// check refuses what libsepol would when it builds the policy.
func (b *Backend) check(r port.Record) error {
	if r.Low > r.High {
		return fmt.Errorf("%s: %w", r.Key, fs.ErrInvalid)
	}
	return b.p.CheckContext(r.Context)
}
