package module

import (
	"errors"
	"fmt"
	"math/bits"

	"github.com/sekit/sekit/internal/policydb"
)

// maxParsed limits the rules that a package may come to: a few bytes of sets
// stand for millions.
const maxParsed = 100_000

// UnsupportedError says what a package has that a [Module] cannot say. It is
// also [errors.ErrUnsupported].
type UnsupportedError struct{ What string }

func (e *UnsupportedError) Error() string { return "not supported: " + e.What }

// Is reports whether target is [errors.ErrUnsupported].
func (e *UnsupportedError) Is(target error) bool { return target == errors.ErrUnsupported }

// ParsePP reads a module package, as [Module.PP] and semodule_package write it
// and semodule -E extracts it: the module, and its file contexts as they are
// (nil for none). A rule for several types and classes becomes a rule for each.
//
// What a Module cannot say gives an [*UnsupportedError] that names it, as most
// modules of a distribution do: declarations, conditionals, optional blocks,
// transitions, sets with an exception. Other errors say in which section and at
// which byte the package is damaged; names that the package may have and the
// module language not give a [*NameError].
func ParsePP(data []byte) (*Module, []byte, error) {
	p, err := policydb.DecodePackage(data)
	if errors.Is(err, policydb.ErrBase) {
		err = &UnsupportedError{"a base module"}
	}
	if err != nil {
		return nil, nil, err
	}
	if p.NetfilterContexts != nil {
		return nil, nil, &UnsupportedError{"netfilter contexts"}
	}
	d := &decompiler{in: p.Module, out: &Module{Name: p.Module.Name, Version: p.Module.Release}}
	if err := d.symbols(); err != nil {
		return nil, nil, err
	}
	for i := range p.Module.Blocks[0].Branches[0].Rules {
		if err := d.rule(&p.Module.Blocks[0].Branches[0].Rules[i]); err != nil {
			return nil, nil, err
		}
	}
	if err := d.out.Check(); err != nil {
		return nil, nil, err
	}
	return d.out, p.FileContexts, nil
}

// decompiler turns a module policy into a Module.
type decompiler struct {
	in      *policydb.Module
	out     *Module
	types   []string // by value-1, attributes too
	classes []*policydb.Class
}

// symbols refuses what a Module has no place for, and notes the names.
func (d *decompiler) symbols() error {
	m, s := d.in, &d.in.Symbols
	first := &m.Blocks[0].Branches[0]
	for _, x := range []struct {
		has  bool
		what string
	}{
		{len(m.Blocks) > 1 || len(m.Blocks[0].Branches) > 1, "optional blocks"},
		{len(s.Users) > 0, "users"},
		{len(s.Booleans) > 0, "booleans and tunables"},
		{len(s.Roles) > 1, "roles"},
		{len(s.Commons) > 0, "commons"},
		{len(s.Sensitivities)+len(s.Categories) > 0, "sensitivities and categories"},
		{!m.Capabilities.IsEmpty(), "policy capabilities"},
		{len(first.Conditionals) > 0, "conditionals"},
		{len(first.RoleTransitions)+len(first.RoleAllows) > 0, "role rules"},
		{len(first.NameTransitions)+len(first.RangeTransitions) > 0, "transitions"},
	} {
		if x.has {
			return &UnsupportedError{x.what}
		}
	}
	for _, t := range []policydb.Table{policydb.TableTypes, policydb.TableClasses} {
		for i := range m.Scopes[t] {
			if m.Scopes[t][i].Kind == policydb.ScopeDeclared {
				return &UnsupportedError{fmt.Sprintf("declaration of %q", m.Scopes[t][i].Name)}
			}
		}
	}
	d.types = make([]string, s.Num[policydb.TableTypes])
	for i := range s.Types {
		t := &s.Types[i]
		if t.Flavor == policydb.FlavorAlias || t.Primary == 0 || t.Flags != 0 || t.Bounds != 0 || !t.Types.IsEmpty() {
			return &UnsupportedError{fmt.Sprintf("what the module says of %q besides requiring it", t.Name)}
		}
		d.types[t.Value-1] = t.Name
		if t.Flavor == policydb.FlavorAttribute {
			d.out.RequireAttributes = append(d.out.RequireAttributes, t.Name)
		}
	}
	d.classes = make([]*policydb.Class, s.Num[policydb.TableClasses])
	for i := range s.Classes {
		d.classes[s.Classes[i].Value-1] = &s.Classes[i]
	}
	return nil
}

func (d *decompiler) rule(r *policydb.ModuleRule) error {
	kind := Kind(0)
	for k, v := range ruleKinds {
		if v == r.Kind {
			kind = Kind(k)
		}
	}
	if kind == 0 {
		return &UnsupportedError{"rules other than allow, auditallow, dontaudit and those of extended permissions"}
	}
	sources, err1 := d.names(&r.Sources)
	targets, err2 := d.names(&r.Targets)
	if err := errors.Join(err1, err2); err != nil {
		return err
	}
	if r.Flags&policydb.RuleSelf != 0 {
		targets = append(targets, Self)
	}
	if n := len(sources) * len(targets) * len(r.Classes); n > maxParsed-len(d.out.Rules) {
		return &UnsupportedError{fmt.Sprintf("more than %d rules", maxParsed)}
	}
	for _, c := range r.Classes {
		class := d.classes[c.Class-1]
		out := Rule{Kind: kind, Class: class.Name}
		for _, p := range class.Permissions {
			if c.Data>>(p.Value-1)&1 == 1 {
				out.Permissions = append(out.Permissions, p.Name)
			}
		}
		if r.XPerms != nil {
			out.Xperms = xpermRanges(r.XPerms)
			if nlmsg := r.XPerms.Specified == policydb.XPermsNlmsg; len(out.Permissions) != 1 || nlmsg != (out.Permissions[0] == "nlmsg") {
				return &UnsupportedError{fmt.Sprintf("extended permissions of %q", out.Permissions)}
			}
		}
		for _, out.Source = range sources {
			for _, out.Target = range targets {
				d.out.Rules = append(d.out.Rules, out)
			}
		}
	}
	return nil
}

// names are the members of a set that is a list and nothing else.
func (d *decompiler) names(s *policydb.TypeSet) ([]string, error) {
	if s.Flags != 0 || !s.NegSet.IsEmpty() {
		return nil, &UnsupportedError{"sets of types with *, ~ or -"}
	}
	names := make([]string, 0, s.Types.Len())
	for bit := range s.Types.All() {
		names = append(names, d.types[bit])
	}
	return names, nil
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
