package module

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
)

// complete returns the module's statements and rules, merged for the text or for
// binary, led in each block by a require statement for what the block uses and
// nothing declares or requires.
func (m *Module) complete(binary bool) ([]Statement, error) {
	k := &completer{m: m, attributes: make(map[string]bool, len(m.RequireAttributes))}
	for _, a := range m.RequireAttributes {
		k.attributes[a] = true
	}
	list := make([]Statement, 0, len(m.Statements)+len(m.Rules))
	list = append(list, m.Statements...)
	if binary {
		list = mergeForBinary(list, m.Rules, m.isAttribute)
	} else {
		rules := m.Merged()
		for i := range rules {
			list = append(list, &rules[i])
		}
	}
	return k.block(list, nil, 0)
}

// completer finds what statements use.
type completer struct {
	m          *Module
	attributes map[string]bool
	last       *Rule // the rule before, if it was in lastScope
	lastScope  *scope
}

// scope is what a block knows and what it lacks.
type scope struct {
	parent   *scope
	isElse   bool // lacks nothing itself: what it lacks the block around does
	required bool // something, by a statement
	// Known and missing are names by what they are told apart by: the table.
	known   [tables]map[string]bool
	missing [tables]map[string]SymbolKind
	// Permissions by class.
	knownPermissions, missingPermissions map[string]map[string]bool
}

// The tables that names are told apart by.
const (
	typeTable = iota
	roleTable
	booleanTable
	userTable
	sensitivityTable
	categoryTable
	classTable
	tables
)

func tableOf(k SymbolKind) int {
	switch k {
	case TypeSymbol, AttributeSymbol:
		return typeTable
	case RoleSymbol, RoleAttributeSymbol:
		return roleTable
	case BooleanSymbol, TunableSymbol:
		return booleanTable
	case UserSymbol:
		return userTable
	case SensitivitySymbol:
		return sensitivityTable
	case CategorySymbol:
		return categoryTable
	}
	return classTable
}

// put sets the value of a key in a map, which is made if there is none.
func put[V any](m *map[string]V, key string, value V) {
	if *m == nil {
		*m = make(map[string]V)
	}
	(*m)[key] = value
}

// block completes a list of statements.
func (k *completer) block(list []Statement, parent *scope, depth int) ([]Statement, error) {
	if depth > maxDepth {
		return nil, fmt.Errorf("blocks deeper than %d", maxDepth)
	}
	s := &scope{parent: parent}
	return k.branch(list, s, depth)
}

func (k *completer) branch(list []Statement, s *scope, depth int) ([]Statement, error) {
	for _, x := range list {
		s.learn(x)
	}
	out := list
	for i, x := range list {
		if err := k.use(x, s); err != nil {
			return nil, statementError(x, err)
		}
		o, ok := x.(*Optional)
		if !ok {
			continue
		}
		next, err := k.optional(o, s, depth)
		if err != nil {
			return nil, err
		}
		if next != o {
			if &out[0] == &list[0] {
				out = slices.Clone(list)
			}
			out[i] = next
		}
	}
	if s.isElse {
		return out, nil
	}
	if r := s.require(); r != nil {
		out = append([]Statement{r}, out...)
	}
	return out, nil
}

// optional completes both branches. Else comes first: the branch is no place
// for requirements, so that what it lacks is the block's around.
func (k *completer) optional(o *Optional, s *scope, depth int) (*Optional, error) {
	other := &scope{parent: s, isElse: true}
	otherwise, err := k.branch(o.Else, other, depth+1)
	if err != nil {
		return nil, err
	}
	body, err := k.block(o.Body, s, depth+1)
	if err != nil {
		return nil, err
	}
	if same(body, o.Body) && same(otherwise, o.Else) {
		return o, nil
	}
	next := *o
	next.Body, next.Else = body, otherwise
	return &next, nil
}

func same(a, b []Statement) bool {
	return len(a) == len(b) && (len(a) == 0 || &a[0] == &b[0])
}

