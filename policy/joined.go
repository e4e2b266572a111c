package policy

import (
	"cmp"
	"math/bits"
	"slices"
)

// joinedPolicies numbers the names that either of two policies has, so that
// their rules can be compared as numbers. Both sides are 0 for the old policy
// and 1 for the new.
type joinedPolicies struct {
	side       [2]*Policy
	symbols    joinedNames // types and attributes
	classes    joinedNames
	perms      []joinedNames   // by class
	bits       [2][][32]uint64 // by class value-1 and bit: the joined permission
	conditions [2][]int        // by branchKey: the condition's text; 0 is none
}

// joinedNames numbers the names of both policies, in their order.
type joinedNames struct {
	names []string
	index [2][]int // by value-1 in either policy; -1 for what has no name
	value [2][]uint32
}

func joinNames(n [2]int, name [2]func(int) string) joinedNames {
	var j joinedNames
	for side := range n {
		for i := range n[side] {
			if s := name[side](i); s != "" {
				j.names = append(j.names, s)
			}
		}
	}
	slices.Sort(j.names)
	j.names = slices.Compact(j.names)
	for side := range n {
		j.index[side] = make([]int, n[side])
		j.value[side] = make([]uint32, len(j.names))
		for i := range n[side] {
			at, ok := slices.BinarySearch(j.names, name[side](i))
			if !ok {
				at = -1
			} else {
				j.value[side][at] = uint32(i + 1)
			}
			j.index[side][i] = at
		}
	}
	return j
}

func joinPolicies(old, new *Policy) *joinedPolicies {
	j := &joinedPolicies{side: [2]*Policy{old, new}}
	symbol := func(p *Policy) func(int) string { return func(i int) string { return p.sym.types[i].name } }
	class := func(p *Policy) func(int) string { return func(i int) string { return p.sym.classes[i].name } }
	j.symbols = joinNames([2]int{len(old.sym.types), len(new.sym.types)}, [2]func(int) string{symbol(old), symbol(new)})
	j.classes = joinNames([2]int{len(old.sym.classes), len(new.sym.classes)}, [2]func(int) string{class(old), class(new)})
	for side, p := range j.side {
		j.bits[side] = make([][32]uint64, len(p.sym.classes))
	}
	j.perms = make([]joinedNames, len(j.classes.names))
	for i := range j.perms {
		j.joinPermissions(i)
	}
	j.joinConditions()
	return j
}

func (j *joinedPolicies) joinPermissions(class int) {
	var names [2][]string
	for side, p := range j.side {
		if v := j.classes.value[side][class]; v != 0 {
			names[side] = p.sym.classes[v-1].permissions
		}
	}
	at := func(side int) func(int) string { return func(i int) string { return names[side][i] } }
	perms := joinNames([2]int{len(names[0]), len(names[1])}, [2]func(int) string{at(0), at(1)})
	for side := range j.side {
		for bit, n := range perms.index[side] {
			if n >= 0 {
				j.bits[side][j.classes.value[side][class]-1][bit] = 1 << n
			}
		}
	}
	j.perms[class] = perms
}

func (j *joinedPolicies) joinConditions() {
	known := make(map[string]int)
	for side, p := range j.side {
		j.conditions[side] = make([]int, 2*len(p.db.Conditionals)+1)
		for i := range p.db.Conditionals {
			for _, branch := range []bool{true, false} {
				text := Condition{p, i, branch}.String()
				n, ok := known[text]
				if !ok {
					n = len(known) + 1
					known[text] = n
				}
				j.conditions[side][branchKey(i, branch)] = n
			}
		}
	}
}

// permissions translates the access vector of a class.
func (j *joinedPolicies) permissions(side int, class, vector uint32) uint64 {
	var perms uint64
	for ; vector != 0; vector &= vector - 1 {
		perms |= j.bits[side][class-1][bits.TrailingZeros32(vector)]
	}
	return perms
}

