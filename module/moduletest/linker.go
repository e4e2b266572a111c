package moduletest

import (
	"fmt"
	"maps"
	"slices"

	"github.com/sekit/sekit/internal/policydb"
	"github.com/sekit/sekit/module"
	"github.com/sekit/sekit/policy"
)

// linker adds modules to a policy.
type linker struct {
	db *policydb.Policy // being made; what is shared with the first is not changed

	// Values by name. Aliases have their type's.
	types, roles, users, booleans, sensitivities, categories map[string]uint32
	classes                                                  map[string]*policydb.Class
	commons                                                  map[string]*policydb.Common
	tunables                                                 map[string]bool

	isAttribute map[uint32]bool
	members     map[uint32]map[uint32]bool // of attributes
	grown       map[uint32]bool            // attributes of the policy that got more
	// roleMembers are the roles of the modules' attributes of roles: the
	// policy's own are not in its file.
	roleMembers map[string]map[uint32]bool
	roleIndex   map[uint32]int // into db.Roles
	before      uint32         // the number of the policy's own types
	// conditionalsBefore is the number of the policy's own conditionals.
	conditionalsBefore int
	nameOf             map[uint32]string
	selfRules          map[uint32][]policydb.AVRule // of the policy, by type

	rules    []policydb.AVRule
	xperms   []policydb.XPerms
	sets     map[string]uint32 // attributes that were made for sets of types
	setCount int
}

func newLinker(base *policydb.Policy) *linker {
	db := *base
	db.Types, db.Roles, db.Users, db.Booleans = slices.Clip(db.Types), slices.Clone(db.Roles), slices.Clip(db.Users), slices.Clip(db.Booleans)
	db.Conditionals, db.TypeAttributes = slices.Clip(db.Conditionals), slices.Clone(db.TypeAttributes)
	l := &linker{db: &db,
		types: make(map[string]uint32, len(db.Types)), roles: make(map[string]uint32), users: make(map[string]uint32),
		booleans: make(map[string]uint32), sensitivities: make(map[string]uint32), categories: make(map[string]uint32),
		classes: make(map[string]*policydb.Class), commons: make(map[string]*policydb.Common), tunables: make(map[string]bool),
		isAttribute: make(map[uint32]bool), members: make(map[uint32]map[uint32]bool), grown: make(map[uint32]bool),
		roleMembers: make(map[string]map[uint32]bool), roleIndex: make(map[uint32]int), before: db.NumTypes, conditionalsBefore: len(db.Conditionals), sets: make(map[string]uint32),
	}
	for i := range db.Types {
		t := &db.Types[i]
		l.types[t.Name] = t.Value
		if t.Properties&policydb.TypeAttribute != 0 {
			l.isAttribute[t.Value] = true
			l.members[t.Value] = make(map[uint32]bool)
		}
	}
	for i := range db.TypeAttributes {
		for bit := range db.TypeAttributes[i].All() {
			if set := l.members[bit+1]; set != nil && bit != uint32(i) {
				set[uint32(i)+1] = true
			}
		}
	}
	for i := range db.Roles {
		l.roles[db.Roles[i].Name], l.roleIndex[db.Roles[i].Value] = db.Roles[i].Value, i
	}
	for i := range db.Users {
		l.users[db.Users[i].Name] = db.Users[i].Value
	}
	for i := range db.Booleans {
		l.booleans[db.Booleans[i].Name] = db.Booleans[i].Value
	}
	for i := range db.Sensitivities {
		l.sensitivities[db.Sensitivities[i].Name] = db.Sensitivities[i].Level.Sensitivity
	}
	for i := range db.Categories {
		l.categories[db.Categories[i].Name] = db.Categories[i].Value
	}
	for i := range db.Classes {
		l.classes[db.Classes[i].Name] = &db.Classes[i]
	}
	for i := range db.Commons {
		l.commons[db.Commons[i].Name] = &db.Commons[i]
	}
	return l
}

