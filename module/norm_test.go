package module_test

import (
	"cmp"
	"slices"

	"github.com/sekit/sekit/internal/policydb"
)

// normal puts the tables of a module, which checkmodule writes in the order of
// its hash tables, in the order of their values, and takes from access vectors
// the bits that no permission of the class has: checkmodule before 3.5 sets
// them for * and ~, even where it leaves no permission.
func normal(m *policydb.Module) {
	normalSymbols(&m.Symbols)
	value := [policydb.NumTables]map[string]uint32{}
	for t := range value {
		value[t] = make(map[string]uint32)
	}
	s := &m.Symbols
	for _, x := range s.Classes {
		value[policydb.TableClasses][x.Name] = x.Value
	}
	for _, x := range s.Roles {
		value[policydb.TableRoles][x.Name] = x.Value
	}
	for _, x := range s.Types {
		value[policydb.TableTypes][x.Name] = x.Value
	}
	for _, x := range s.Users {
		value[policydb.TableUsers][x.Name] = x.Value
	}
	for _, x := range s.Booleans {
		value[policydb.TableBooleans][x.Name] = x.Value
	}
	for _, x := range s.Sensitivities {
		value[policydb.TableSensitivities][x.Name] = x.Level.Sensitivity
	}
	for _, x := range s.Categories {
		value[policydb.TableCategories][x.Name] = x.Value
	}
	for t := range m.Scopes {
		slices.SortFunc(m.Scopes[t], func(a, b policydb.Scope) int {
			return cmp.Or(cmp.Compare(value[t][a.Name], value[t][b.Name]), cmp.Compare(a.Name, b.Name))
		})
	}
	mask := make(map[uint32]uint32)
	for _, c := range s.Classes {
		mask[c.Value] = uint32(uint64(1)<<c.NumPerms - 1)
	}
	vectors := func(list []policydb.ModuleRule) []policydb.ModuleRule {
		for i := range list {
			if list[i].Kind&policydb.TypeKinds != 0 {
				continue
			}
			for j := range list[i].Classes {
				list[i].Classes[j].Data &= mask[list[i].Classes[j].Class]
			}
			list[i].Classes = slices.DeleteFunc(list[i].Classes, func(c policydb.ClassData) bool { return c.Data == 0 })
		}
		return slices.DeleteFunc(list, func(r policydb.ModuleRule) bool { return len(r.Classes) == 0 })
	}
	for _, b := range m.Blocks {
		for i := range b.Branches {
			d := &b.Branches[i]
			normalSymbols(&d.Symbols)
			d.Rules = vectors(d.Rules)
			for j := range d.Conditionals {
				k := &d.Conditionals[j]
				k.True, k.False = vectors(k.True), vectors(k.False)
			}
		}
	}
}

func normalSymbols(s *policydb.Symbols) {
	slices.SortFunc(s.Classes, func(a, b policydb.Class) int { return cmp.Compare(a.Value, b.Value) })
	for i := range s.Classes {
		slices.SortFunc(s.Classes[i].Permissions, func(a, b policydb.Permission) int { return cmp.Compare(a.Value, b.Value) })
	}
	slices.SortFunc(s.Roles, func(a, b policydb.ModuleRole) int { return cmp.Compare(a.Value, b.Value) })
	slices.SortFunc(s.Types, func(a, b policydb.ModuleType) int {
		return cmp.Or(cmp.Compare(a.Value, b.Value), cmp.Compare(a.Name, b.Name))
	})
	slices.SortFunc(s.Users, func(a, b policydb.ModuleUser) int { return cmp.Compare(a.Value, b.Value) })
	slices.SortFunc(s.Booleans, func(a, b policydb.ModuleBoolean) int { return cmp.Compare(a.Value, b.Value) })
	slices.SortFunc(s.Sensitivities, func(a, b policydb.Sensitivity) int {
		return cmp.Compare(a.Level.Sensitivity, b.Level.Sensitivity)
	})
	slices.SortFunc(s.Categories, func(a, b policydb.Category) int { return cmp.Compare(a.Value, b.Value) })
}
