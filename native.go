package sekit

import (
	"context"
	"errors"
	"fmt"

	"github.com/sekit/sekit/boolean"
	"github.com/sekit/sekit/fcontext"
	"github.com/sekit/sekit/internal/managed"
	"github.com/sekit/sekit/port"
	"github.com/sekit/sekit/port/infiniband"
)

// native is a machine whose store is written without libsemanage: ports, file
// contexts and booleans. For modules, which have to be compiled, it is not
// supported.
type native struct {
	open func(ctx context.Context) (*System, error)
	// store finds the store to write.
	store func() (*managed.Store, error)
	// kernel sets booleans for now; nil where no kernel runs.
	kernel func(ctx context.Context, values ...boolean.Record) error
}

var _ Backend = (*native)(nil)

// System implements [Backend].
func (b *native) System(ctx context.Context) (*System, error) { return b.open(ctx) }

// Commit implements [Backend].
func (b *native) Commit(ctx context.Context, p *Plan) error {
	if len(p.Modules)+len(p.Permissive) > 0 {
		return fmt.Errorf("modules are for semodule: %w", errors.ErrUnsupported)
	}
	now := kernelValues(p)
	if b.kernel == nil {
		for _, c := range p.Booleans {
			if c.Op == boolean.Set {
				return errNoKernel
			}
		}
		now = nil
	}
	store, err := b.store()
	if err != nil {
		return err
	}
	if edits := storeEdits(store, p); len(edits) > 0 {
		if err := store.Commit(ctx, edits...); err != nil {
			return storeError(err)
		}
	}
	if len(now) == 0 {
		return nil
	}
	return b.kernel(ctx, now...)
}

var errNoKernel = fmt.Errorf("set booleans for now without a running kernel: %w", errors.ErrUnsupported)

// kernelValues are the values that the kernel's booleans get, the last one of
// each.
func kernelValues(p *Plan) []boolean.Record {
	var out []boolean.Record
	index := make(map[string]int)
	for _, c := range p.Booleans {
		if c.Op == boolean.Nothing {
			continue
		}
		if i, ok := index[c.Name]; ok {
			out[i].On = c.On
			continue
		}
		index[c.Name] = len(out)
		out = append(out, boolean.Record{Name: c.Name, On: c.On})
	}
	return out
}

// storeEdits are the plan's changes as those of the store's files.
func storeEdits(store *managed.Store, p *Plan) []managed.Edit {
	var records, equivalences []fcontext.LocalChange
	for _, c := range p.Contexts {
		if c.OfEquivalence() {
			equivalences = append(equivalences, c)
		} else {
			records = append(records, c)
		}
	}
	kept := false
	for _, c := range p.Booleans {
		kept = kept || c.Op == boolean.Persist || c.Op == boolean.Reset
	}
	var edits []managed.Edit
	add := func(needed bool, name string, apply func(name string, old []byte) ([]byte, error)) {
		if needed {
			edits = append(edits, managed.Edit{Name: name, Change: func(old []byte) ([]byte, error) {
				return apply(store.Path(name), old)
			}})
		}
	}
	add(len(p.Ports) > 0, managed.PortsFile, func(name string, old []byte) ([]byte, error) {
		return port.ApplyFile(name, old, p.Ports...)
	})
	for name, apply := range infiniband.ApplyFiles(store.Path, p.Infiniband...) {
		edits = append(edits, managed.Edit{Name: name, Change: apply})
	}
	add(kept, managed.BooleansFile, func(name string, old []byte) ([]byte, error) {
		return boolean.ApplyFile(name, old, p.Booleans...)
	})
	add(len(records) > 0, managed.FcontextsFile, func(name string, old []byte) ([]byte, error) {
		return fcontext.ApplyLocalFile(name, old, records...)
	})
	add(len(equivalences) > 0, managed.SubsFile, func(name string, old []byte) ([]byte, error) {
		return fcontext.ApplyEquivalencesFile(name, old, equivalences...)
	})
	return edits
}

// storeError makes a lock that somebody holds ErrLocked.
func storeError(err error) error {
	var locked *managed.LockError
	if errors.As(err, &locked) {
		return fmt.Errorf("%w: %w", ErrLocked, err)
	}
	return err
}