// declare adds what a unit declares.
func (l *linker) declare(u *unit) error {
	for i := range u.m.Symbols.Types {
		t := &u.m.Symbols.Types[i]
		if t.Primary == 0 || t.Flavor == policydb.FlavorAlias || !u.declares(policydb.TableTypes, t.Name) {
			continue
		}
		if _, had := l.types[t.Name]; had {
			return &module.DuplicateError{Kind: "type", Name: t.Name}
		}
		l.addType(t.Name, t.Flavor == policydb.FlavorAttribute)
	}
	for i := range u.m.Symbols.Roles {
		r := &u.m.Symbols.Roles[i]
		if !u.declares(policydb.TableRoles, r.Name) {
			continue
		}
		_, had := l.roles[r.Name]
		if r.Attribute && l.roleMembers[r.Name] == nil {
			l.roleMembers[r.Name] = make(map[uint32]bool)
			continue
		}
		if had || r.Attribute {
			return &module.DuplicateError{Kind: "role", Name: r.Name}
		}
		l.db.NumRoles++
		v := l.db.NumRoles
		l.roles[r.Name], l.roleIndex[v] = v, len(l.db.Roles)
		l.db.Roles = append(l.db.Roles, policydb.Role{Name: r.Name, Value: v, Dominates: policydb.NewBitmap(v - 1)})
	}
	for i := range u.m.Symbols.Booleans {
		b := &u.m.Symbols.Booleans[i]
		if !u.declares(policydb.TableBooleans, b.Name) {
			continue
		}
		_, had := l.booleans[b.Name]
		_, hadTunable := l.tunables[b.Name]
		if had || hadTunable {
			return &module.DuplicateError{Kind: "boolean", Name: b.Name}
		}
		if b.Tunable {
			l.tunables[b.Name] = b.State
			continue
		}
		l.db.NumBooleans++
		l.booleans[b.Name] = l.db.NumBooleans
		l.db.Booleans = append(l.db.Booleans, policydb.Boolean{Name: b.Name, Value: l.db.NumBooleans, State: b.State})
	}
	return nil
}

func (l *linker) addType(name string, attribute bool) uint32 {
	l.db.NumTypes++
	t := policydb.Type{Name: name, Value: l.db.NumTypes, Properties: policydb.TypePrimary}
	if attribute {
		t.Properties |= policydb.TypeAttribute
		l.isAttribute[t.Value], l.members[t.Value] = true, make(map[uint32]bool)
	}
	l.types[name] = t.Value
	l.db.Types = append(l.db.Types, t)
	l.db.TypeAttributes = append(l.db.TypeAttributes, policydb.Bitmap{}) // by finish
	return t.Value
}

// alias adds a unit's aliases.
func (l *linker) alias(u *unit) error {
	for i := range u.m.Symbols.Types {
		t := &u.m.Symbols.Types[i]
		primary := t.Value
		if t.Flavor == policydb.FlavorAlias {
			primary = t.Primary
		} else if t.Primary != 0 {
			continue
		}
		if !u.declares(policydb.TableTypes, t.Name) {
			continue
		}
		v, err := l.typeOf(u, primary)
		if err != nil {
			return err
		}
		_, had := l.types[t.Name]
		// For an alias in an optional block pp declares the type again there.
		name := nth(u.names.types, primary)
		again := !u.cil && u.optional && !u.declares(policydb.TableTypes, name) &&
			u.names.scopes[policydb.TableTypes][name].Kind == policydb.ScopeDeclared
		if had || again {
			return &module.DuplicateError{Kind: "type", Name: t.Name}
		}
		l.types[t.Name] = v
		l.db.Types = append(l.db.Types, policydb.Type{Name: t.Name, Value: v})
	}
	return nil
}

// typeOf is the type or attribute that a unit names by one of its values.
func (l *linker) typeOf(u *unit, value uint32) (uint32, error) {
	name := nth(u.names.types, value)
	if v, ok := l.types[name]; ok {
		return v, nil
	}
	return 0, &policy.NameError{Kind: "type", Name: name}
}

// role is the role, or 0 for an attribute of roles.
func (l *linker) role(u *unit, value uint32) (uint32, error) {
	name := nth(u.names.roles, value)
	if v, ok := l.roles[name]; ok {
		return v, nil
	}
	if l.roleMembers[name] != nil {
		return 0, nil
	}
	if u.names.roleOf[value-1].Attribute {
		return 0, &module.UnsupportedError{What: fmt.Sprintf("the attribute of roles %q: a policy in force has none any more", name)}
	}
	return 0, &policy.NameError{Kind: "role", Name: name}
}

