package moduletest

import (
	"regexp"
	"slices"

	"github.com/sekit/sekit/internal/policydb"
)

// many is how many types an attribute has whose having something in common is no
// accident.
const many = 10

// generated are the attributes that the compilers make of sets of types, such as
// { domain -kernel_t }.
var generated = regexp.MustCompile(`_typeattr_[0-9]+$`)

// infer gives new members of attributes what the policy says of an attribute and
// what its file has as lists of types only: rules for self, and the attributes
// that were made for sets of types. What the many types of an attribute all may
// do to themselves, a rule for the attribute said. In a set are the types whose
// kin are: those with the same attributes.
func (l *linker) infer() {
	if len(l.grown) == 0 {
		return
	}
	joined := make(map[uint32][]uint32) // attributes of the policy by the types that got them
	kin := make(map[string][]uint32)    // the policy's types by their attributes
	for i := range l.before {
		if t := i + 1; !l.isAttribute[t] {
			id := l.signature(l.db.TypeAttributes[i])
			kin[id] = append(kin[id], t)
		}
	}
	for _, a := range sortedKeys(l.grown) {
		if a > l.before {
			continue
		}
		for _, t := range sortedKeys(l.members[a]) {
			if t > l.before || !l.db.TypeAttributes[t-1].Has(a-1) {
				joined[t] = append(joined[t], a)
			}
		}
	}
	for _, t := range sortedKeys(joined) {
		for _, a := range joined[t] {
			l.self(a, t)
		}
		if t <= l.before {
			continue
		}
		var bits []uint32
		for _, a := range joined[t] {
			bits = append(bits, a-1)
		}
		l.like(t, kin[l.signature(policydb.NewBitmap(bits...))])
	}
}

// signature is the policy's own attributes, but for those that were generated.
func (l *linker) signature(b policydb.Bitmap) string {
	var id []byte
	for bit := range b.All() {
		if a := bit + 1; a <= l.before && l.isAttribute[a] && !generated.MatchString(l.attributeName(a)) {
			id = append(id, byte(a), byte(a>>8))
		}
	}
	return string(id)
}

func (l *linker) attributeName(value uint32) string {
	if l.nameOf == nil {
		l.nameOf = make(map[uint32]string)
		for i := range l.db.Types {
			if t := &l.db.Types[i]; t.Properties&policydb.TypePrimary != 0 {
				l.nameOf[t.Value] = t.Name
			}
		}
	}
	return l.nameOf[value]
}

// like puts a type into the generated attributes that most of its kin have.
func (l *linker) like(t uint32, kin []uint32) {
	for _, a := range sortedKeys(l.members) {
		if a > l.before || !generated.MatchString(l.attributeName(a)) {
			continue
		}
		n := 0
		for _, other := range kin {
			if l.members[a][other] {
				n++
			}
		}
		if 2*n > len(kin) {
			l.join(a, t)
		}
	}
}

// self gives a type that joined an attribute the permissions that all its types
// in the policy have on themselves.
func (l *linker) self(a, t uint32) {
	var types []uint32
	for i := range l.before {
		if l.db.TypeAttributes[i].Has(a-1) && i+1 != a {
			types = append(types, i+1)
		}
	}
	if len(types) < many {
		return
	}
	if l.selfRules == nil {
		l.selfRules = make(map[uint32][]policydb.AVRule)
		for _, r := range l.db.AVTab {
			if r.Source == r.Target && r.Kind&(policydb.Allow|policydb.AuditAllow|policydb.AuditDeny) != 0 {
				l.selfRules[uint32(r.Source)] = append(l.selfRules[uint32(r.Source)], r)
			}
		}
	}
	for _, first := range l.selfRules[types[0]] {
		data := granted(first)
		for _, other := range types[1:] {
			i := slices.IndexFunc(l.selfRules[other], func(r policydb.AVRule) bool { return r.Class == first.Class && r.Kind == first.Kind })
			if i < 0 {
				data = 0
				break
			}
			data &= granted(l.selfRules[other][i])
		}
		if data == 0 {
			continue
		}
		if first.Kind == policydb.AuditDeny {
			data = ^data
		}
		l.rules = append(l.rules, policydb.AVRule{Source: uint16(t), Target: uint16(t), Class: first.Class, Kind: first.Kind, Data: data})
	}
}

// granted are the permissions that a rule is about.
func granted(r policydb.AVRule) uint32 {
	if r.Kind == policydb.AuditDeny {
		return ^r.Data
	}
	return r.Data
}
