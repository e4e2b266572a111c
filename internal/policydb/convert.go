package policydb

import "slices"

// Loss says what a policy could not take along to an older version.
type Loss struct {
	Feature Feature
	Count   int // rules, classes (for defaults) or types (for neveraudit)
}

// Convert returns the policy in another version, as libsepol's policydb_write
// converts it (checkpolicy -b -c N), and what that drops: what the version
// cannot say, apart from extended permissions, without which the policy would
// allow more; a VersionError refuses those. The type sets of constraints below
// version 29 are no loss, as they repeat what the names say. The result shares
// with p what is the same in both.
func Convert(p *Policy, version uint32) (*Policy, []Loss, error) {
	if version < MinVersion || version > MaxVersion {
		return nil, nil, &FormatError{Section: "header", Offset: -1, Err: &VersionError{Version: version}}
	}
	if err := convertibleXPerms(p, version); err != nil {
		return nil, nil, err
	}
	q := *p
	q.Version = version
	var losses []Loss
	lose := func(f Feature, n int) {
		if n > 0 {
			losses = append(losses, Loss{f, n})
		}
	}
	if !FeatureNeverAudit.In(version) {
		lose(FeatureNeverAudit, q.NeverAudit.Len())
		q.NeverAudit = Bitmap{}
	}
	q.convertClasses(lose)
	if !FeatureInfiniband.In(version) {
		lose(FeatureInfiniband, len(q.IBPkeycons)+len(q.IBEndportcons))
		q.IBPkeycons, q.IBEndportcons = nil, nil
	}
	if err := q.convertRoleTransitions(p, lose); err != nil {
		return nil, nil, err
	}
	q.convertNameTransitions(p, lose)
	return &q, losses, nil
}

// convertibleXPerms refuses what avtab_write_item refuses.
func convertibleXPerms(p *Policy, version uint32) error {
	isXPerms := func(r AVRule) bool { return r.Kind&XPermsKinds != 0 }
	if !FeatureXPerms.In(version) && slices.ContainsFunc(p.AVTab, isXPerms) {
		return &FormatError{Section: secAVTab.String(), Offset: -1, Err: FeatureXPerms.missing(version)}
	}
	if FeatureConditionalXPerms.In(version) {
		return nil
	}
	for i := range p.Conditionals {
		if slices.ContainsFunc(p.Conditionals[i].True, isXPerms) || slices.ContainsFunc(p.Conditionals[i].False, isXPerms) {
			return &FormatError{Section: secConditionals.String(), Offset: -1, Err: FeatureConditionalXPerms.missing(version)}
		}
	}
	return nil
}

// convertClasses drops defaults and type sets of constraints.
func (p *Policy) convertClasses(lose func(Feature, int)) {
	if FeatureGLBLUB.In(p.Version) {
		return
	}
	var glblub, defaults, defaultType int
	p.Classes = slices.Clone(p.Classes)
	for i := range p.Classes {
		c := &p.Classes[i]
		if c.DefaultRange == DefaultGLBLUB {
			c.DefaultRange = 0
			glblub++
		}
		if c.DefaultType != 0 && !FeatureDefaultType.In(p.Version) {
			c.DefaultType = 0
			defaultType++
		}
		if (c.DefaultUser|c.DefaultRole != 0 || c.DefaultRange != 0) && !FeatureObjectDefaults.In(p.Version) {
			c.DefaultUser, c.DefaultRole, c.DefaultRange = 0, 0, 0
			defaults++
		}
		if !FeatureConstraintNames.In(p.Version) {
			c.Constraints = withoutTypeNames(c.Constraints)
			c.ValidateTrans = withoutTypeNames(c.ValidateTrans)
		}
	}
	lose(FeatureGLBLUB, glblub)
	lose(FeatureDefaultType, defaultType)
	lose(FeatureObjectDefaults, defaults)
}

func withoutTypeNames(list []Constraint) []Constraint {
	list = slices.Clone(list)
	for i := range list {
		list[i].Expr = slices.Clone(list[i].Expr)
		for j := range list[i].Expr {
			list[i].Expr[j].TypeNames = TypeSet{}
		}
	}
	return list
}

