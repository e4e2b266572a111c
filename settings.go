package sekit

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/sekit/sekit/boolean"
	"github.com/sekit/sekit/fcontext"
	"github.com/sekit/sekit/module"
	"github.com/sekit/sekit/policy"
	"github.com/sekit/sekit/port"
	"github.com/sekit/sekit/port/infiniband"
)

// Settings say what shall be so on a machine. [System.Plan] finds out what has
// to be changed for it. The zero Settings ask for nothing.
type Settings struct {
	// Modules shall be installed.
	Modules []ModuleSetting `json:"modules,omitempty"`
	// Ports shall have a type.
	Ports []port.Setting `json:"ports,omitempty"`
	// Infiniband are partition keys and end ports that shall have a type.
	Infiniband []infiniband.Setting `json:"infiniband,omitempty"`
	// Contexts are what files shall have, by the paths' patterns.
	Contexts []fcontext.LocalSetting `json:"contexts,omitempty"`
	// Equivalences are directories whose files shall have the contexts that
	// those at the same place in another one have.
	Equivalences []fcontext.Equivalence `json:"equivalences,omitempty"`
	// Booleans shall have a value, to stay.
	Booleans []boolean.Record `json:"booleans,omitempty"`
	// Permissive are domains that shall be permissive, to stay; for a while is
	// what [Machine.Permissive] is for.
	Permissive []string `json:"permissive,omitempty"`
	// Without are the local records that shall not be.
	Without Without `json:"without,omitzero"`
	// Relabel are files that shall then have the contexts that the file contexts
	// say.
	Relabel []Relabel `json:"relabel,omitempty"`
}

// IsZero reports whether the settings ask for nothing.
func (s Settings) IsZero() bool {
	w := s.Without
	return len(s.Modules)+len(s.Ports)+len(s.Infiniband)+len(s.Contexts)+len(s.Equivalences)+len(s.Booleans)+len(s.Permissive)+len(s.Relabel) == 0 &&
		len(w.Modules)+len(w.Ports)+len(w.Infiniband)+len(w.Contexts)+len(w.Equivalences)+len(w.Booleans)+len(w.Permissive) == 0
}

// Relabel says which files get the contexts that the file contexts say: what
// restorecon does.
type Relabel struct {
	// Path is absolute and in its shortest form.
	Path string `json:"path"`
	// Recursive is for a directory with all below it.
	Recursive bool `json:"recursive,omitempty"`
	// Whole changes user, role and range with the type, and customizable types,
	// too (restorecon -F).
	Whole bool `json:"whole,omitempty"`
}

// String says it for people.
func (r Relabel) String() string {
	s := fmt.Sprintf("relabel %q", r.Path)
	if r.Recursive {
		s += " and all below it"
	}
	if r.Whole {
		s += ", user, role and range as well"
	}
	return s
}

// Command returns the command that does it. Its arguments are not quoted.
func (r Relabel) Command() []string {
	out := []string{"restorecon"}
	if r.Whole {
		out = append(out, "-F")
	}
	if r.Recursive {
		out = append(out, "-R")
	}
	return append(out, r.Path)
}

func (r Relabel) options() fcontext.RelabelOptions {
	o := fcontext.RelabelOptions{Recursive: r.Recursive}
	if r.Whole {
		o.Reset = fcontext.ResetAll
	}
	return o
}

// Without names local records that shall not be. One that is not there is so
// already; the policy's own can't be taken away.
type Without struct {
	Modules      []module.Key        `json:"modules,omitempty"`
	Ports        []port.Key          `json:"ports,omitempty"`
	Infiniband   []infiniband.Key    `json:"infiniband,omitempty"`
	Contexts     []fcontext.LocalKey `json:"contexts,omitempty"`
	Equivalences []string            `json:"equivalences,omitempty"` // targets
	Booleans     []string            `json:"booleans,omitempty"`
	Permissive   []string            `json:"permissive,omitempty"` // domains
}

