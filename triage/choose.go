package triage

import (
	"cmp"
	"slices"
	"strings"

	"github.com/sekit/sekit/fcontext"
	"github.com/sekit/sekit/policy"
)

// maxTypes is how many types are offered for one path.
const maxTypes = 3

// typesFor returns the types to offer for a path, the likeliest first: those
// that the domain may use so and that the policy's authors made for a purpose.
func (c *investigation) typesFor(p string, kind fcontext.Kind, mayUse func(typ string) bool) []string {
	first := c.operation[0].Access
	allowed, err := c.t.pol.AllowedTargets(first.Source.Type(), first.Class, first.Permissions...)
	if err != nil {
		return nil
	}
	names := make([]string, len(allowed))
	for i, typ := range allowed {
		names[i] = typ.Name()
	}
	return c.choose(names, p, kind, mayUse)
}

// choose returns those of some types that are worth to be offered for a path,
// the likeliest first. Where a path is the administrator's and its name speaks
// of what the policy has no type for, it may have one for anything else.
func (c *investigation) choose(types []string, p string, kind fcontext.Kind, mayUse func(typ string) bool) []string {
	as := c.purpose(p, kind)
	names := c.chooseFor(types, p, as, kind, mayUse, false)
	if names == nil && as != "" {
		names = c.chooseFor(types, p, "", kind, mayUse, false)
	}
	if names == nil && unclaimed(p) && !inHome(p) {
		names = c.chooseFor(types, p, "", kind, mayUse, true)
	}
	return names
}

// chooseFor returns those of some types that the policy's authors would put at a
// path whose name speaks of a directory, or of none. The last resort are the
// domain's own types for what is kept elsewhere in /var, and those for what many
// share.
func (c *investigation) chooseFor(types []string, p, as string, kind fcontext.Kind, mayUse func(typ string) bool, last bool) []string {
	var choices []choice
	now := c.canonical(c.d.Target.Type())
	plain := kind == fcontext.File || kind == fcontext.Dir
	general := c.generalType(as, kind)
	for _, name := range types {
		typ, err := c.t.pol.Type(name)
		switch {
		case err != nil || name == now || !mayUse(name):
			continue
		case kind != fcontext.CharDevice && kind != fcontext.BlockDevice && (c.t.types.has(name, "device_node") || strings.HasSuffix(name, "_device_t")):
			continue
		case name == general: // is not made for one purpose, but for this one
		case c.t.types.unplaced(name) && !c.t.types.owned(name, c.d.Source.Type()):
			continue
		case last && plain && c.keeps(name): // is for the domain's files alone
		case !c.t.types.usable(typ, c.executes()) && !c.ownSecret(name, as):
			continue
		case !sibling(name, now) && !c.t.types.fits(name, p, as, kind):
			continue
		case plain && c.t.types.passing(name) && !c.t.types.native(name, p) && (as == "" || !c.t.types.native(name, as+"/")):
			continue // of files that come and go, elsewhere
		}
		x, err := c.relabelExposure(name)()
		if err != nil {
			continue
		}
		r := rank{
			follows:  !c.wholeOperation(name),
			foreign:  !named(name, c.d.Source.Type()) && !c.t.types.owned(name, c.d.Source.Type()),
			adopted:  !named(name, c.d.Source.Type()),
			stranger: !sibling(name, now),
			misfit:   c.t.types.kept(name, p, as, kind),
			exposure: x.Tuples,
			afar:     !c.t.types.native(name, p),
		}
		public := last && c.onlyLooks() && c.t.types.graded[name]
		if name != general && r.foreign && (x.Sources > wideSources && !public || !c.meant(name)) {
			continue // made for many, or for somebody else
		}
		choices = append(choices, choice{name, r})
	}
	if slices.ContainsFunc(choices, func(ch choice) bool { return ch.name == general }) {
		choices = slices.DeleteFunc(choices, func(ch choice) bool { return ch.name != general && ch.rank.foreign })
	}
	return c.likeliest(c.withLeastRights(choices), p, kind)
}

// meant reports whether a type that is not named like the domain may be for it
// all the same: it is not named like another domain, nor one of programs, and
// there are rules on this very type. Those on an attribute that it has, too, say nothing of what it is
// for; nor is what users may look at for them.
func (c *investigation) meant(typ string) bool {
	first := c.operation[0].Access
	if c.t.types.others(typ, first.Source.Type()) || c.t.types.has(first.Source.Type(), "userdomain") {
		return false
	}
	rules, err := c.t.pol.Rules(policy.RuleQuery{Kinds: policy.KindAllow, Source: first.Source.Type(), Target: typ, TargetDirect: true,
		Classes: []string{first.Class}, Permissions: first.Permissions})
	if err != nil {
		return false
	}
	for range rules {
		return !c.runs(typ)
	}
	return false
}

// runs reports whether the domain may execute files of a type: it is one of
// programs then, whoever they are for.
func (c *investigation) runs(typ string) bool {
	d, err := c.t.pol.Decide(policy.Access{Source: c.d.Source, Target: c.d.Target.WithType(typ), Class: "file", Permissions: []string{"execute"}})
	return err == nil && d.Allowed
}