// attributes gives types and roles the attributes that a unit gives them.
func (l *linker) attributes(u *unit) error {
	for i := range u.symbols.Types {
		a := &u.symbols.Types[i]
		if a.Flavor != policydb.FlavorAttribute || a.Types.IsEmpty() {
			continue
		}
		to, ok := l.types[a.Name]
		if !ok || !l.isAttribute[to] {
			return &policy.NameError{Kind: "attribute", Name: a.Name}
		}
		for bit := range a.Types.All() {
			t, err := l.typeOf(u, bit+1)
			if err != nil {
				return err
			}
			l.join(to, t)
		}
	}
	for i := range u.symbols.Roles {
		a := &u.symbols.Roles[i]
		for bit := range a.Roles.All() {
			r, err := l.role(u, bit+1)
			if err != nil {
				return err
			}
			set := l.roleMembers[a.Name]
			if set == nil {
				return &module.UnsupportedError{What: fmt.Sprintf("the attribute of roles %q: a policy in force has none any more", a.Name)}
			}
			set[r] = true
		}
	}
	return nil
}

// join gives a type or an attribute's types one more attribute.
func (l *linker) join(attribute, typ uint32) {
	if !l.members[attribute][typ] {
		l.members[attribute][typ] = true
		l.grown[attribute] = true
	}
}

// close resolves attributes among the members of attributes.
func (l *linker) close() {
	for changed := true; changed; {
		changed = false
		for _, a := range sortedKeys(l.members) {
			for _, inner := range sortedKeys(l.members[a]) {
				if !l.isAttribute[inner] {
					continue
				}
				for t := range l.members[inner] {
					if t != a && !l.members[a][t] {
						l.join(a, t)
						changed = true
					}
				}
			}
		}
	}
	for _, set := range l.members {
		maps.DeleteFunc(set, func(t uint32, _ bool) bool { return l.isAttribute[t] })
	}
}

// The flags of a set (TYPE_STAR, TYPE_COMP in libsepol).
const (
	setAll        = 1
	setComplement = 2
)

// linked is a module's set with the policy's values.
func (l *linker) linked(u *unit, s *policydb.TypeSet) (policydb.TypeSet, error) {
	out := policydb.TypeSet{Flags: s.Flags}
	for _, x := range [...]struct {
		from policydb.Bitmap
		to   *policydb.Bitmap
	}{{s.Types, &out.Types}, {s.NegSet, &out.NegSet}} {
		var values []uint32
		for bit := range x.from.All() {
			v, err := l.typeOf(u, bit+1)
			if err != nil {
				return out, err
			}
			values = append(values, v-1)
		}
		*x.to = policydb.NewBitmap(values...)
	}
	return out, nil
}

// expand lists the types of a set.
func (l *linker) expand(s *policydb.TypeSet) []uint32 {
	in, out := l.typesIn(s.Types), l.typesIn(s.NegSet)
	if s.Flags == 0 {
		maps.DeleteFunc(in, func(t uint32, _ bool) bool { return out[t] })
		return sortedKeys(in)
	}
	var list []uint32
	for i := range l.db.Types {
		t := &l.db.Types[i]
		if t.Properties&policydb.TypePrimary == 0 || l.isAttribute[t.Value] {
			continue
		}
		if s.Flags == setAll && !out[t.Value] || s.Flags == setComplement && (!in[t.Value] || out[t.Value]) {
			list = append(list, t.Value)
		}
	}
	slices.Sort(list)
	return list
}

func (l *linker) typesIn(b policydb.Bitmap) map[uint32]bool {
	out := make(map[uint32]bool)
	for bit := range b.All() {
		if !l.isAttribute[bit+1] {
			out[bit+1] = true
		}
		for t := range l.members[bit+1] {
			out[t] = true
		}
	}
	return out
}

// parties are the types and attributes that stand for a set in rules. For what a
// set leaves out there is an attribute of its own, as pp makes one.
func (l *linker) parties(u *unit, s *policydb.TypeSet) ([]uint32, error) {
	set, err := l.linked(u, s)
	if err != nil {
		return nil, err
	}
	var out []uint32
	if set.Flags == 0 && set.NegSet.IsEmpty() {
		for bit := range set.Types.All() {
			out = append(out, bit+1)
		}
		return out, nil
	}
	list := l.expand(&set)
	if len(list) < 3 {
		return list, nil
	}
	id := fmt.Sprint(set)
	if v, ok := l.sets[id]; ok {
		return []uint32{v}, nil
	}
	name := ""
	for taken := true; taken; _, taken = l.types[name] {
		l.setCount++
		name = fmt.Sprintf("%s_typeattr_%d", u.key.Name, l.setCount)
	}
	v := l.addType(name, true)
	l.sets[id] = v
	for _, t := range list {
		l.members[v][t] = true
	}
	return []uint32{v}, nil
}