// joinedRule is a rule of the access vector tables in joined numbers.
type joinedRule struct {
	key       uint64 // target, class and kind
	condition int
	data      uint64 // permissions, or the resulting type
	number    uint32
}

func (r *joinedRule) sameAs(o *joinedRule) bool {
	return r.key == o.key && r.condition == o.condition && r.data == o.data
}

func compareJoined(a, b joinedRule) int {
	return cmp.Or(cmp.Compare(a.key, b.key), cmp.Compare(a.condition, b.condition), cmp.Compare(a.data, b.data))
}

// sameRules returns which rules of the access vector tables, by number, both
// policies have alike: all that are for the same types, class and condition are
// the same in both. A rule that it leaves out may be the same nevertheless: those
// with extended permissions are, and those of a source for which With added
// some.
func (j *joinedPolicies) sameRules() (same [2][]bool) {
	var added [2][]bool // by value
	for side, p := range j.side {
		same[side] = make([]bool, p.rules().len())
		added[side] = p.over.sources(len(p.sym.types))
	}
	var rules [2][]joinedRule
	for s := range j.symbols.names {
		v, w := j.symbols.value[0][s], j.symbols.value[1][s]
		if v == 0 || w == 0 || added[0][v] || added[1][w] {
			continue
		}
		for side, value := range [2]uint32{v, w} {
			rules[side] = j.appendRules(rules[side][:0], side, value)
		}
		markSame(rules, same)
	}
	return same
}

// sources returns which types and attributes With added rules for, by value.
func (o *overlay) sources(types int) []bool {
	added := make([]bool, types+1)
	if o != nil {
		for _, list := range [][]extraRule{o.allow, o.dontAudit} {
			for i := range list {
				added[list[i].source] = true
			}
		}
	}
	return added
}

func (j *joinedPolicies) appendRules(to []joinedRule, side int, source uint32) []joinedRule {
	p := j.side[side]
	x := p.rules()
	for _, n := range x.bySource.of(source) {
		r := x.at(n)
		kind := ruleKind(r.Kind)
		if kind&XpermKinds != 0 || p.over.isRemoved(n) {
			continue
		}
		c := joinedRule{number: n, condition: j.conditions[side][x.branch(n)]}
		c.key = uint64(j.symbols.index[side][r.Target-1])<<40 | uint64(j.classes.index[side][r.Class-1])<<16 | uint64(kind)
		if kind&AccessKinds != 0 {
			c.data = j.permissions(side, uint32(r.Class), p.vectorOf(r))
		} else {
			c.data = uint64(j.symbols.index[side][r.Data-1])
		}
		to = append(to, c)
	}
	return to
}

// markSame compares the rules of one source. Policies that come from one
// compiler mostly have them in the same order.
func markSame(rules [2][]joinedRule, same [2][]bool) {
	mark := func(runs ...[]joinedRule) {
		for side, run := range runs {
			for i := range run {
				same[side][run[i].number] = true
			}
		}
	}
	equal := func(a, b []joinedRule) bool {
		return slices.EqualFunc(a, b, func(a, b joinedRule) bool { return a.sameAs(&b) })
	}
	a, b := rules[0], rules[1]
	if equal(a, b) {
		mark(a, b)
		return
	}
	slices.SortFunc(a, compareJoined)
	slices.SortFunc(b, compareJoined)
	for len(a) > 0 && len(b) > 0 {
		switch cmp.Or(cmp.Compare(a[0].key, b[0].key), cmp.Compare(a[0].condition, b[0].condition)) {
		case -1:
			a = a[firstRun(a):]
		case 1:
			b = b[firstRun(b):]
		default:
			n, m := firstRun(a), firstRun(b)
			if equal(a[:n], b[:m]) {
				mark(a[:n], b[:m])
			}
			a, b = a[n:], b[m:]
		}
	}
}

// firstRun returns how many rules are for the same as the first one.
func firstRun(rules []joinedRule) int {
	n := 1
	for n < len(rules) && rules[n].key == rules[0].key && rules[n].condition == rules[0].condition {
		n++
	}
	return n
}
