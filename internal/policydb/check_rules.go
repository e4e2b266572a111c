package policydb

import (
	"errors"
	"fmt"
)

func (k *checker) checkAVTab() error {
	if len(k.p.AVTab) == 0 {
		return errors.New("no rules") // avtab_read refuses an empty table
	}
	k.rules = newKeySet(len(k.p.AVTab))
	for i := range k.p.AVTab {
		r := &k.p.AVTab[i]
		if err := k.checkRule(r); err != nil {
			return fmt.Errorf("rule %d: %w", i, err)
		}
		// Extended permissions of one key come in several entries.
		if r.Kind&XPermsKinds == 0 && !k.rules.add(key(r)) {
			return fmt.Errorf("rule %d: %w", i, errDuplicate)
		}
	}
	return nil
}

// checkRule checks a rule by itself, as libsepol's
// validate_avtab_key_and_datum does.
func (k *checker) checkRule(r *AVRule) error {
	source, target := uint32(r.Source), uint32(r.Target)
	if !k.classes.has(uint32(r.Class)) {
		return k.classes.need("class", uint32(r.Class))
	}
	if r.Kind&TypeKinds != 0 {
		if !k.types.has(source) || !k.types.has(target) || !k.types.has(r.Data) {
			return fmt.Errorf("from %d, %d to %d: %w", source, target, r.Data, errNotType)
		}
	} else if !k.typesAttrs.has(source) || !k.typesAttrs.has(target) {
		return first(k.typesAttrs.need("source", source), k.typesAttrs.need("target", target))
	}
	switch r.Kind {
	case Allow, AuditAllow, AuditDeny:
		perms := r.Data
		if r.Kind == AuditDeny {
			perms = ^perms
		}
		if perms&permMask(k.classAt[r.Class-1]) == 0 {
			return fmt.Errorf("no permission of class %q in %#x", k.classAt[r.Class-1].Name, r.Data)
		}
	case TypeTransition, TypeMember, TypeChange:
	case XPermsAllow, XPermsAuditAllow, XPermsDontAudit:
		return k.checkXPerms(r)
	default:
		return fmt.Errorf("%#04x is not one kind of rule", uint16(r.Kind))
	}
	return nil
}

func (k *checker) checkXPerms(r *AVRule) error {
	if v := k.p.Version; !FeatureXPerms.In(v) {
		return FeatureXPerms.missing(v)
	}
	if uint64(r.Data) >= uint64(len(k.p.XPerms)) {
		return fmt.Errorf("extended permissions %d of %d", r.Data, len(k.p.XPerms))
	}
	if s := k.p.XPerms[r.Data].Specified; s < XPermsIoctlFunction || s > XPermsNlmsg {
		return fmt.Errorf("extended permissions of the kind %d", s)
	}
	return nil
}

// maxCondTerms limits what the evaluation of a conditional holds at a time
// (COND_EXPR_MAXDEPTH).
const maxCondTerms = 10

// typeRule says where a conditional type rule was met.
type typeRule struct {
	conditional int
	inTrue      bool
	twice       bool
}

func (k *checker) checkConditionals() error {
	seen := map[uint64]typeRule{}
	for i := range k.p.Conditionals {
		n := &k.p.Conditionals[i]
		err := k.checkCondExpr(n.Expr)
		if err == nil {
			err = k.checkBranch(n.True, seen, i, true)
		}
		if err == nil {
			err = k.checkBranch(n.False, seen, i, false)
		}
		if err != nil {
			return fmt.Errorf("conditional %d: %w", i, err)
		}
	}
	return nil
}

func (k *checker) checkCondExpr(expr []CondTerm) error {
	depth := 0
	for _, t := range expr {
		switch t.Op {
		case CondBool:
			if err := k.booleans.need("boolean", t.Boolean); err != nil {
				return err
			}
			if depth++; depth > maxCondTerms {
				return fmt.Errorf("more than %d terms at a time", maxCondTerms)
			}
			continue
		case CondNot:
			depth-- // and back on
		case CondOr, CondAnd, CondXor, CondEq, CondNeq:
			depth -= 2
		default:
			return fmt.Errorf("operator %d", t.Op)
		}
		if depth < 0 || t.Boolean != 0 {
			return errNotPolish
		}
		depth++
	}
	if depth != 1 {
		return errNotPolish
	}
	return nil
}

// checkBranch checks the rules of one branch. A type rule must not contradict
// another that may hold at the same time: it may be there once more only in
// the other branch (cond_insertf in the kernel and libsepol).
func (k *checker) checkBranch(rules []AVRule, seen map[uint64]typeRule, conditional int, inTrue bool) error {
	for i := range rules {
		r := &rules[i]
		if err := k.checkRule(r); err != nil {
			return fmt.Errorf("rule %d: %w", i, err)
		}
		if v := k.p.Version; r.Kind&XPermsKinds != 0 && !FeatureConditionalXPerms.In(v) {
			return FeatureConditionalXPerms.missing(v)
		}
		if r.Kind&TypeKinds == 0 {
			continue
		}
		id := key(r)
		old, ok := seen[id]
		if k.rules.has(id) || ok && (inTrue || old.twice || !old.inTrue || old.conditional != conditional) {
			return fmt.Errorf("rule %d: conflicting type rules", i)
		}
		seen[id] = typeRule{conditional, inTrue, ok}
	}
	return nil
}

// errNoProcess: below version 26 role transitions are the class process's.
var errNoProcess = errors.New("no class process, to which role transitions belong")

