package sekit

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/sekit/sekit/boolean"
	"github.com/sekit/sekit/fcontext"
	"github.com/sekit/sekit/module"
	"github.com/sekit/sekit/port"
)

// Backend is what a machine is changed through: what a fake or a real machine
// must do. [Machine] has the rest.
type Backend interface {
	// System returns what is so now.
	System(ctx context.Context) (*System, error)
	// Commit makes a plan's changes of records, in one transaction: all, or
	// none and returns an error. It leaves files alone. It returns the room's
	// error ([port.ErrChanged] and the like, wrapped) if the records are not
	// those that the plan was made for, [ErrLocked] if another program holds the
	// store, and [errors.ErrUnsupported] for what it can't do.
	Commit(ctx context.Context, p *Plan) error
}

// ErrLocked says that another program is changing the store. Nothing was
// written; try again.
var ErrLocked = errors.New("the store is locked by another program")

// MachineOptions are the options of a [Machine]. The zero MachineOptions work.
type MachineOptions struct {
	// StateDir is a directory for the machine's journal, such as
	// /var/lib/sekit, open to root alone. It is made if it is not there. What is
	// begun is written there and taken away when it is done, so that
	// [Machine.Interrupted] can tell what a killed program has left. Empty: no
	// journal is kept.
	StateDir string
	// Files are the files that are relabelled; nil if none can be.
	Files fcontext.Backend
}

// Machine is a machine that can be changed. It is safe for concurrent use if its
// backend is.
type Machine struct {
	b       Backend
	files   fcontext.Backend
	journal journal
	close   func() error
}

// NewMachine returns a machine that is changed through a backend.
func NewMachine(b Backend, o MachineOptions) *Machine {
	return &Machine{b: b, files: o.Files, journal: journal{o.StateDir}}
}

// System returns what is so now.
func (m *Machine) System(ctx context.Context) (*System, error) { return m.b.System(ctx) }

// Plan returns the changes that make settings so, as the machine is now.
func (m *Machine) Plan(ctx context.Context, want Settings) (*Plan, error) {
	s, err := m.b.System(ctx)
	if err != nil {
		return nil, err
	}
	return s.Plan(ctx, want)
}

// ApplyError says that a plan was not carried out.
type ApplyError struct {
	Op  string // "commit", "relabel"
	Err error
	// Rollback is why what had been done could not be taken back; nil if the
	// machine is as it was.
	Rollback error
}

func (e *ApplyError) Error() string {
	if e.Rollback != nil {
		return fmt.Sprintf("%s: %v; and what was done by then could not be taken back: %v", e.Op, e.Err, e.Rollback)
	}
	return fmt.Sprintf("%s: %v", e.Op, e.Err)
}

// Unwrap returns the causes.
func (e *ApplyError) Unwrap() []error {
	if e.Rollback != nil {
		return []error{e.Err, e.Rollback}
	}
	return []error{e.Err}
}

// Apply carries a plan out: its changes in one transaction, then it relabels.
// It returns the plan that gives back what was before. An empty plan does
// nothing.
//
// If anything fails, what was done by then is taken back, and the error is an
// [*ApplyError]. If the program is killed meanwhile, [Machine.Interrupted] says
// so at its next start.
func (m *Machine) Apply(ctx context.Context, p *Plan) (undo *Plan, err error) {
	if p.Empty() {
		return &Plan{sys: p.sys}, nil
	}
	before := p.sys
	if before == nil {
		if before, err = m.b.System(ctx); err != nil {
			return nil, err
		}
	}
	after, err := before.with(p)
	if err != nil {
		return nil, err
	}
	if undo, err = after.PlanUndo(ctx, p); err != nil {
		return nil, err
	}
	if m.files == nil && len(p.Relabel)+len(p.Restore) > 0 {
		return nil, &ApplyError{Op: "relabel", Err: fmt.Errorf("the machine's files are not at hand: %w", errors.ErrUnsupported)}
	}
	entry, err := m.journal.begin(Interrupted{Plan: p})
	if err != nil {
		return nil, err
	}
	defer entry.release()
	if !p.unchanged() {
		if err := m.b.Commit(ctx, p); err != nil {
			failed := &ApplyError{Op: "commit", Err: err}
			if isChanged(err) || errors.Is(err, ErrLocked) {
				// Refused before anything was done: what there is of the plan
				// is somebody else's, and not ours to take back.
				failed.Rollback = entry.end()
				return nil, failed
			}
			return nil, m.rollback(ctx, p, nil, entry, failed)
		}
	}
	changed, err := m.relabel(ctx, p)
	if err != nil {
		return nil, m.rollback(ctx, p, changed, entry, &ApplyError{Op: "relabel", Err: err})
	}
	undo.Relabel, undo.Restore = nil, back(changed)
	return undo, entry.end()
}

