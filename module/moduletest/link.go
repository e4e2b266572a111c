package moduletest

import (
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"

	"github.com/sekit/sekit/internal/policydb"
	"github.com/sekit/sekit/module"
	"github.com/sekit/sekit/policy"
)

// link returns the policy with the modules in force linked into it, and their
// file contexts: of each name the one with the highest priority, if it is
// enabled.
func link(p *policy.Policy, records []module.Record, contents map[module.Key]module.Content) (*policy.Policy, []module.FileContext, error) {
	var keys []module.Key
	seen := map[string]bool{base.Name: true}
	for _, r := range records { // the highest priority first
		if !seen[r.Name] && r.Enabled {
			keys = append(keys, r.Key)
		}
		seen[r.Name] = true
	}
	if len(keys) == 0 {
		return p, nil, nil
	}
	attributes := make([]string, 0, 64)
	for a := range p.Attributes() {
		attributes = append(attributes, a.Name())
	}
	for _, k := range keys {
		attributes = append(attributes, declaredAttributes(contents[k])...)
	}
	var units []*unit
	var contexts []module.FileContext
	for _, k := range keys {
		m, fc, err := decode(k, contents[k], attributes)
		if err != nil {
			return nil, nil, fmt.Errorf("module %s: %w", k, err)
		}
		list := unitsOf(k, m)
		for _, u := range list {
			u.cil = contents[k].Language == "cil"
		}
		units, contexts = append(units, list...), append(contexts, fc...)
	}
	data, err := p.MarshalBinary()
	if err != nil {
		return nil, nil, err
	}
	db, err := policydb.Decode(data)
	if err != nil {
		return nil, nil, err
	}
	if db, err = linkUnits(db, units); err != nil {
		return nil, nil, err
	}
	if data, err = policydb.Encode(db); err != nil {
		return nil, nil, err
	}
	linked, err := policy.Parse(data)
	if err != nil {
		return nil, nil, err
	}
	for _, c := range contexts {
		if !c.Context.IsValid() {
			continue
		}
		if err := linked.CheckContext(c.Context); err != nil {
			return nil, nil, fmt.Errorf("file context of %q: %w", c.Regexp, err)
		}
	}
	return linked, contexts, nil
}

// declaration is how CIL declares an attribute.
var declaration = regexp.MustCompile(`\(\s*typeattribute\s+([^\s()]+)\s*\)`)

// declaredAttributes are the attributes that a module in CIL declares: others in
// CIL name them without saying what they are.
func declaredAttributes(c module.Content) []string {
	if c.Language != "cil" {
		return nil
	}
	var out []string
	for _, m := range declaration.FindAllSubmatch(c.Data, -1) {
		out = append(out, string(m[1]))
	}
	return out
}

// parse reads a package or a module in CIL.
func parse(k module.Key, c module.Content, attributes []string) (*module.Package, []module.FileContext, error) {
	switch c.Language {
	case "pp":
		p, err := module.ParsePackage(c.Data)
		if err != nil {
			return nil, nil, err
		}
		if len(p.NetfilterContexts) > 0 {
			return nil, nil, &module.UnsupportedError{What: "netfilter contexts"}
		}
		fc, err := module.ParseFC(k.Name+".fc", p.FileContexts)
		return p, fc, err
	case "cil":
		m, fc, err := module.ParseCIL(k.Name+".cil", c.Data, module.CILOptions{Name: k.Name, RequireAttributes: attributes})
		return &module.Package{Module: m}, fc, err
	}
	return nil, nil, &module.UnsupportedError{What: fmt.Sprintf("the language %q", c.Language)}
}

// decode reads a module in its binary form: what it says with its names in
// tables and its requirements spelled out.
func decode(k module.Key, c module.Content, attributes []string) (*policydb.Module, []module.FileContext, error) {
	p, fc, err := parse(k, c, attributes)
	if err != nil {
		return nil, nil, err
	}
	if c.Language == "pp" {
		d, err := policydb.DecodePackage(c.Data)
		if err != nil {
			return nil, nil, err
		}
		return d.Module, fc, nil
	}
	if len(p.Module.Statements)+len(p.Module.Rules) == 0 { // file contexts alone
		return &policydb.Module{Blocks: []policydb.Block{{Branches: make([]policydb.Decl, 1)}}}, fc, nil
	}
	mod, err := p.Module.Mod(module.ModOptions{})
	if err != nil {
		return nil, nil, err
	}
	m, err := policydb.DecodeModule(mod)
	return m, fc, err
}

// unit is a block of a module: one that holds, or an optional one that holds if
// all is there that it names. The else branch of one is left out, as by pp,
// since CIL has none.
type unit struct {
	*policydb.Decl
	key      module.Key
	m        *policydb.Module
	names    *names
	symbols  *policydb.Symbols // what it adds to
	cil      bool              // was not a package
	optional bool
	off      bool
}

