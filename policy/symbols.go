package policy

import (
	"sync"

	"github.com/sekit/sekit/internal/policydb"
)

// symbols are the name tables of a policy, shared by all that With makes of
// it. Slices are indexed by value-1.
type symbols struct {
	types      []typeInfo
	typeByName map[string]uint32 // types, attributes and aliases -> value
	order      nameOrder         // made by typeOrder
	orderOnce  sync.Once

	rules     *ruleIndex // made by Policy.rules
	rulesOnce sync.Once

	condTexts     []string // made by Policy.condExpressions
	condTextsOnce sync.Once

	classes     []classInfo
	classByName map[string]uint32

	booleans      []string
	booleanByName map[string]uint32

	roles      []*policydb.Role
	roleByName map[string]uint32

	users      []*policydb.User
	userByName map[string]uint32

	sensitivities     []string
	sensitivityByName map[string]uint32
	categories        []string
	categoryByName    map[string]uint32
}

type typeInfo struct {
	name      string
	attribute bool
	bounds    uint32
	aliases   []string
	members   policydb.Bitmap // of an attribute: its types, bit = value-1
}

type classInfo struct {
	name        string
	common      string
	permissions []string          // by bit; "" where the policy has none
	permByName  map[string]uint32 // access vector with that one bit
	byName      []uint8           // bits in the order of their permissions' names
	class       *policydb.Class
}

func newSymbols(db *policydb.Policy) *symbols {
	s := &symbols{}
	s.addTypes(db)
	s.addClasses(db)

	s.booleans = make([]string, db.NumBooleans)
	s.booleanByName = make(map[string]uint32, len(db.Booleans))
	for i := range db.Booleans {
		b := &db.Booleans[i]
		s.booleans[b.Value-1] = b.Name
		s.booleanByName[b.Name] = b.Value
	}
	s.roles = make([]*policydb.Role, db.NumRoles)
	s.roleByName = make(map[string]uint32, len(db.Roles))
	for i := range db.Roles {
		r := &db.Roles[i]
		s.roles[r.Value-1] = r
		s.roleByName[r.Name] = r.Value
	}
	s.users = make([]*policydb.User, db.NumUsers)
	s.userByName = make(map[string]uint32, len(db.Users))
	for i := range db.Users {
		u := &db.Users[i]
		s.users[u.Value-1] = u
		s.userByName[u.Name] = u.Value
	}
	s.sensitivities = make([]string, db.NumSensitivities)
	s.sensitivityByName = make(map[string]uint32, len(db.Sensitivities))
	for i := range db.Sensitivities {
		l := &db.Sensitivities[i]
		s.sensitivityByName[l.Name] = l.Level.Sensitivity
		if !l.Alias {
			s.sensitivities[l.Level.Sensitivity-1] = l.Name
		}
	}
	s.categories = make([]string, db.NumCategories)
	s.categoryByName = make(map[string]uint32, len(db.Categories))
	for i := range db.Categories {
		c := &db.Categories[i]
		s.categoryByName[c.Name] = c.Value
		if !c.Alias {
			s.categories[c.Value-1] = c.Name
		}
	}
	return s
}

func (s *symbols) addTypes(db *policydb.Policy) {
	s.types = make([]typeInfo, db.NumTypes)
	s.typeByName = make(map[string]uint32, len(db.Types))
	for i := range db.Types {
		t := &db.Types[i]
		s.typeByName[t.Name] = t.Value
		info := &s.types[t.Value-1]
		switch {
		case t.Properties&policydb.TypePrimary == 0: // whatever else, as in the kernel
			info.aliases = append(info.aliases, t.Name)
		case t.Properties&policydb.TypeAttribute != 0:
			info.name, info.attribute = t.Name, true
		default:
			info.name, info.bounds = t.Name, t.Bounds
		}
	}
	s.addMembers(db)
}

// addMembers turns the attributes of types into the types of attributes. The
// nodes of all their bitmaps are counted first and lie in one slice.
func (s *symbols) addMembers(db *policydb.Policy) {
	starts := make([]uint32, db.NumTypes) // of the last node, +1
	counts := make([]int, db.NumTypes)
	total := 0
	each := func(f func(attribute, t uint32)) {
		for t := range db.TypeAttributes {
			for a := range db.TypeAttributes[t].All() {
				if a != uint32(t) && s.types[a].attribute {
					f(a, uint32(t))
				}
			}
		}
	}
	each(func(a, t uint32) {
		if start := t&^63 + 1; starts[a] != start {
			starts[a] = start
			counts[a]++
			total++
		}
	})
	nodes := make([]policydb.BitmapNode, total)
	for a, n := range counts {
		s.types[a].members.Nodes, nodes = nodes[:0:n], nodes[n:]
	}
	each(func(a, t uint32) {
		m := &s.types[a].members
		if n := len(m.Nodes); n == 0 || m.Nodes[n-1].Start != t&^63 {
			m.Nodes = append(m.Nodes, policydb.BitmapNode{Start: t &^ 63})
		}
		m.Nodes[len(m.Nodes)-1].Map |= 1 << (t & 63)
	})
}

func (s *symbols) addClasses(db *policydb.Policy) {
	commons := make(map[string]*policydb.Common, len(db.Commons))
	for i := range db.Commons {
		commons[db.Commons[i].Name] = &db.Commons[i]
	}
	s.classes = make([]classInfo, db.NumClasses)
	s.classByName = make(map[string]uint32, len(db.Classes))
	for i := range db.Classes {
		c := &db.Classes[i]
		info := &s.classes[c.Value-1]
		info.name, info.common, info.class = c.Name, c.Common, c
		info.permissions = make([]string, c.NumPerms)
		info.permByName = make(map[string]uint32, c.NumPerms)
		add := func(perms []policydb.Permission) {
			for _, p := range perms {
				info.permissions[p.Value-1] = p.Name
				info.permByName[p.Name] = 1 << (p.Value - 1)
			}
		}
		if common := commons[c.Common]; common != nil {
			add(common.Permissions)
		}
		add(c.Permissions)
		info.byName = permissionOrder(info.permissions)
		s.classByName[c.Name] = c.Value
	}
}
