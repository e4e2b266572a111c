package sekit

import (
	"context"
	"errors"
	"fmt"

	"github.com/sekit/sekit/boolean"
	"github.com/sekit/sekit/internal/tool"
)

// setsebool is a machine whose booleans are changed by setsebool -P, in one
// transaction, which even a machine without semanage has. It can do nothing
// else.
type setsebool struct {
	tools tool.Runner
	open  func(ctx context.Context) (*System, error)
	live  bool // a kernel runs, which gets the values, too
}

var _ Backend = (*setsebool)(nil)

// System implements [Backend].
func (b *setsebool) System(ctx context.Context) (*System, error) { return b.open(ctx) }

// Commit implements [Backend].
func (b *setsebool) Commit(ctx context.Context, p *Plan) error {
	args := []string{"setsebool", "-P"}
	if !b.live {
		args = append(args, "-N")
	}
	for _, c := range p.Booleans {
		switch c.Op {
		case boolean.Nothing:
		case boolean.Persist:
			args = append(args, boolean.Record{Name: c.Name, On: c.On}.String())
		default:
			return fmt.Errorf("%s by setsebool: %w", c, errors.ErrUnsupported)
		}
	}
	if len(p.Modules)+len(p.Permissive)+len(p.Ports)+len(p.Infiniband)+len(p.Contexts) > 0 {
		return fmt.Errorf("setsebool is for booleans alone: %w", errors.ErrUnsupported)
	}
	before, err := b.open(ctx)
	if err != nil {
		return err
	}
	if _, err := before.with(p); err != nil {
		return err
	}
	if _, err := b.tools.Run(ctx, tool.Command{Args: args}); err != nil {
		return err
	}
	after, err := b.open(ctx)
	if err != nil {
		return err
	}
	if !after.made(ctx, p) {
		return errNotMade
	}
	return nil
}
