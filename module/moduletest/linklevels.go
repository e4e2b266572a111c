package moduletest

import (
	"fmt"
	"slices"

	"github.com/sekit/sekit/internal/policydb"
	"github.com/sekit/sekit/module"
	"github.com/sekit/sekit/policy"
)

func (l *linker) rangeTransitions(u *unit) error {
	if len(u.RangeTransitions) > 0 && !l.db.MLS {
		return &module.UnsupportedError{What: "a range_transition in a policy without multi-level security"}
	}
	for i := range u.RangeTransitions {
		r := &u.RangeTransitions[i]
		pairs, err := l.pairs(u, &policydb.ModuleRule{Sources: r.Sources, Targets: r.Targets}, true)
		if err != nil {
			return err
		}
		classes, err := l.classesOf(u, r.Classes)
		if err != nil {
			return err
		}
		to, err := l.levels(u, &r.Range)
		if err != nil {
			return err
		}
		for _, p := range pairs {
			for _, class := range classes {
				i := slices.IndexFunc(l.db.RangeTransitions, func(x policydb.RangeTransition) bool {
					return x.Source == p[0] && x.Target == p[1] && x.Class == class
				})
				if i < 0 {
					l.db.RangeTransitions = append(slices.Clip(l.db.RangeTransitions),
						policydb.RangeTransition{Source: p[0], Target: p[1], Class: class, Range: to})
				} else if had := l.db.RangeTransitions[i].Range; !sameLevel(had.Low, to.Low) || !sameLevel(had.High, to.High) {
					return fmt.Errorf("range_transition: %w", errConflict)
				}
			}
		}
	}
	return nil
}

func sameLevel(a, b policydb.Level) bool {
	return a.Sensitivity == b.Sensitivity && a.Categories.Equal(b.Categories)
}

func (l *linker) levels(u *unit, r *policydb.SemanticRange) (policydb.Range, error) {
	low, err := l.level(u, &r.Low)
	if err != nil {
		return policydb.Range{}, err
	}
	high, err := l.level(u, &r.High)
	if err != nil {
		return policydb.Range{}, err
	}
	return policydb.Range{Low: low, High: high, Single: sameLevel(low, high)}, nil
}

func (l *linker) level(u *unit, s *policydb.SemanticLevel) (policydb.Level, error) {
	if s.Sensitivity == 0 {
		return policydb.Level{}, &module.UnsupportedError{What: "a user without levels in a policy with multi-level security"}
	}
	name := nth(u.names.sensitivities, s.Sensitivity)
	v, ok := l.sensitivities[name]
	if !ok {
		return policydb.Level{}, &policy.NameError{Kind: "sensitivity", Name: name}
	}
	var bits []uint32
	for _, r := range s.Categories {
		if !u.cil && len(s.Categories) > 1 && r.Low != r.High {
			return policydb.Level{}, &module.UnsupportedError{What: "a range of categories beside others in a package: its CIL can't say it"}
		}
		low, ok1 := l.categories[nth(u.names.categories, r.Low)]
		high, ok2 := l.categories[nth(u.names.categories, r.High)]
		switch {
		case !ok1:
			return policydb.Level{}, &policy.NameError{Kind: "category", Name: nth(u.names.categories, r.Low)}
		case !ok2:
			return policydb.Level{}, &policy.NameError{Kind: "category", Name: nth(u.names.categories, r.High)}
		case high < low:
			return policydb.Level{}, fmt.Errorf("categories %s.%s do not ascend", nth(u.names.categories, r.Low), nth(u.names.categories, r.High))
		}
		for c := low; c <= high; c++ {
			bits = append(bits, c-1)
		}
	}
	slices.Sort(bits)
	return policydb.Level{Sensitivity: v, Categories: policydb.NewBitmap(slices.Compact(bits)...)}, nil
}

// newUsers adds the users that a unit declares.
func (l *linker) newUsers(u *unit) error {
	for i := range u.symbols.Users {
		x := &u.symbols.Users[i]
		if !u.declares(policydb.TableUsers, x.Name) {
			continue
		}
		if _, had := l.users[x.Name]; had {
			return &module.DuplicateError{Kind: "user", Name: x.Name}
		}
		roles, err := l.rolesOf(u, &x.Roles)
		if err != nil {
			return err
		}
		var bits []uint32
		for _, r := range roles {
			bits = append(bits, r-1)
		}
		l.db.NumUsers++
		next := policydb.User{Name: x.Name, Value: l.db.NumUsers, Roles: policydb.NewBitmap(bits...)}
		next.Range, next.Default = noLevels()
		if l.db.MLS {
			if x.Expanded != nil {
				return &module.UnsupportedError{What: "users as module version 5 has them"}
			}
			if next.Default, err = l.level(u, &x.Default); err != nil {
				return err
			}
			if next.Range, err = l.levels(u, &x.Range); err != nil {
				return err
			}
		}
		l.users[x.Name] = next.Value
		l.db.Users = append(l.db.Users, next)
	}
	return nil
}

// noLevels are those of a user without multi-level security.
func noLevels() (policydb.Range, policydb.Level) {
	return policydb.Range{Single: true}, policydb.Level{}
}