// withLeastRights leaves out, where the process only looks, types that would also
// let it write and that are otherwise like another one.
func (c *investigation) withLeastRights(choices []choice) []choice {
	if !c.onlyLooks() {
		return choices
	}
	writes := func(typ string) bool {
		d, err := c.t.pol.Decide(policy.Access{Source: c.d.Source, Target: c.d.Target.WithType(typ), Class: "file", Permissions: []string{"write", "append"}})
		return err == nil && len(d.Granted) > 0
	}
	return slices.DeleteFunc(slices.Clone(choices), func(a choice) bool {
		return writes(a.name) && slices.ContainsFunc(choices, func(b choice) bool {
			return sibling(a.name, b.name) && !b.rank.follows && !writes(b.name)
		})
	})
}

// choice is a type that may be offered for a path.
type choice struct {
	name string
	rank rank
}

// likeliest returns the choices to show, in their order.
func (c *investigation) likeliest(choices []choice, p string, kind fcontext.Kind) []string {
	if len(choices) == 0 {
		return nil
	}
	// How many specs a type has tells something beside its peers'.
	best := slices.MinFunc(choices, func(a, b choice) int { return a.rank.compare(b.rank) })
	broadest := 0
	for _, ch := range choices {
		if !ch.rank.worse(best.rank) {
			broadest = max(broadest, c.t.types.specs[ch.name])
		}
	}
	for i := range choices {
		name := choices[i].name
		if broadest == 0 && c.t.types.unplaced(name) {
			continue
		}
		plain := kind == fcontext.File || kind == fcontext.Dir
		few := c.t.types.specs[name]*broadly < broadest && (plain || !c.t.types.native(name, p))
		choices[i].rank.narrow = few || plain && !c.t.types.trees[name]
	}
	slices.SortStableFunc(choices, func(a, b choice) int { return a.rank.compare(b.rank) })
	var names []string
	for _, ch := range choices {
		if len(names) == maxTypes || ch.rank.worse(choices[0].rank) {
			break
		}
		names = append(names, ch.name)
	}
	return names
}

// keeps reports whether a type is the domain's own, for what it keeps below /var.
func (c *investigation) keeps(name string) bool {
	n := 0
	for place, specs := range c.t.types.places[name] {
		if strings.HasPrefix(place, "/var") && place != "/var/tmp" {
			n += specs
		}
	}
	return strings.HasPrefix(name, stem(c.d.Source.Type())) && 2*n > c.t.types.specs[name] && c.t.types.trees[name] && !c.t.types.program(name)
}

// ownSecret reports whether a type is for the domain's own files of the kind
// that a path's name speaks of, though the policy keeps these from others: what
// gets it is the better kept.
func (c *investigation) ownSecret(name, as string) bool {
	return as != "" && strings.HasPrefix(name, stem(c.d.Source.Type())) && c.t.types.places[name][as] > 0
}

// generalType is the type of what is nobody's in particular in the directory of
// hier(7) that a path's name speaks of, "" if it speaks of none.
func (c *investigation) generalType(as string, kind fcontext.Kind) string {
	if as == "" {
		return ""
	}
	m, ok := c.t.sys.Contexts.Lookup(as+nowhere, kind)
	if !ok || m.None || !c.t.types.general(m.Context.Type()) {
		return ""
	}
	return m.Context.Type()
}

// wholeOperation reports whether type enforcement lets the operation through
// on objects of one type.
func (c *investigation) wholeOperation(typ string) bool {
	for _, s := range c.operation {
		s.Access.Target = s.Access.Target.WithType(typ)
		d, err := c.t.pol.Decide(s.Access)
		if err != nil {
			return false
		}
		for _, r := range d.Reasons() {
			if r.Kind() == "no-rule" || r.Kind() == "rule-off" {
				return false
			}
		}
	}
	return true
}

// broadly is by how much a type with fewer specs than another is the one for a
// few programs' files, the other that for whatever a domain may work on.
const broadly = 3

// rank is how likely an administrator is to want a type for an object at a
// path that a domain uses. Smaller is better.
type rank struct {
	follows  bool // the operation would fail later on
	foreign  bool // the type is not the domain's
	adopted  bool // it is, but not by its name
	stranger bool // it is not the type that the object has with other rights
	misfit   bool // the policy's authors use it for what is kept elsewhere
	narrow   bool // the policy's authors use it for few programs or certain files
	exposure int
	afar     bool // the policy's authors use it for another part of the file system
}

func (a rank) compare(b rank) int {
	return cmp.Or(
		compareBool(a.follows, b.follows),
		compareBool(a.foreign, b.foreign),
		compareBool(a.adopted, b.adopted),
		compareBool(a.stranger, b.stranger),
		compareBool(a.misfit, b.misfit),
		compareBool(a.narrow, b.narrow),
		cmp.Compare(a.exposure, b.exposure),
		compareBool(a.afar, b.afar),
	)
}

// worse reports whether a is worse than b in more than its price and place.
func (a rank) worse(b rank) bool {
	a.exposure, b.exposure = 0, 0
	a.afar, b.afar = false, false
	return a.compare(b) > 0
}
