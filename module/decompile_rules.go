package module

import (
	"fmt"
	"math/bits"
	"slices"

	"github.com/sekit/sekit/internal/policydb"
)

// list are names by value.
func list(names []string, b policydb.Bitmap) []string {
	if b.IsEmpty() {
		return nil
	}
	out := make([]string, 0, b.Len())
	for bit := range b.All() {
		out = append(out, names[bit])
	}
	return out
}

func (d *decompiler) typeSet(s *policydb.TypeSet) TypeSet {
	return TypeSet{Names: list(d.types, s.Types), Except: list(d.types, s.NegSet),
		All: s.Flags == setAll, Complement: s.Flags == setComplement}
}

func (d *decompiler) roleSet(s *policydb.RoleSet) ([]string, error) {
	if s.Flags != 0 {
		return nil, errStarSet
	}
	return list(d.roles, s.Roles), nil
}

// targets adds a rule's flags to its targets.
func targets(s TypeSet, flags uint32) TypeSet {
	switch {
	case flags == policydb.RuleNotSelf && s.Complement:
		s.Self = true
	case flags == policydb.RuleNotSelf:
		s.NotSelf = true
	case flags == policydb.RuleSelf:
		s.Self = true
	}
	return s
}

func (d *decompiler) classList(b policydb.Bitmap) []string {
	var out []string
	for bit := range b.All() {
		out = append(out, d.classes[bit].Name)
	}
	return out
}

// rule turns a rule into the statement that it is of; if what it says differs
// from class to class, into one for each.
func (d *decompiler) rule(r *policydb.ModuleRule, n *node) ([]Statement, error) {
	for i := 1; i < len(r.Classes); i++ {
		if d.sameData(r, i, n) {
			continue
		}
		var out []Statement
		one := *r
		for _, c := range r.Classes {
			one.Classes = []policydb.ClassData{c}
			list, err := d.rule(&one, n)
			if err != nil {
				return nil, err
			}
			out = append(out, list...)
		}
		return out, nil
	}
	sources, to := d.typeSet(&r.Sources), targets(d.typeSet(&r.Targets), r.Flags)
	if r.Flags == policydb.RuleSelf && to.Complement {
		return nil, &UnsupportedError{"self beside a complement"}
	}
	if r.Kind&policydb.TypeKinds != 0 {
		s := &TypeRule{Sources: sources, Targets: to}
		for _, c := range slices.Backward(r.Classes) {
			s.Classes, s.NewType = append(s.Classes, d.classes[c.Class-1].Name), d.types[c.Data-1]
		}
		s.Kind = TypeRuleKind(slices.Index(typeRuleKinds[:], r.Kind))
		return []Statement{s}, nil
	}
	s := &AccessRule{Kind: Kind(slices.Index(ruleKinds[:], r.Kind)), Sources: sources, Targets: to}
	for _, c := range r.Classes {
		class := d.classes[c.Class-1]
		s.Permissions = permissionSet(class, c.Data, n)
		s.Classes = append(s.Classes, class.Name)
	}
	if r.XPerms != nil {
		s.Xperms = xpermRanges(r.XPerms)
		refined := "ioctl"
		if r.XPerms.Specified == policydb.XPermsNlmsg {
			refined = "nlmsg"
		}
		if !slices.Equal(s.Permissions.Names, []string{refined}) {
			return nil, &UnsupportedError{fmt.Sprintf("extended permissions of %q", s.Permissions.Names)}
		}
	}
	return []Statement{s}, nil
}

// permissionSet names the bits of an access vector. Where one is not in scope
// it was * or ~ that set it, as it was for bits that no permission of the class
// has: checkmodule before 3.5 set those, too.
func permissionSet(c *policydb.Class, data uint32, n *node) PermissionSet {
	perms := slices.Clone(c.Permissions)
	slices.SortFunc(perms, func(a, b policydb.Permission) int { return int(a.Value) - int(b.Value) })
	var s PermissionSet
	s.Complement = data&^permMask(c) != 0
	for _, p := range perms {
		if bit := uint32(1) << (p.Value - 1); data&bit != 0 && !n.permits(c, bit) {
			s.Complement = true
		}
	}
	for _, p := range perms {
		if (data>>(p.Value-1)&1 == 1) != s.Complement {
			s.Names = append(s.Names, p.Name)
		}
	}
	if s.Complement && len(s.Names) == 0 {
		return PermissionSet{All: true}
	}
	return s
}

// permits is inScope for a declaration of a file.
func (n *node) permits(c *policydb.Class, bit uint32) bool {
	for ; n != nil; n = n.parent {
		p := n.Required.Permissions
		if int(c.Value) > len(p) {
			return true
		}
		if nodes := p[c.Value-1].Nodes; len(nodes) > 0 && uint32(nodes[0].Map)&bit != 0 {
			return true
		}
	}
	return false
}

// sameData reports whether what a rule says of a class reads as what it says of
// the first.
func (d *decompiler) sameData(r *policydb.ModuleRule, i int, n *node) bool {
	if r.Kind&policydb.TypeKinds != 0 {
		return r.Classes[i].Data == r.Classes[0].Data
	}
	a := permissionSet(d.classes[r.Classes[0].Class-1], r.Classes[0].Data, n)
	b := permissionSet(d.classes[r.Classes[i].Class-1], r.Classes[i].Data, n)
	slices.Sort(a.Names)
	slices.Sort(b.Names)
	return a.All == b.All && a.Complement == b.Complement && slices.Equal(a.Names, b.Names)
}