// ModuleSetting is a module as a file, and where in the store it shall be.
type ModuleSetting struct {
	module.Key
	// Language is that of the file: pp or cil.
	Language string `json:"language"`
	Data     []byte `json:"data"`
}

// SettingError says which of several settings can't be. The rooms' own errors
// ([port.Error], [boolean.Error]) name the port or the boolean themselves.
type SettingError struct {
	Kind string // "permissive", "relabel"
	Key  string
	Err  error
}

func (e *SettingError) Error() string { return fmt.Sprintf("%s %q: %v", e.Kind, e.Key, e.Err) }

// Unwrap returns what is wrong.
func (e *SettingError) Unwrap() error { return e.Err }

// Plan returns the changes that make settings so, and changes nothing. What is
// so already is left out. The settings are taken in their order, those to be
// without first. A setting that can't be is an error, and there is no plan.
//
// All settings are held against the policy as it is: a port type that a module
// brings can only be used once the module is installed.
func (s *System) Plan(ctx context.Context, want Settings) (*Plan, error) {
	p := &Plan{sys: s}
	if err := p.planModules(ctx, want); err != nil {
		return nil, err
	}
	if err := p.planPorts(want); err != nil {
		return nil, err
	}
	if err := p.planInfiniband(want); err != nil {
		return nil, err
	}
	if err := p.planContexts(want); err != nil {
		return nil, err
	}
	if err := p.planBooleans(want); err != nil {
		return nil, err
	}
	if err := p.planPermissive(want); err != nil {
		return nil, err
	}
	for _, r := range want.Relabel {
		if err := checkPath(r.Path); err != nil {
			return nil, &SettingError{"relabel", clip(r.Path), err}
		}
		if !slices.Contains(p.Relabel, r) {
			p.Relabel = append(p.Relabel, r)
		}
	}
	return p, nil
}

func (p *Plan) planPorts(want Settings) error {
	t := p.sys.ports()
	add := func(c port.Change, err error) error {
		if err != nil || c.Op == port.Nothing {
			return err
		}
		p.Ports = append(p.Ports, c)
		t, err = t.With(c)
		return err
	}
	for _, k := range want.Without.Ports {
		err := add(t.PlanDelete(k))
		// The policy's own record of that key, or none: there is no local one.
		if owner := (*port.OwnerError)(nil); err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.As(err, &owner) {
			return err
		}
	}
	for _, s := range want.Ports {
		if err := add(t.PlanSet(s)); err != nil {
			return err
		}
	}
	return nil
}

func (p *Plan) planInfiniband(want Settings) error {
	t := p.sys.infiniband()
	add := func(c infiniband.Change, err error) error {
		if err != nil || c.Op == port.Nothing {
			return err
		}
		p.Infiniband = append(p.Infiniband, c)
		t, err = t.With(c)
		return err
	}
	for _, k := range want.Without.Infiniband {
		// The policy's own record of that key, or none: there is no local one.
		if err := add(t.PlanDelete(k)); err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, fs.ErrPermission) {
			return err
		}
	}
	for _, s := range want.Infiniband {
		if err := add(t.PlanSet(s)); err != nil {
			return err
		}
	}
	return nil
}

func (p *Plan) planBooleans(want Settings) error {
	t := p.sys.booleans()
	add := func(c boolean.Change, err error) error {
		if err != nil || c.Op == boolean.Nothing {
			return err
		}
		p.Booleans = append(p.Booleans, c)
		t, err = t.With(c)
		return err
	}
	for _, name := range want.Without.Booleans {
		if b, err := t.Lookup(name); err == nil && !b.Local {
			continue
		}
		if err := add(t.PlanReset(name)); err != nil {
			return err
		}
	}
	for _, r := range want.Booleans {
		if err := add(t.PlanPersist(r.Name, r.On)); err != nil {
			return err
		}
	}
	return nil
}

