package sekit

import (
	"context"
	"errors"
	"fmt"

	"github.com/sekit/sekit/boolean"
	"github.com/sekit/sekit/port"
)

// Ports returns the machine's local port records, for [port.New].
func (m *Machine) Ports() port.Backend { return ports{m} }

// Booleans returns the machine's booleans, for [boolean.New].
func (m *Machine) Booleans() boolean.Backend { return booleans{m} }

type ports struct{ m *Machine }

func (b ports) Local(ctx context.Context) ([]port.Record, error) {
	s, err := b.m.System(ctx)
	if err != nil {
		return nil, err
	}
	return s.ports().Local(), nil
}

func (b ports) Commit(ctx context.Context, changes []port.Change) error {
	_, err := b.m.Apply(ctx, &Plan{Ports: changes})
	return err
}

type booleans struct{ m *Machine }

func (b booleans) Active(ctx context.Context) ([]boolean.Active, error) {
	s, err := b.m.System(ctx)
	if err != nil {
		return nil, err
	}
	if !s.booleans().Active() {
		return nil, fmt.Errorf("no running kernel: %w", errors.ErrUnsupported)
	}
	var out []boolean.Active
	for _, v := range s.booleans().All() {
		out = append(out, boolean.Active{Name: v.Name, Current: v.Current, Pending: v.Pending})
	}
	return out, nil
}

func (b booleans) Local(ctx context.Context) ([]boolean.Record, error) {
	s, err := b.m.System(ctx)
	if err != nil {
		return nil, err
	}
	return s.booleans().Local(), nil
}

func (b booleans) Commit(ctx context.Context, changes []boolean.Change) error {
	_, err := b.m.Apply(ctx, &Plan{Booleans: changes})
	return err
}
