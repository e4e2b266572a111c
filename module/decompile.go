package module

import (
	"fmt"
	"slices"

	"github.com/sekit/sekit/internal/policydb"
)

// decompile turns a module policy into a Module: into rules alone if these say
// it all, else into statements that compile to the same.
func decompile(in *policydb.Module) (*Module, error) {
	d := &decompiler{in: in, out: &Module{Name: in.Name, Version: in.Release}}
	if err := d.index(); err != nil {
		return nil, err
	}
	if !d.simple() {
		var err error
		d.out.RequireAttributes = nil
		if d.out.Statements, err = d.block(d.tree(), nil); err != nil {
			return nil, err
		}
		// What a file may have and the language not, names first.
		if _, err = compile(d.out, d.out.Statements, ModOptions{NoMLS: !in.MLS}); err != nil {
			return nil, err
		}
	}
	if err := d.out.Check(); err != nil {
		return nil, err
	}
	return d.out, nil
}

// What is taken apart is limited, for work grows with the product: the largest
// module of a distribution has some hundred blocks and types.
const (
	maxWork  = 1 << 24
	maxTypes = 1 << 14
)

type decompiler struct {
	in  *policydb.Module
	out *Module
	// By value-1.
	types, roles, users, booleans, sensitivities, categories []string
	classes                                                  []*policydb.Class
	typeOf                                                   []*policydb.ModuleType
	roleOf                                                   []*policydb.ModuleRole
	aliases                                                  []*policydb.ModuleType
	symbols                                                  []symbol // of all tables but users, in the order of tables and values
	scopes                                                   [policydb.NumTables]map[string]*policydb.Scope
	nodes                                                    map[uint32]*node
	own                                                      map[uint32]*owned
}

// symbol is a name that some declaration declares or requires.
type symbol struct {
	table policydb.Table
	name  string
	value uint32
	scope *policydb.Scope
}

// index notes names by value and refuses what no text can say.
func (d *decompiler) index() error {
	m, s := d.in, &d.in.Symbols
	switch {
	case len(s.Commons) > 0:
		return &UnsupportedError{"commons"}
	case !m.Capabilities.IsEmpty():
		return &UnsupportedError{"policy capabilities"}
	case len(m.Blocks)*len(m.Scopes[policydb.TableTypes]) > maxWork || len(s.Types) > maxTypes:
		return &UnsupportedError{"a module that large"}
	case len(m.Blocks[0].Branches) > 1:
		return &UnsupportedError{"branches of what holds always"}
	}
	for t := range m.Scopes {
		d.scopes[t] = make(map[string]*policydb.Scope, len(m.Scopes[t]))
		for i := range m.Scopes[t] {
			d.scopes[t][m.Scopes[t][i].Name] = &m.Scopes[t][i]
		}
	}
	table := func(t policydb.Table) []string { return make([]string, s.Num[t]) }
	d.types, d.roles, d.users, d.booleans = table(policydb.TableTypes), table(policydb.TableRoles), table(policydb.TableUsers), table(policydb.TableBooleans)
	d.sensitivities, d.categories = table(policydb.TableSensitivities), table(policydb.TableCategories)
	d.classes = make([]*policydb.Class, s.Num[policydb.TableClasses])
	d.typeOf, d.roleOf = make([]*policydb.ModuleType, len(d.types)), make([]*policydb.ModuleRole, len(d.roles))
	for i := range s.Classes {
		d.classes[s.Classes[i].Value-1] = &s.Classes[i]
		d.symbol(policydb.TableClasses, s.Classes[i].Name, s.Classes[i].Value)
	}
	for i := range s.Roles {
		r := &s.Roles[i]
		if n := r.Dominates.Len(); n > 1 || n == 1 && !r.Dominates.Has(r.Value-1) {
			return &UnsupportedError{fmt.Sprintf("the dominance of the role %q", r.Name)}
		}
		d.roles[r.Value-1], d.roleOf[r.Value-1] = r.Name, r
		d.symbol(policydb.TableRoles, r.Name, r.Value)
	}
	for i := range s.Types {
		t := &s.Types[i]
		if t.Primary == 0 {
			d.aliases = append(d.aliases, t)
			continue
		}
		if t.Flavor == policydb.FlavorAlias {
			d.aliases = append(d.aliases, t)
		}
		d.types[t.Value-1], d.typeOf[t.Value-1] = t.Name, t
		d.symbol(policydb.TableTypes, t.Name, t.Value)
	}
	for i := range s.Users {
		d.users[s.Users[i].Value-1] = s.Users[i].Name
	}
	for i := range s.Booleans {
		d.booleans[s.Booleans[i].Value-1] = s.Booleans[i].Name
		d.symbol(policydb.TableBooleans, s.Booleans[i].Name, s.Booleans[i].Value)
	}
	for i := range s.Sensitivities {
		x := &s.Sensitivities[i]
		d.sensitivities[x.Level.Sensitivity-1] = x.Name
		d.symbol(policydb.TableSensitivities, x.Name, x.Level.Sensitivity)
	}
	for i := range s.Categories {
		d.categories[s.Categories[i].Value-1] = s.Categories[i].Name
		d.symbol(policydb.TableCategories, s.Categories[i].Name, s.Categories[i].Value)
	}
	slices.SortStableFunc(d.symbols, func(a, b symbol) int {
		if a.table != b.table {
			return int(a.table) - int(b.table)
		}
		return int(a.value) - int(b.value)
	})
	return nil
}