func (p *Plan) planContexts(want Settings) error {
	wanted := len(want.Contexts) + len(want.Equivalences) + len(want.Without.Contexts) + len(want.Without.Equivalences)
	if wanted == 0 {
		return nil
	}
	t := p.sys.LocalContexts
	if t == nil {
		return errNoContexts
	}
	add := func(changes []fcontext.LocalChange, err error) error {
		for _, c := range changes {
			if err == nil && c.Op != fcontext.Nothing {
				p.Contexts = append(p.Contexts, c)
				t, err = t.With(c)
			}
		}
		return err
	}
	one := func(c fcontext.LocalChange, err error) error {
		// Of what shall not be: the policy's own record, or none.
		if owner := (*fcontext.OwnerError)(nil); errors.Is(err, fs.ErrNotExist) || errors.As(err, &owner) {
			return nil
		}
		return add([]fcontext.LocalChange{c}, err)
	}
	for _, target := range want.Without.Equivalences {
		if err := one(t.PlanDeleteEquivalence(target)); err != nil {
			return err
		}
	}
	for _, k := range want.Without.Contexts {
		if err := one(t.PlanDelete(k)); err != nil {
			return err
		}
	}
	for _, e := range want.Equivalences {
		if err := add(t.PlanEquivalence(e)); err != nil {
			return err
		}
	}
	for _, s := range want.Contexts {
		c, err := t.PlanSet(s)
		if err := add([]fcontext.LocalChange{c}, err); err != nil {
			return err
		}
	}
	return nil
}

func (p *Plan) planModules(ctx context.Context, want Settings) error {
	if len(want.Modules)+len(want.Without.Modules) == 0 {
		return nil
	}
	t := p.sys.Modules
	if t == nil {
		return errNoModules
	}
	add := func(c module.Change, err error) error {
		if err != nil || c.Op == module.Nothing {
			return err
		}
		p.Modules = append(p.Modules, c)
		t, err = t.With(c)
		return err
	}
	for _, k := range want.Without.Modules {
		if err := add(t.PlanRemove(ctx, k)); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	for _, m := range want.Modules {
		if err := add(t.PlanInstall(ctx, m.Key, module.Content{Language: m.Language, Data: m.Data})); err != nil {
			return err
		}
	}
	return nil
}

var (
	errNoContexts = fmt.Errorf("the local file contexts are not known: %w", errors.ErrUnsupported)
	errNoModules  = fmt.Errorf("the modules are not known: %w", errors.ErrUnsupported)
)

// checkPath takes absolute paths in their shortest form, as fcontext does.
func checkPath(name string) error {
	if !strings.HasPrefix(name, "/") || path.Clean(name) != name || strings.ContainsRune(name, 0) {
		return fmt.Errorf("no absolute path in its shortest form: %w", fs.ErrInvalid)
	}
	return nil
}

// clip keeps hostile text in errors short.
func clip(s string) string {
	if len(s) > 64 {
		return s[:64] + "..."
	}
	return s
}

// ports returns the port records, also of a System without a table.
func (s *System) ports() *port.Table {
	if s.Ports == nil {
		return port.NewTable(s.Policy, nil)
	}
	return s.Ports
}

func (s *System) infiniband() *infiniband.Table {
	if s.Infiniband == nil {
		return infiniband.NewTable(s.Policy, nil)
	}
	return s.Infiniband
}

func (s *System) booleans() *boolean.Table {
	if s.Booleans == nil {
		return boolean.NewTable(s.Policy, nil, nil)
	}
	return s.Booleans
}

func (s *System) domain(name string) (policy.Type, error) {
	if !policy.ValidName(name) {
		return policy.Type{}, fmt.Errorf("not a name: %w", fs.ErrInvalid)
	}
	t, err := s.Policy.Type(name)
	if err != nil {
		return policy.Type{}, fmt.Errorf("%w: %w", err, fs.ErrNotExist)
	}
	return t, nil
}