// learn notes what a statement declares or requires, in conditionals too.
func (s *scope) learn(x Statement) {
	declare := func(kind SymbolKind, names ...string) {
		for _, n := range names {
			put(&s.known[tableOf(kind)], n, true)
		}
	}
	switch x := x.(type) {
	case *Require:
		for i := range x.Symbols {
			r := &x.Symbols[i]
			s.required = s.required || r.Kind != UserSymbol
			declare(r.Kind, r.Name)
			for _, p := range r.Permissions {
				add(&s.knownPermissions, r.Name, p)
			}
		}
	case *Type:
		declare(TypeSymbol, x.Name)
		declare(TypeSymbol, x.Aliases...)
	case *Attribute:
		declare(TypeSymbol, x.Name)
	case *TypeAlias:
		declare(TypeSymbol, x.Aliases...)
	case *Boolean:
		declare(BooleanSymbol, x.Name)
	case *Role:
		declare(RoleSymbol, x.Name)
	case *AttributeRole:
		declare(RoleSymbol, x.Name)
	case *User:
		declare(UserSymbol, x.Name)
	case *If:
		for _, in := range x.Then {
			s.learnRequired(in)
		}
		for _, in := range x.Else {
			s.learnRequired(in)
		}
	}
}

func (s *scope) learnRequired(x Statement) {
	if r, ok := x.(*Require); ok {
		s.learn(r)
	}
}

func add(m *map[string]map[string]bool, key, value string) {
	values := (*m)[key]
	put(&values, value, true)
	put(m, key, values)
}

// name notes that a name is used.
func (s *scope) name(kind SymbolKind, name string) {
	t := tableOf(kind)
	place := s
	for p := s; p != nil; p = p.parent {
		if p.known[t][name] {
			return
		}
		if has, ok := p.missing[t][name]; ok {
			if kind == AttributeSymbol && has == TypeSymbol || kind == RoleAttributeSymbol && has == RoleSymbol {
				p.missing[t][name] = kind
			}
			return
		}
		if place.isElse {
			place = p
		}
	}
	put(&place.missing[t], name, kind)
}

// permissions notes that permissions of a class are used.
func (s *scope) permissions(class string, names []string) {
	for _, name := range names {
		s.permission(class, name)
	}
}

func (s *scope) permission(class, name string) {
	place := s
	for p := s; p != nil; p = p.parent {
		if p.knownPermissions[class][name] || p.missingPermissions[class][name] {
			return
		}
		if place.isElse {
			place = p
		}
	}
	add(&place.missingPermissions, class, name)
}

// require is the statement for what is missing. A block that requires nothing
// is no block to checkmodule: it requires object_r, which is always there.
func (s *scope) require() *Require {
	r := &Require{implied: true}
	for _, t := range [...]int{typeTable, roleTable, booleanTable, sensitivityTable, categoryTable} {
		r.Symbols = appendSymbols(r.Symbols, s.missing[t], t == categoryTable || t == sensitivityTable)
	}
	for _, class := range slices.Sorted(maps.Keys(s.missingPermissions)) {
		r.Symbols = append(r.Symbols, Symbol{Kind: ClassSymbol, Name: class, Permissions: slices.Sorted(maps.Keys(s.missingPermissions[class]))})
	}
	if len(r.Symbols) == 0 {
		if s.required {
			return nil
		}
		r.Symbols = []Symbol{{Kind: RoleSymbol, Name: objectR}}
	}
	return r
}

// appendSymbols appends the names of a table, sorted, attributes first.
// Shorter ones come first where ranges want c2 before c10.
func appendSymbols(list []Symbol, table map[string]SymbolKind, byLength bool) []Symbol {
	names := slices.AppendSeq(make([]string, 0, len(table)), maps.Keys(table))
	slices.Sort(names)
	if byLength {
		slices.SortStableFunc(names, func(a, b string) int { return cmp.Compare(len(a), len(b)) })
	}
	list = slices.Grow(list, len(names))
	first := len(list)
	for _, name := range names {
		list = append(list, Symbol{Kind: table[name], Name: name})
	}
	slices.SortStableFunc(list[first:], func(a, b Symbol) int { return cmp.Compare(b.Kind, a.Kind) })
	return list
}