func unitsOf(k module.Key, m *policydb.Module) []*unit {
	n := namesOf(m)
	out := make([]*unit, 0, len(m.Blocks))
	for i := range m.Blocks {
		u := &unit{Decl: &m.Blocks[i].Branches[0], key: k, m: m, names: n, optional: i > 0}
		if u.symbols = &u.Decl.Symbols; i == 0 {
			u.symbols = &m.Symbols
		}
		out = append(out, u)
	}
	return out
}

// names are a module's names by value-1, and who declares those of types and
// roles.
type names struct {
	types, roles, users, booleans, sensitivities, categories []string
	classes                                                  []*policydb.Class
	booleanOf                                                []*policydb.ModuleBoolean
	roleOf                                                   []*policydb.ModuleRole
	scopes                                                   [policydb.NumTables]map[string]*policydb.Scope
}

func at[T any](list *[]T, value uint32, x T) {
	for int(value) > len(*list) {
		var zero T
		*list = append(*list, zero)
	}
	(*list)[value-1] = x
}

// nth is the name of a value.
func nth(list []string, value uint32) string {
	if value == 0 || int(value) > len(list) {
		return ""
	}
	return list[value-1]
}

func namesOf(m *policydb.Module) *names {
	n := &names{}
	for _, t := range m.Symbols.Types {
		if t.Primary != 0 || t.Flavor == policydb.FlavorAlias {
			at(&n.types, t.Value, t.Name)
		}
	}
	for i := range m.Symbols.Classes {
		at(&n.classes, m.Symbols.Classes[i].Value, &m.Symbols.Classes[i])
	}
	for i := range m.Symbols.Roles {
		at(&n.roles, m.Symbols.Roles[i].Value, m.Symbols.Roles[i].Name)
		at(&n.roleOf, m.Symbols.Roles[i].Value, &m.Symbols.Roles[i])
	}
	for _, u := range m.Symbols.Users {
		at(&n.users, u.Value, u.Name)
	}
	for i := range m.Symbols.Booleans {
		at(&n.booleans, m.Symbols.Booleans[i].Value, m.Symbols.Booleans[i].Name)
		at(&n.booleanOf, m.Symbols.Booleans[i].Value, &m.Symbols.Booleans[i])
	}
	for _, s := range m.Symbols.Sensitivities {
		at(&n.sensitivities, s.Level.Sensitivity, s.Name)
	}
	for _, c := range m.Symbols.Categories {
		at(&n.categories, c.Value, c.Name)
	}
	for t := range n.scopes {
		n.scopes[t] = make(map[string]*policydb.Scope)
		for i := range m.Scopes[t] {
			n.scopes[t][m.Scopes[t][i].Name] = &m.Scopes[t][i]
		}
	}
	return n
}

// declares reports whether the unit declares a name.
func (u *unit) declares(t policydb.Table, name string) bool {
	s := u.names.scopes[t][name]
	if s == nil || s.Kind != policydb.ScopeDeclared {
		return false
	}
	if t == policydb.TableTypes { // who declares comes last
		return s.Decls[len(s.Decls)-1] == u.ID
	}
	return slices.Contains(s.Decls, u.ID) && (t != policydb.TableRoles || name != "object_r")
}

// linkUnits links units to a policy, of the optional ones those that name nothing
// that is missing: one that does leaves the policy as a whole, and maybe with it
// what others name.
func linkUnits(db *policydb.Policy, units []*unit) (*policydb.Policy, error) {
	for {
		l := newLinker(db)
		u, err := l.link(units)
		if err == nil {
			return l.finish()
		}
		var missing *policy.NameError
		if !u.optional || !errors.As(err, &missing) {
			return nil, fmt.Errorf("module %s: %w", u.key, err)
		}
		u.off = true
	}
}

// link links the units that are not off; an error comes with the one that it is
// about.
func (l *linker) link(units []*unit) (*unit, error) {
	for _, step := range [...]func(*unit) error{l.declare, l.alias, l.attributes} {
		for _, u := range units {
			if u.off {
				continue
			}
			if err := step(u); err != nil {
				return u, err
			}
		}
	}
	l.close()
	l.infer()
	for _, step := range [...]func(*unit) error{l.require, l.roleTypes, l.say} {
		for _, u := range units {
			if u.off {
				continue
			}
			if err := step(u); err != nil {
				return u, err
			}
		}
	}
	return nil, nil
}

// require checks that what a unit requires is there. Classes, booleans and the
// like are seen to where they are used: CIL has no other requirement of them.
func (l *linker) require(u *unit) error {
	for bit := range u.Required.Symbols[policydb.TableTypes].All() {
		if _, err := l.typeOf(u, bit+1); err != nil {
			return err
		}
	}
	for bit := range u.Required.Symbols[policydb.TableRoles].All() {
		if _, err := l.role(u, bit+1); err != nil {
			return err
		}
	}
	return nil
}

// sortedKeys is for what is gone through in the same order always.
func sortedKeys[V any](m map[uint32]V) []uint32 { return slices.Sorted(maps.Keys(m)) }
