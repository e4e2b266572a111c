package sekit

import (
	"context"
	"errors"
	"fmt"

	"github.com/sekit/sekit/module"
)

// semodule is a machine whose modules are changed by semodule, in one run, and
// whose records by another backend. These are two transactions: if the second
// fails, the first is taken back.
type semodule struct {
	modules module.Backend
	records Backend
}

var _ Backend = (*semodule)(nil)

// System implements [Backend].
func (b *semodule) System(ctx context.Context) (*System, error) { return b.records.System(ctx) }

// Commit implements [Backend].
func (b *semodule) Commit(ctx context.Context, p *Plan) error {
	rest := *p
	rest.Modules, rest.Permissive = nil, nil
	before, err := b.System(ctx)
	if err != nil {
		return err
	}
	// Records that are not those of the plan are found out first.
	if _, err := before.with(p); err != nil {
		return err
	}
	changes, err := before.moduleChanges(ctx, p)
	if err != nil {
		return err
	}
	if len(changes) == 0 {
		return b.records.Commit(ctx, &rest)
	}
	if err := b.modules.Commit(ctx, changes); err != nil {
		return err
	}
	if rest.unchanged() {
		return nil
	}
	if err := b.records.Commit(ctx, &rest); err != nil {
		if back := b.takeBack(context.WithoutCancel(ctx), p); back != nil {
			// Not what err is: it says that nothing was done.
			return fmt.Errorf("%v; and the modules could not be taken back: %w", err, back)
		}
		return err
	}
	return nil
}

// modulesAlone is a machine on which semodule changes modules, and nothing else:
// one run is one transaction then, and takes half of semanage import's time.
type modulesAlone struct{ *semodule }

// Commit implements [Backend].
func (b modulesAlone) Commit(ctx context.Context, p *Plan) error {
	rest := *p
	rest.Modules, rest.Permissive = nil, nil
	if p.unchanged() || !rest.unchanged() {
		return fmt.Errorf("semodule changes modules alone: %w", errors.ErrUnsupported)
	}
	return b.semodule.Commit(ctx, p)
}

func (b *semodule) takeBack(ctx context.Context, p *Plan) error {
	now, err := b.System(ctx)
	if err != nil {
		return err
	}
	undo, err := now.PlanUndo(ctx, &Plan{Modules: p.Modules, Permissive: p.Permissive})
	if err != nil {
		return err
	}
	changes, err := now.moduleChanges(ctx, undo)
	if err != nil || len(changes) == 0 {
		return err
	}
	return b.modules.Commit(ctx, changes)
}

// moduleChanges returns all of a plan's changes of modules, those for permissive
// domains included.
func (s *System) moduleChanges(ctx context.Context, p *Plan) ([]module.Change, error) {
	if len(p.Modules)+len(p.Permissive) == 0 {
		return nil, nil
	}
	if s.Modules == nil {
		return nil, errNoModules
	}
	t, err := s.Modules.With(p.Modules...)
	if err != nil {
		return nil, err
	}
	out := append([]module.Change(nil), p.Modules...)
	for _, c := range p.Permissive {
		key := module.Key{Name: permissivePrefix + c.Domain}
		var change module.Change
		if c.On {
			content := module.Content{Language: "cil", Data: fmt.Appendf(nil, "(typepermissive %s)", c.Domain)}
			change, err = t.PlanInstall(ctx, key, content)
		} else {
			change, err = t.PlanRemove(ctx, key)
		}
		if err != nil {
			return nil, err
		}
		out = append(out, change)
	}
	return out, nil
}