func (d *decompiler) symbol(t policydb.Table, name string, value uint32) {
	if s := d.scopes[t][name]; s != nil {
		d.symbols = append(d.symbols, symbol{t, name, value, s})
	}
}

// simple makes rules of a module that has nothing else, each of one source,
// target and class, and requires no more than they use. It reports whether it
// could.
func (d *decompiler) simple() bool {
	first := &d.in.Blocks[0].Branches[0]
	s := &d.in.Symbols
	if len(d.in.Blocks) > 1 || len(s.Users)+len(s.Booleans)+len(s.Sensitivities)+len(s.Categories) > 0 || len(s.Roles) > 1 ||
		len(first.Conditionals)+len(first.RoleTransitions)+len(first.RoleAllows)+len(first.NameTransitions)+len(first.RangeTransitions) > 0 {
		return false
	}
	if !first.Required.Symbols[policydb.TableRoles].IsEmpty() {
		return false
	}
	for i := range s.Types {
		t := &s.Types[i]
		if d.scopes[policydb.TableTypes][t.Name] == nil || d.scopes[policydb.TableTypes][t.Name].Kind == policydb.ScopeDeclared ||
			t.Flavor == policydb.FlavorAlias || t.Primary == 0 || t.Flags != 0 || t.Bounds != 0 || !t.Types.IsEmpty() {
			return false
		}
		if t.Flavor == policydb.FlavorAttribute {
			d.out.RequireAttributes = append(d.out.RequireAttributes, t.Name)
		}
	}
	rules := make([]Rule, 0, len(first.Rules))
	for i := range first.Rules {
		list, err := d.rule(&first.Rules[i], &node{Decl: first})
		if err != nil || len(list) != 1 {
			return false
		}
		a, ok := list[0].(*AccessRule)
		if !ok || len(a.Sources.words()) != 1 || len(a.Targets.words()) != 1 || len(a.Classes) != 1 ||
			len(a.Sources.Names) != 1 || len(a.Targets.Names) != 1 && !a.Targets.Self ||
			a.Sources.Complement || a.Targets.Complement || a.Permissions.All || a.Permissions.Complement {
			return false
		}
		rules = append(rules, Rule{Kind: a.Kind, Source: a.Sources.Names[0], Target: a.Targets.words()[0], Class: a.Classes[0],
			Permissions: a.Permissions.Names, Xperms: a.Xperms})
	}
	d.out.Rules = rules
	if !d.requiresAll() {
		d.out.Rules = nil
		return false
	}
	return true
}

// requiresAll reports whether the module requires no more than its rules use.
func (d *decompiler) requiresAll() bool {
	k := &completer{m: d.out, attributes: make(map[string]bool)}
	for _, a := range d.out.RequireAttributes {
		k.attributes[a] = true
	}
	used := &scope{}
	for i := range d.out.Rules {
		if k.use(&d.out.Rules[i], used) != nil {
			return false
		}
	}
	permissions := 0
	for i := range d.in.Symbols.Classes {
		permissions += int(d.in.Symbols.Classes[i].NumPerms)
	}
	for _, set := range used.missingPermissions {
		permissions -= len(set)
	}
	return permissions == 0 && len(used.missing[typeTable]) == len(d.in.Symbols.Types) &&
		len(used.missingPermissions) == len(d.in.Symbols.Classes)
}
