package policydb

import (
	"encoding/binary"
	"slices"
)

func (w *writer) avRules(p *Policy, rules []AVRule) {
	w.count(len(rules))
	out := slices.Grow(w.b, len(rules)*minAVRule)
	for i := range rules {
		r := &rules[i]
		kind := r.Kind
		if r.Enabled {
			kind |= avEnabled
		}
		// Four numbers of two bytes each.
		out = binary.LittleEndian.AppendUint64(out, uint64(r.Source)|uint64(r.Target)<<16|uint64(r.Class)<<32|uint64(kind)<<48)
		if r.Kind&XPermsKinds == 0 {
			out = binary.LittleEndian.AppendUint32(out, r.Data)
			continue
		}
		x := &p.XPerms[r.Data]
		out = append(out, byte(x.Specified), x.Driver)
		for _, perms := range x.Perms {
			out = binary.LittleEndian.AppendUint32(out, perms)
		}
	}
	w.b = out
}

func (w *writer) conditionals(p *Policy) {
	w.count(len(p.Conditionals))
	for i := range p.Conditionals {
		k := &p.Conditionals[i]
		w.flag(k.State)
		w.count(len(k.Expr))
		for _, t := range k.Expr {
			w.u32(uint32(t.Op), t.Boolean)
		}
		w.avRules(p, k.True)
		w.avRules(p, k.False)
	}
}

func (w *writer) roleTransitions(p *Policy) {
	w.count(len(p.RoleTransitions))
	for _, t := range p.RoleTransitions {
		w.u32(t.Role, t.Type, t.NewRole)
		if FeatureRoleTransitionClass.In(w.version) {
			w.u32(t.Class)
		}
	}
}

func (w *writer) roleAllows(p *Policy) {
	w.count(len(p.RoleAllows))
	for _, a := range p.RoleAllows {
		w.u32(a.Role, a.NewRole)
	}
}

func (w *writer) nameTransitions(p *Policy) {
	switch {
	case !FeatureNameTransitions.In(w.version):
	case FeatureCompressedNameTransitions.In(w.version):
		w.count(len(p.NameTransitions))
		for i := range p.NameTransitions {
			t := &p.NameTransitions[i]
			w.name(t.Name)
			w.u32(t.Target, t.Class, uint32(len(t.Data)))
			for _, d := range t.Data {
				w.bitmap(d.Sources)
				w.u32(d.Type)
			}
		}
	default:
		w.nameTransitionsOneByOne(p)
	}
}

// nameTransitionsOneByOne writes an entry for each source type, in the order
// of libsepol's filename_write_one_compat.
func (w *writer) nameTransitionsOneByOne(p *Policy) {
	n := 0
	for i := range p.NameTransitions {
		for _, d := range p.NameTransitions[i].Data {
			n += d.Sources.Len()
		}
	}
	w.count(n)
	for i := range p.NameTransitions {
		t := &p.NameTransitions[i]
		for _, d := range t.Data {
			for bit := range d.Sources.All() {
				w.name(t.Name)
				w.u32(bit+1, t.Target, t.Class, d.Type)
			}
		}
	}
}

func (w *writer) rangeTransitions(p *Policy) {
	w.count(len(p.RangeTransitions))
	for i := range p.RangeTransitions {
		t := &p.RangeTransitions[i]
		w.u32(t.Source, t.Target, t.Class)
		w.rng(&t.Range)
	}
}