func (k *checker) checkRoleTransitions() error {
	type by struct{ role, typ, class uint32 }
	seen := make(map[by]struct{}, len(k.p.RoleTransitions))
	hasClass := FeatureRoleTransitionClass.In(k.p.Version)
	for i, t := range k.p.RoleTransitions {
		err := first(k.roles.need("role", t.Role), k.typesAttrs.need("type", t.Type), k.roles.need("new role", t.NewRole))
		switch {
		case err != nil:
		case hasClass:
			err = k.classes.need("class", t.Class)
		case t.Class != 0:
			err = FeatureRoleTransitionClass.missing(k.p.Version)
		}
		id := by{t.Role, t.Type, t.Class}
		if _, ok := seen[id]; ok && err == nil {
			err = errDuplicate
		}
		if err != nil {
			return fmt.Errorf("role transition %d: %w", i, err)
		}
		seen[id] = struct{}{}
	}
	if !hasClass && len(k.p.RoleTransitions) > 0 && k.p.classValue("process") == 0 {
		return errNoProcess
	}
	return nil
}

func (k *checker) checkRoleAllows() error {
	for i, a := range k.p.RoleAllows {
		if err := first(k.roles.need("role", a.Role), k.roles.need("new role", a.NewRole)); err != nil {
			return fmt.Errorf("role allow %d: %w", i, err)
		}
	}
	return nil
}

func (k *checker) checkNameTransitions() error {
	v := k.p.Version
	if len(k.p.NameTransitions) > 0 && !FeatureNameTransitions.In(v) {
		return FeatureNameTransitions.missing(v)
	}
	type by struct {
		target, class uint32
		name          string
	}
	seen := map[by]struct{}{}
	k.sources, k.results = newValues(k.p.NumTypes), newValues(k.p.NumTypes)
	unique := FeatureCompressedNameTransitions.In(v)
	for i := range k.p.NameTransitions {
		t := &k.p.NameTransitions[i]
		err := first(k.typesAttrs.need("target", t.Target), k.classes.need("class", t.Class))
		if !validName(t.Name) {
			err = errName
		}
		if err == nil {
			err = k.checkNameTransitionData(t.Data)
		}
		if err == nil && unique {
			id := by{t.Target, t.Class, t.Name}
			if _, ok := seen[id]; ok {
				err = errDuplicate
			}
			seen[id] = struct{}{}
		}
		if err != nil {
			return fmt.Errorf("name transition %d: %w", i, err)
		}
	}
	return nil
}

// checkNameTransitionData wants one result for a source type, and all source
// types of a result in one set.
func (k *checker) checkNameTransitionData(data []NameTransitionData) error {
	if len(data) == 0 {
		return errors.New("no result")
	}
	for _, d := range data {
		if err := k.typesAttrs.needAll("sources", d.Sources); err != nil {
			return err
		}
		if !k.types.has(d.Type) {
			return fmt.Errorf("value %d: %w", d.Type, errNotType)
		}
	}
	if len(data) == 1 {
		return nil
	}
	for _, d := range data {
		for bit := range d.Sources.All() {
			if err := k.sources.add(bit + 1); err != nil {
				return fmt.Errorf("source type: %w", err)
			}
		}
		if err := k.results.add(d.Type); err != nil {
			return fmt.Errorf("result: %w", err)
		}
	}
	for _, d := range data {
		for bit := range d.Sources.All() {
			k.sources.remove(bit + 1)
		}
		k.results.remove(d.Type)
	}
	return nil
}

func (k *checker) checkRangeTransitions() error {
	type by struct{ source, target, class uint32 }
	seen := make(map[by]struct{}, len(k.p.RangeTransitions))
	for i := range k.p.RangeTransitions {
		t := &k.p.RangeTransitions[i]
		err := first(k.typesAttrs.need("source", t.Source), k.typesAttrs.need("target", t.Target),
			k.classes.need("class", t.Class), k.checkRange(&t.Range))
		id := by{t.Source, t.Target, t.Class}
		if _, ok := seen[id]; ok && err == nil {
			err = errDuplicate
		}
		if err != nil {
			return fmt.Errorf("range transition %d: %w", i, err)
		}
		seen[id] = struct{}{}
	}
	return nil
}

// checkTypeAttributes takes values that no type has: a policy keeps the values
// of attributes that were expanded away.
func (k *checker) checkTypeAttributes() error {
	if uint64(len(k.p.TypeAttributes)) != uint64(k.p.NumTypes) {
		return fmt.Errorf("%d bitmaps for %d types", len(k.p.TypeAttributes), k.p.NumTypes)
	}
	for i, b := range k.p.TypeAttributes {
		if n := len(b.Nodes); n > 0 {
			last := b.Nodes[n-1]
			if uint64(last.Start)+uint64(bitLen(last.Map)) > uint64(k.p.NumTypes) {
				return fmt.Errorf("type %d: attribute beyond value %d", i+1, k.p.NumTypes)
			}
		}
		if t := k.typeAt[i]; t != nil && t.Properties&TypeAttribute != 0 && !onlyHas(b, uint32(i)) {
			return fmt.Errorf("attribute %q has attributes", t.Name)
		}
	}
	return nil
}

// onlyHas reports whether b is empty or the set of n.
func onlyHas(b Bitmap, n uint32) bool {
	return len(b.Nodes) == 0 || len(b.Nodes) == 1 && b.Nodes[0] == BitmapNode{n &^ (bitmapUnit - 1), 1 << (n % bitmapUnit)}
}
