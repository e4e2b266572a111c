package sekit

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"time"
)

// PermissiveChange makes a domain permissive, or takes that back, by a local
// module permissive_DOMAIN: what semanage permissive does.
type PermissiveChange struct {
	Domain string `json:"domain"`
	On     bool   `json:"on"`
}

// String says the change in a few words, for people.
func (c PermissiveChange) String() string {
	if c.On {
		return fmt.Sprintf("make the domain %s permissive", c.Domain)
	}
	return fmt.Sprintf("make the domain %s no longer permissive", c.Domain)
}

// Command returns the command that makes this change: semanage permissive -a
// DOMAIN. Its arguments need no quoting.
func (c PermissiveChange) Command() []string {
	if c.On {
		return []string{"semanage", "permissive", "-a", c.Domain}
	}
	return []string{"semanage", "permissive", "-d", c.Domain}
}

// planPermissive makes domains permissive that are not, by whatever module.
func (p *Plan) planPermissive(want Settings) error {
	for _, on := range []bool{false, true} {
		domains := want.Without.Permissive
		if on {
			domains = want.Permissive
		}
		for _, name := range domains {
			t, err := p.sys.domain(name)
			if err != nil {
				return &SettingError{"permissive", clip(name), err}
			}
			c := PermissiveChange{t.Name(), on}
			was := slices.Contains(p.sys.Permissive, c.Domain)
			if was == on || on && t.Permissive() || slices.Contains(p.Permissive, c) {
				continue
			}
			p.Permissive = append(p.Permissive, c)
		}
	}
	return nil
}

// PermissiveScope is a domain that is permissive for a while.
type PermissiveScope struct {
	m     *Machine
	undo  *Plan
	entry *entry
	stop  context.CancelFunc
	done  chan struct{}
	err   error
}

// Permissive makes a domain permissive until the scope is closed, ctx is done,
// or the limit has passed, whichever is first: to see all of what a domain is
// denied, and not the first denial alone. There is no such thing for the whole
// system. If the domain is permissive already, it stays so.
//
// If the program is killed meanwhile, the domain stays permissive, and
// [Machine.Interrupted] says so at the next start; that takes a journal
// ([MachineOptions]), without which there is no scope.
func (m *Machine) Permissive(ctx context.Context, domain string, limit time.Duration) (*PermissiveScope, error) {
	if limit <= 0 {
		return nil, &SettingError{"permissive", clip(domain), fmt.Errorf("a limit of %v: %w", limit, fs.ErrInvalid)}
	}
	if m.journal.dir == "" {
		return nil, &SettingError{"permissive", clip(domain), fmt.Errorf("a machine without a journal: %w", errors.ErrUnsupported)}
	}
	p, err := m.Plan(ctx, Settings{Permissive: []string{domain}})
	if err != nil {
		return nil, err
	}
	s := &PermissiveScope{m: m, done: make(chan struct{})}
	if !p.Empty() {
		if s.entry, err = m.journal.begin(Interrupted{Plan: p, While: true, Until: time.Now().Add(limit)}); err != nil {
			return nil, err
		}
		if s.undo, err = m.Apply(ctx, p); err != nil {
			return nil, errors.Join(err, s.entry.end())
		}
	}
	ctx, s.stop = context.WithTimeout(ctx, limit)
	context.AfterFunc(ctx, s.revert)
	return s, nil
}

// Close makes the domain enforcing again, if it was before, and returns once it
// is. It may be called more than once.
func (s *PermissiveScope) Close() error {
	s.stop()
	<-s.done
	return s.err
}

// Done is closed when the scope has ended, by itself or by Close, which then
// tells whether that went well.
func (s *PermissiveScope) Done() <-chan struct{} { return s.done }

func (s *PermissiveScope) revert() {
	defer close(s.done)
	if s.undo == nil {
		return
	}
	defer s.entry.release()
	// Its context is done, or it would not be called.
	if _, s.err = s.m.Apply(context.Background(), s.undo); s.err == nil {
		s.err = s.entry.end()
	}
}