// rollback takes back what was done of a plan. It does so although ctx is done.
func (m *Machine) rollback(ctx context.Context, p *Plan, changed []fcontext.Change, entry *entry, failed *ApplyError) error {
	ctx = context.WithoutCancel(ctx)
	failed.Rollback = func() error {
		if _, err := m.restore(ctx, back(changed)); err != nil {
			return err
		}
		now, err := m.b.System(ctx)
		if err != nil {
			return err
		}
		undo, err := now.PlanUndo(ctx, p)
		if err != nil || undo.unchanged() {
			return err
		}
		return m.b.Commit(ctx, undo)
	}()
	if failed.Rollback == nil {
		failed.Rollback = entry.end()
	}
	return failed
}

// relabel relabels what a plan says, and returns the changes made, also beside
// an error.
func (m *Machine) relabel(ctx context.Context, p *Plan) ([]fcontext.Change, error) {
	changed, err := m.restore(ctx, p.Restore)
	if err != nil || len(p.Relabel) == 0 {
		return changed, err
	}
	s, err := m.b.System(ctx)
	if err != nil {
		return changed, err
	}
	if s.Contexts == nil {
		return changed, fmt.Errorf("the file contexts are not known: %w", errors.ErrUnsupported)
	}
	for _, r := range p.Relabel {
		o := r.options()
		o.Customizable, o.Policy = s.CustomizableTypes, s.Policy
		plan, err := fcontext.PlanRelabel(ctx, m.files, s.Contexts, []string{r.Path}, o)
		if err != nil {
			return changed, err
		}
		if len(plan.Errors) > 0 {
			return changed, plan.Errors[0]
		}
		more, err := m.restore(ctx, plan.Changes)
		changed = append(changed, more...)
		if err != nil {
			return changed, err
		}
	}
	return changed, nil
}

// restore changes contexts of files as told, and returns the changes made, also
// beside an error.
func (m *Machine) restore(ctx context.Context, changes []fcontext.Change) ([]fcontext.Change, error) {
	if len(changes) == 0 {
		return nil, nil
	}
	res, err := (&fcontext.RelabelPlan{Changes: changes}).Apply(ctx, m.files, fcontext.ApplyOptions{})
	var interrupted *fcontext.InterruptedError
	switch {
	case errors.As(err, &interrupted):
		return interrupted.Result.Changed, err
	case err != nil:
		return nil, err
	case len(res.Errors) > 0:
		return res.Changed, res.Errors[0]
	}
	return res.Changed, nil
}

// back turns changes round. What had no context, or a malformed one, keeps what
// it has got: there is nothing to give back.
func back(changes []fcontext.Change) []fcontext.Change {
	var out []fcontext.Change
	for _, c := range slices.Backward(changes) {
		if c.From.IsValid() {
			c.From, c.To, c.Malformed = c.To, c.From, ""
			out = append(out, c)
		}
	}
	return out
}

func isChanged(err error) bool {
	return errors.Is(err, port.ErrChanged) || errors.Is(err, boolean.ErrChanged) ||
		errors.Is(err, fcontext.ErrStoreChanged) || errors.Is(err, module.ErrChanged)
}