// each lists the types of a module's set.
func (l *linker) each(u *unit, s *policydb.TypeSet) ([]uint32, error) {
	set, err := l.linked(u, s)
	if err != nil {
		return nil, err
	}
	return l.expand(&set), nil
}

// rolesOf lists the roles of a module's set, attributes replaced by theirs.
func (l *linker) rolesOf(u *unit, s *policydb.RoleSet) ([]uint32, error) {
	if s.Flags != 0 {
		return nil, &module.UnsupportedError{What: "a set of roles with * or ~"}
	}
	out := make(map[uint32]bool)
	for bit := range s.Roles.All() {
		r, err := l.role(u, bit+1)
		if err != nil {
			return nil, err
		}
		if r != 0 {
			out[r] = true
		}
		for member := range l.roleMembers[nth(u.names.roles, bit+1)] {
			out[member] = true
		}
	}
	return sortedKeys(out), nil
}

// finish settles what depends on all that was added, and checks the policy.
func (l *linker) finish() (*policydb.Policy, error) {
	attributes := make([][]uint32, l.db.NumTypes)
	for a, set := range l.members {
		attributes[a-1] = append(attributes[a-1], a-1)
		for t := range set {
			attributes[t-1] = append(attributes[t-1], a-1)
		}
	}
	for i := range l.db.TypeAttributes {
		if v := uint32(i); !l.isAttribute[v+1] {
			// What the policy expanded away stays.
			for bit := range l.db.TypeAttributes[i].All() {
				if bit != v && !l.isAttribute[bit+1] {
					attributes[i] = append(attributes[i], bit)
				}
			}
			attributes[i] = append(attributes[i], v)
		}
		l.db.TypeAttributes[i] = policydb.NewBitmap(attributes[i]...)
	}
	l.constraints()
	if err := l.db.AddRules(l.rules, l.xperms); err != nil {
		return nil, err
	}
	return l.db, l.typeRulesOnce()
}

// typeRulesOnce takes the type rules from new conditionals that are there
// already; one that contradicts another is an error. The branches of one
// conditional may differ.
func (l *linker) typeRulesOnce() error {
	type place struct {
		rule        policydb.AVRule
		conditional int
		inTrue      bool
	}
	seen := make(map[policydb.AVRule]place)
	key := func(r policydb.AVRule) policydb.AVRule {
		r.Data, r.Enabled = 0, false
		return r
	}
	for _, r := range l.db.AVTab {
		if r.Kind&policydb.TypeKinds != 0 {
			seen[key(r)] = place{r, -1, true}
		}
	}
	list := slices.Clone(l.db.Conditionals)
	var conflict error
	once := func(rules []policydb.AVRule, i int, inTrue bool) []policydb.AVRule {
		return slices.DeleteFunc(slices.Clone(rules), func(r policydb.AVRule) bool {
			if r.Kind&policydb.TypeKinds == 0 {
				return false
			}
			had, ok := seen[key(r)]
			switch {
			case !ok:
				seen[key(r)] = place{r, i, inTrue}
				return false
			case had.conditional == i && had.inTrue != inTrue:
				return false
			case had.rule.Data != r.Data:
				conflict = policydb.ErrConflict
			}
			return i >= l.conditionalsBefore
		})
	}
	for i := range list {
		list[i].True, list[i].False = once(list[i].True, i, true), once(list[i].False, i, false)
	}
	l.db.Conditionals = slices.DeleteFunc(list, func(c policydb.Conditional) bool { return len(c.True)+len(c.False) == 0 })
	return conflict
}

// constraints takes new types of attributes into the constraints that name these.
func (l *linker) constraints() {
	grown := func(s *policydb.TypeSet) bool {
		for a := range l.grown {
			if s.Types.Has(a-1) || s.NegSet.Has(a-1) {
				return true
			}
		}
		return false
	}
	classes := slices.Clone(l.db.Classes)
	for i := range classes {
		for _, list := range [...]*[]policydb.Constraint{&classes[i].Constraints, &classes[i].ValidateTrans} {
			*list = slices.Clone(*list)
			for j := range *list {
				c := &(*list)[j]
				c.Expr = slices.Clone(c.Expr)
				for k := range c.Expr {
					e := &c.Expr[k]
					if e.Kind != policydb.ConstraintNames || e.Attr&policydb.AttrType == 0 || !grown(&e.TypeNames) {
						continue
					}
					var bits []uint32
					for _, t := range l.expand(&e.TypeNames) {
						bits = append(bits, t-1)
					}
					e.Names = policydb.NewBitmap(bits...)
				}
			}
		}
	}
	l.db.Classes = classes
}
