package module

import (
	"errors"
	"fmt"
	"slices"
)

// Module is a policy module: a name, a version, and what it adds to a policy.
// Rules alone are access vector rules over types and classes that the policy
// has; Statements are all that the module language can say. It is plain data;
// [Module.TE], [Module.CIL], [Module.Mod] and [Module.PP] check it and write it.
//
// What the module uses and does not declare it requires: names in the places
// of types are types unless RequireAttributes has them.
type Module struct {
	// Name is the module's name in the store: a letter, then letters, digits,
	// '_' and '-'.
	Name string `json:"name"`
	// Version is the module's version, such as 1.0; empty means 1.0. Current
	// stores keep none, older ones refuse to install a module over a newer one.
	Version string `json:"version,omitempty"`
	// Comment is what the text starts with, a line each, made safe.
	Comment []string `json:"comment,omitempty"`
	// RequireAttributes are those names among the rules' sources and targets
	// that are attributes of the policy. All others are types. What a
	// [Require] statement names need not be here.
	RequireAttributes []string `json:"require_attributes,omitempty"`
	// Rules are the rules, in any order; those that belong together are merged.
	Rules []Rule `json:"rules"`
	// Statements are what else the module says, in the order in which it is
	// written, before the rules.
	Statements []Statement `json:"-"`
}

// ErrEmpty says that a module has nothing to write: to checkmodule an empty
// module is a syntax error.
var ErrEmpty = errors.New("module without rules and statements")

// RuleError says which rule of a module is wrong.
type RuleError struct {
	Rule int // index into Module.Rules
	Err  error
}

func (e *RuleError) Error() string { return fmt.Sprintf("rule %d: %v", e.Rule, e.Err) }

// Unwrap returns what is wrong with the rule.
func (e *RuleError) Unwrap() error { return e.Err }

// Check says whether the module can be written: that its names are names of
// the module language and of CIL, not reserved there, and its rules complete.
// It knows of no policy. Statements are checked when they are written. Errors are a [*NameError], a [*RuleError] or [ErrEmpty].
func (m *Module) Check() error {
	if err := m.checkHead(); err != nil {
		return err
	}
	for i := range m.Rules {
		if err := m.Rules[i].check(); err != nil {
			return &RuleError{i, err}
		}
	}
	return nil
}

// checkHead checks all but the rules.
func (m *Module) checkHead() error {
	if err := checkModuleName(m.Name); err != nil {
		return err
	}
	if m.Version != "" {
		if err := checkVersion(m.Version); err != nil {
			return err
		}
	}
	for _, a := range m.RequireAttributes {
		if err := checkName("attribute", a); err != nil {
			return err
		}
	}
	if len(m.Rules)+len(m.Statements) == 0 {
		return ErrEmpty
	}
	return nil
}

// Merged returns the module's rules as they are written: sorted by source, then
// self before other targets, then class; rules of the same kind, source, target
// and class merged; a type that is its own target as self.
func (m *Module) Merged() []Rule { return merge(m.Rules, m.isAttribute) }

func (m *Module) isAttribute(name string) bool {
	return slices.Contains(m.RequireAttributes, name)
}

func (m *Module) version() string {
	if m.Version == "" {
		return "1.0"
	}
	return m.Version
}