func (k *blockDecompiler) transitions() error {
	for _, t := range slices.Backward(k.node.NameTransitions) {
		s := &TypeRule{Kind: TypeTransition, Sources: k.typeSet(&t.Sources), Targets: k.typeSet(&t.Targets),
			Classes: []string{k.classes[t.Class-1].Name}, NewType: k.types[t.Type-1], FileName: t.Name}
		s.Targets.Self = t.Self
		k.out = append(k.out, s)
	}
	for _, t := range slices.Backward(k.node.RoleTransitions) {
		roles, err := k.roleSet(&t.Roles)
		if err != nil {
			return &UnsupportedError{"sets of roles with * or ~"}
		}
		k.out = append(k.out, &RoleTransition{Roles: roles, Types: k.typeSet(&t.Types),
			Classes: k.classList(t.Classes), NewRole: k.roles[t.NewRole-1]})
	}
	for _, t := range slices.Backward(k.node.RangeTransitions) {
		k.out = append(k.out, &RangeTransition{Sources: k.typeSet(&t.Sources), Targets: k.typeSet(&t.Targets),
			Classes: k.classList(t.Classes), Range: k.levels(&t.Range)})
	}
	return nil
}

func (d *decompiler) levels(r *policydb.SemanticRange) Range {
	out := Range{Low: d.level(&r.Low), High: d.level(&r.High)}
	if out.Low.String() == out.High.String() {
		out.High = Level{}
	}
	return out
}

func (d *decompiler) level(l *policydb.SemanticLevel) Level {
	var out Level
	if l.Sensitivity > 0 {
		out.Sensitivity = d.sensitivities[l.Sensitivity-1]
	}
	for _, c := range slices.Backward(l.Categories) {
		out.Categories = append(out.Categories, CategoryRange{d.categories[c.Low-1], d.categories[c.High-1]})
	}
	return out
}

func (k *blockDecompiler) conditional(c *policydb.ModuleConditional) error {
	s := &If{}
	var err error
	if s.Condition, err = k.condition(c.Expr); err != nil {
		return err
	}
	for _, branch := range []struct {
		rules []policydb.ModuleRule
		to    *[]Statement
	}{{c.True, &s.Then}, {c.False, &s.Else}} {
		for _, r := range slices.Backward(branch.rules) {
			list, err := k.rule(&r, k.node)
			if err != nil {
				return err
			}
			*branch.to = append(*branch.to, list...)
		}
	}
	k.out = append(k.out, s)
	return nil
}

// condition reads terms, which are checked, in reverse Polish order.
func (d *decompiler) condition(terms []policydb.CondTerm) (*Condition, error) {
	if len(terms) > 2*maxDepth {
		return nil, &UnsupportedError{"conditions that long"}
	}
	var stack []*Condition
	for _, t := range terms {
		n := len(stack)
		if t.Op == policydb.CondBool {
			stack = append(stack, When(d.booleans[t.Boolean-1]))
			continue
		}
		op := Operator(slices.Index(condOps[:], t.Op))
		if op == OpNot {
			stack[n-1] = Not(stack[n-1])
			continue
		}
		stack = append(stack[:n-2], &Condition{Operator: op, Left: stack[n-2], Right: stack[n-1]})
	}
	return stack[0], nil
}

// eachUser calls f for the users that the declaration declares, or requires.
func (k *blockDecompiler) eachUser(f func(name string, value uint32, declared bool)) {
	for i, name := range k.users {
		s := k.scopes[policydb.TableUsers][name]
		if s != nil && slices.Contains(s.Decls, k.node.ID) && !k.node.isElse {
			f(name, uint32(i)+1, k.node.Declared.Symbols[policydb.TableUsers].Has(uint32(i)))
		}
	}
}

// userStatements adds the users that are declared.
func (k *blockDecompiler) userStatements() error {
	added := k.added().Users
	for i := range added {
		if added[i].Roles.Flags != 0 {
			return &UnsupportedError{"users with * or ~ of roles"}
		}
		if added[i].Expanded != nil && k.in.MLS {
			return &UnsupportedError{"users with levels in version 5"}
		}
	}
	k.eachUser(func(name string, value uint32, declared bool) {
		if !declared {
			return
		}
		u := &User{Name: name}
		for i := range added {
			if x := &added[i]; x.Value == value {
				u.Roles, u.Level, u.Range = list(k.roles, x.Roles.Roles), k.level(&x.Default), k.levels(&x.Range)
			}
		}
		k.out = append(k.out, u)
	})
	return nil
}

// xpermRanges are the ranges that a set of extended permissions comes to.
func xpermRanges(x *policydb.XPerms) []XpermRange {
	var out []XpermRange
	for i, w := range x.Perms {
		for ; w != 0; w &= w - 1 {
			n := uint16(i*32 + bits.TrailingZeros32(w))
			r := XpermRange{Low: uint16(x.Driver)<<8 | n, High: uint16(x.Driver)<<8 | n}
			if x.Specified == policydb.XPermsIoctlDriver {
				r = XpermRange{Low: n << 8, High: n<<8 | 0xff}
			}
			out = append(out, r)
		}
	}
	return mergeRanges(out)
}