// convertRoleTransitions gives those of old the class process, and keeps only
// that one for old versions.
func (p *Policy) convertRoleTransitions(from *Policy, lose func(Feature, int)) error {
	had, has := FeatureRoleTransitionClass.In(from.Version), FeatureRoleTransitionClass.In(p.Version)
	if had == has || len(p.RoleTransitions) == 0 {
		return nil
	}
	process := p.classValue("process")
	if process == 0 && !had {
		return &FormatError{Section: secRoleTransitions.String(), Offset: -1, Err: errNoProcess}
	}
	var list []RoleTransition
	for _, t := range p.RoleTransitions {
		switch {
		case has:
			t.Class = process
		case t.Class != process:
			continue
		default:
			t.Class = 0
		}
		list = append(list, t)
	}
	lose(FeatureRoleTransitionClass, len(p.RoleTransitions)-len(list))
	p.RoleTransitions = list
	return nil
}

// classValue returns the value of a class, or 0.
func (p *Policy) classValue(name string) uint32 {
	for i := range p.Classes {
		if p.Classes[i].Name == name {
			return p.Classes[i].Value
		}
	}
	return 0
}

func (p *Policy) convertNameTransitions(from *Policy, lose func(Feature, int)) {
	compressed := FeatureCompressedNameTransitions.In(p.Version)
	switch {
	case !FeatureNameTransitions.In(p.Version):
		n := 0
		for i := range p.NameTransitions {
			for _, d := range p.NameTransitions[i].Data {
				n += d.Sources.Len()
			}
		}
		lose(FeatureNameTransitions, n)
		p.NameTransitions = nil
	case FeatureCompressedNameTransitions.In(from.Version) == compressed:
	case compressed:
		p.NameTransitions = compress(p.NameTransitions)
	default:
		p.NameTransitions = spread(p.NameTransitions)
	}
}

// spread gives each source type its own entry.
func spread(list []NameTransition) []NameTransition {
	var out []NameTransition
	for i := range list {
		for _, d := range list[i].Data {
			for bit := range d.Sources.All() {
				t := list[i]
				t.Data = []NameTransitionData{{Sources: NewBitmap(bit), Type: d.Type}}
				out = append(out, t)
			}
		}
	}
	return out
}

// compress joins entries that differ in their source types and results. Of
// several results for a source type the first counts (policydb_filetrans_insert).
func compress(list []NameTransition) []NameTransition {
	type by struct {
		target, class uint32
		name          string
	}
	at := make(map[by]int, len(list))
	var out []NameTransition
	var groups []nameGroup
	for i := range list {
		t := &list[i]
		id := by{t.Target, t.Class, t.Name}
		n, ok := at[id]
		if !ok {
			n = len(out)
			at[id] = n
			out = append(out, NameTransition{Target: t.Target, Class: t.Class, Name: t.Name})
			groups = append(groups, nameGroup{done: map[uint32]bool{}, at: map[uint32]int{}})
		}
		for _, d := range t.Data {
			for bit := range d.Sources.All() {
				groups[n].add(bit, d.Type)
			}
		}
	}
	for n := range out {
		for i, sources := range groups[n].sources {
			out[n].Data = append(out[n].Data, NameTransitionData{Sources: NewBitmap(sources...), Type: groups[n].types[i]})
		}
	}
	return out
}

// nameGroup collects the results of one target, class and name.
type nameGroup struct {
	done    map[uint32]bool // source types that have their result
	at      map[uint32]int  // by result: index in types and sources
	types   []uint32
	sources [][]uint32
}

func (g *nameGroup) add(source, typ uint32) {
	if g.done[source] {
		return
	}
	g.done[source] = true
	i, ok := g.at[typ]
	if !ok {
		i = len(g.types)
		g.at[typ] = i
		g.types = append(g.types, typ)
		g.sources = append(g.sources, nil)
	}
	g.sources[i] = append(g.sources[i], source)
}