// use notes what a statement uses.
func (k *completer) use(x Statement, s *scope) error {
	switch x := x.(type) {
	case *Rule:
		before := k.last // neighbours are often about the same
		if before == nil || k.lastScope != s {
			before = &Rule{}
		}
		if x.Source != before.Source {
			k.typeName(x.Source, s)
		}
		if x.Target != Self && x.Target != before.Target {
			k.typeName(x.Target, s)
		}
		if x.Class != before.Class || !slices.Equal(x.Permissions, before.Permissions) {
			s.permissions(x.Class, x.Permissions)
		}
		k.last, k.lastScope = x, s
	case *AccessRule:
		k.set(&x.Sources, s)
		k.set(&x.Targets, s)
		for _, class := range x.Classes {
			if len(x.Permissions.Names) > 0 {
				s.permissions(class, x.Permissions.Names)
			}
			if len(x.Permissions.Names) == 0 && !s.knows(class) {
				return fmt.Errorf("* of a class of which no permission is required: %q", class)
			}
		}
	case *TypeRule:
		k.set(&x.Sources, s)
		k.set(&x.Targets, s)
		k.typeName(x.NewType, s)
		return s.classes(x.Classes)
	case *Type:
		s.attributes(x.Attributes)
	case *TypeAlias:
		k.typeName(x.Type, s)
	case *TypeAttribute:
		k.typeName(x.Type, s)
		s.attributes(x.Attributes)
	case *TypeBounds:
		k.typeName(x.Parent, s)
		k.typeNames(x.Types, s)
	case *ExpandAttribute:
		s.attributes(x.Attributes)
	case *Permissive:
		k.typeName(x.Type, s)
	case *NeverAudit:
		k.typeName(x.Type, s)
	case *Role:
		s.roleAttributes(x.Attributes)
	case *RoleAttribute:
		s.name(RoleSymbol, x.Role)
		s.roleAttributes(x.Attributes)
	case *RoleTypes:
		s.name(RoleSymbol, x.Role)
		k.set(&x.Types, s)
	case *RoleAllow:
		s.roles(x.From)
		s.roles(x.To)
	case *RoleTransition:
		s.roles(x.Roles)
		s.name(RoleSymbol, x.NewRole)
		k.set(&x.Types, s)
		return s.transitionClasses(x.Classes)
	case *RangeTransition:
		k.set(&x.Sources, s)
		k.set(&x.Targets, s)
		s.level(&x.Range.Low)
		s.level(&x.Range.High)
		return s.transitionClasses(x.Classes)
	case *User:
		s.roles(x.Roles)
		s.level(&x.Level)
		s.level(&x.Range.Low)
		s.level(&x.Range.High)
	case *If:
		x.Condition.booleans(func(name string) { s.name(BooleanSymbol, name) }, 0)
		for _, branch := range [...][]Statement{x.Then, x.Else} {
			for _, in := range branch {
				if err := k.use(in, s); err != nil {
					return statementError(in, err)
				}
			}
		}
	}
	return nil
}

func (k *completer) typeName(name string, s *scope) {
	kind := TypeSymbol
	if k.attributes[name] {
		kind = AttributeSymbol
	}
	s.name(kind, name)
}

func (k *completer) typeNames(names []string, s *scope) {
	for _, n := range names {
		k.typeName(n, s)
	}
}

func (k *completer) set(x *TypeSet, s *scope) {
	k.typeNames(x.Names, s)
	k.typeNames(x.Except, s)
}

func (s *scope) attributes(names []string) {
	for _, n := range names {
		s.name(AttributeSymbol, n)
	}
}

func (s *scope) roleAttributes(names []string) {
	for _, n := range names {
		s.name(RoleAttributeSymbol, n)
	}
}

func (s *scope) roles(names []string) {
	for _, n := range names {
		s.name(RoleSymbol, n)
	}
}

func (s *scope) level(l *Level) {
	if l.isZero() {
		return
	}
	s.name(SensitivitySymbol, l.Sensitivity)
	for _, c := range l.Categories {
		s.name(CategorySymbol, c.Low)
		s.name(CategorySymbol, c.High)
	}
}

// knows reports whether a class is required, whatever of it.
func (s *scope) knows(class string) bool {
	for ; s != nil; s = s.parent {
		if s.known[classTable][class] || s.missingPermissions[class] != nil {
			return true
		}
	}
	return false
}

// classes notes classes that a rule names without permissions. The language
// has no requirement of a class alone, so that one is taken that every class
// of the kind has.
func (s *scope) classes(names []string) error {
	for _, n := range names {
		if s.knows(n) {
			continue
		}
		p := "create"
		if n == process {
			p = "transition"
		}
		s.permission(n, p)
	}
	return nil
}

// transitionClasses are the classes of a transition; none stands for process.
func (s *scope) transitionClasses(names []string) error {
	if len(names) == 0 {
		names = []string{process}
	}
	return s.classes(names)
}
