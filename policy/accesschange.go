package policy

import (
	"cmp"
	"iter"
	"slices"
	"strconv"
	"strings"

	"github.com/sekit/sekit/internal/policydb"
)

// AccessChange is what allow, auditallow or dontaudit rules say of a source type,
// target type and class in one policy and not in another.
type AccessChange struct {
	Kind      RuleKind `json:"kind"`
	Source    string   `json:"source"` // a type
	Target    string   `json:"target"` // a type
	Class     string   `json:"class"`
	Condition string   `json:"condition,omitempty"` // as Condition.String, or "" for what always holds
	// Added and Removed are the permissions, sorted. Changes share them: they
	// are not to be written to.
	Added   []string `json:"added,omitempty"`
	Removed []string `json:"removed,omitempty"`
}

// String returns the change as two rules at most, with + and - before the
// permissions.
func (c AccessChange) String() string { return string(c.append(make([]byte, 0, 128))) }

// AppendText appends what [AccessChange.String] returns. It implements
// [encoding.TextAppender]; the error is always nil.
func (c AccessChange) AppendText(b []byte) ([]byte, error) { return c.append(b), nil }

func (c AccessChange) append(b []byte) []byte {
	b = append(b, c.Kind.String()...)
	b = append(b, ' ')
	b = append(b, c.Source...)
	b = append(b, ' ')
	b = append(b, c.Target...)
	b = append(b, ':')
	b = append(b, c.Class...)
	b = append(b, " {"...)
	for _, name := range c.Added {
		b = append(b, " +"...)
		b = append(b, name...)
	}
	for _, name := range c.Removed {
		b = append(b, " -"...)
		b = append(b, name...)
	}
	b = append(b, " };"...)
	if c.Condition != "" {
		b = append(b, ' ')
		b = append(b, c.Condition...)
	}
	return b
}

// AccessChanges compares what the allow, auditallow and dontaudit rules of two
// policies come to for each pair of types: attributes expanded, rules for the
// same types taken together, and what a conditional rule grants left out where
// another rule grants it always. Conditions are the same if they are true for
// the same settings of the same booleans. Types, classes, permissions and
// booleans are compared by their names.
//
// The changes come in the order of their sources' names, and for one source by
// kind, class, condition and target. Of two policies that have little in common
// there are millions.
func AccessChanges(old, new *Policy) iter.Seq[AccessChange] {
	return func(yield func(AccessChange) bool) {
		newAccessComparer(old, new).compare(yield)
	}
}

func (c *accessComparer) compare(yield func(AccessChange) bool) {
	for source := range c.types.names {
		if !c.sourceAlike(source) && !c.compareSource(source, yield) {
			return
		}
	}
}

// accessComparer compares two policies, one source type at a time.
type accessComparer struct {
	*joinedPolicies
	types    joinedNames // attributes not included
	truths   []string    // conditions; 0 is none
	branches [2][]int    // by branchKey: index in truths
	alike    []bool      // by symbol: see findAlike

	rows  map[accessRow]*accessTargets
	free  []*accessTargets
	names map[permissionKey][]string
}

type permissionKey struct {
	class  int
	vector uint64
}

// accessRow says which rules a row is of.
type accessRow struct{ kind, class, condition int }

// accessTargets is what the rules of one row grant on each target.
type accessTargets struct {
	vector  [2][]uint64 // by target
	touched []int
}

func newAccessComparer(old, new *Policy) *accessComparer {
	c := &accessComparer{joinedPolicies: joinPolicies(old, new), rows: make(map[accessRow]*accessTargets),
		names: make(map[permissionKey][]string)}
	typeName := func(p *Policy) func(int) string {
		return func(i int) string {
			if p.sym.types[i].attribute {
				return ""
			}
			return p.sym.types[i].name
		}
	}
	c.types = joinNames([2]int{len(old.sym.types), len(new.sym.types)}, [2]func(int) string{typeName(old), typeName(new)})
	c.joinTruths()
	c.findAlike()
	return c
}

// joinTruths numbers the conditions of both policies.
func (c *accessComparer) joinTruths() {
	c.truths = []string{""}
	known := make(map[string]int)
	for side, p := range c.side {
		c.branches[side] = make([]int, 2*len(p.db.Conditionals)+1)
		for i := range p.db.Conditionals {
			for _, branch := range []bool{true, false} {
				cond := Condition{p, i, branch}
				key := cond.truth()
				n, ok := known[key]
				if !ok {
					n = len(c.truths)
					known[key] = n
					c.truths = append(c.truths, cond.String())
				}
				c.branches[side][branchKey(i, branch)] = n
			}
		}
	}
}

// findAlike finds the sources of which nothing can differ: types and attributes
// whose own rules both policies have alike, for targets that are the same types.
func (c *accessComparer) findAlike() {
	members := make([]bool, len(c.symbols.names))
	for s := range members {
		members[s] = c.sameMembers(s)
	}
	c.alike = make([]bool, len(c.symbols.names))
	for s := range c.alike {
		c.alike[s] = c.symbols.value[0][s] != 0 && c.symbols.value[1][s] != 0
	}
	same := c.sameRules()
	for side, p := range c.side {
		x := p.rules()
		for n := range uint32(x.len()) {
			r := x.at(n)
			if ruleKind(r.Kind)&AccessKinds != 0 && !(same[side][n] && members[c.symbols.index[side][r.Target-1]]) {
				c.alike[c.symbols.index[side][r.Source-1]] = false
			}
		}
		for value, added := range p.over.sources(len(p.sym.types)) {
			if added {
				c.alike[c.symbols.index[side][value-1]] = false
			}
		}
	}
}

// sameMembers reports whether a name is a type in both policies, or an attribute
// of the same types.
func (c *accessComparer) sameMembers(s int) bool {
	v, w := c.symbols.value[0][s], c.symbols.value[1][s]
	if v == 0 || w == 0 {
		return false
	}
	a, b := &c.side[0].sym.types[v-1], &c.side[1].sym.types[w-1]
	return a.attribute == b.attribute && c.sameSymbols(a.members, b.members)
}

// sameSymbols reports whether a set of types and attributes of the old policy,
// bit = value-1, has the names of one of the new policy.
func (c *accessComparer) sameSymbols(old, new policydb.Bitmap) bool {
	if old.Len() != new.Len() {
		return false
	}
	for i := range old.All() {
		s := c.symbols.index[0][i]
		if s < 0 || c.symbols.value[1][s] == 0 || !new.Has(c.symbols.value[1][s]-1) {
			return false
		}
	}
	return true
}

// sourceAlike reports whether a source type has the same attributes in both
// policies, and it and they have nothing that differs.
func (c *accessComparer) sourceAlike(source int) bool {
	v, w := c.types.value[0][source], c.types.value[1][source]
	if v == 0 || w == 0 {
		return false
	}
	had, has := c.side[0].db.TypeAttributes[v-1], c.side[1].db.TypeAttributes[w-1]
	if !c.sameSymbols(had, has) {
		return false
	}
	for a := range had.All() {
		if !c.alike[c.symbols.index[0][a]] {
			return false
		}
	}
	return true
}

// truth returns text that is the same for conditions that are true for the same
// settings of the same booleans. A condition on many booleans is only the same
// as one that is written alike.
func (c Condition) truth() string {
	names := c.Booleans()
	if len(names) > 8 {
		return c.String()
	}
	key := []byte(strings.Join(names, " ") + "=")
	for setting := range 1 << len(names) {
		on := c.Eval(func(name string) bool { return setting>>slices.Index(names, name)&1 == 1 })
		key = strconv.AppendBool(append(key, ' '), on)
	}
	return string(key)
}

// compareSource yields what differs of one source; it returns false once yield
// did.
func (c *accessComparer) compareSource(source int, yield func(AccessChange) bool) bool {
	for side := range c.side {
		c.fill(side, source)
	}
	keys := make([]accessRow, 0, len(c.rows))
	for k := range c.rows {
		keys = append(keys, k)
	}
	slices.SortFunc(keys, func(a, b accessRow) int {
		return cmp.Or(cmp.Compare(a.kind, b.kind), cmp.Compare(a.class, b.class), cmp.Compare(a.condition, b.condition))
	})
	more := true
	for _, k := range keys {
		more = more && c.compareRow(source, k, yield)
	}
	for _, k := range keys {
		row := c.rows[k]
		for _, t := range row.touched {
			row.vector[0][t], row.vector[1][t] = 0, 0
		}
		row.touched = row.touched[:0]
		c.free = append(c.free, row)
	}
	clear(c.rows)
	return more
}

func (c *accessComparer) compareRow(source int, k accessRow, yield func(AccessChange) bool) bool {
	row := c.rows[k]
	always := c.rows[accessRow{k.kind, k.class, 0}]
	slices.Sort(row.touched)
	for _, t := range row.touched {
		was, is := row.vector[0][t], row.vector[1][t]
		if k.condition != 0 && always != nil {
			was &^= always.vector[0][t]
			is &^= always.vector[1][t]
		}
		if was == is {
			continue
		}
		change := AccessChange{
			Kind:      RuleKind(k.kind),
			Source:    c.types.names[source],
			Target:    c.types.names[t],
			Class:     c.classes.names[k.class],
			Condition: c.truths[k.condition],
			Added:     c.permissionNames(k.class, is&^was),
			Removed:   c.permissionNames(k.class, was&^is),
		}
		if !yield(change) {
			return false
		}
	}
	return true
}

// permissionNames names the permissions of a vector. There are few different
// ones: their names are kept.
func (c *accessComparer) permissionNames(class int, vector uint64) []string {
	if vector == 0 {
		return nil
	}
	key := permissionKey{class, vector}
	names, ok := c.names[key]
	if ok {
		return names
	}
	for i, name := range c.perms[class].names {
		if vector>>i&1 == 1 {
			names = append(names, name)
		}
	}
	c.names[key] = names
	return names
}

// fill adds up what the rules of one policy say of a source.
func (c *accessComparer) fill(side, source int) {
	p := c.side[side]
	value := c.types.value[side][source]
	if value == 0 {
		return
	}
	x := p.rules()
	for a := range p.db.TypeAttributes[value-1].All() {
		for _, n := range x.bySource.of(a + 1) {
			r := x.at(n)
			kind := ruleKind(r.Kind)
			if kind&AccessKinds == 0 || p.over.isRemoved(n) {
				continue
			}
			c.add(side, kind, uint32(r.Class), x.branch(n), p.vectorOf(r), uint32(r.Target))
		}
	}
	if p.over == nil {
		return
	}
	c.fillAdded(side, value, KindAllow, p.over.allow)
	c.fillAdded(side, value, KindDontAudit, p.over.dontAudit)
}

// fillAdded does so for rules that With added.
func (c *accessComparer) fillAdded(side int, value uint32, kind RuleKind, rules []extraRule) {
	for i := range rules {
		r := &rules[i]
		if !has(&c.side[side].db.TypeAttributes[value-1], r.source-1) {
			continue
		}
		target := r.target
		if target == 0 {
			target = value // self
		}
		c.add(side, kind, r.class, noBranch, r.perms, target)
	}
}

func (c *accessComparer) add(side int, kind RuleKind, class, branch, vector, target uint32) {
	perms := c.permissions(side, class, vector)
	row := c.row(accessRow{int(kind), c.classes.index[side][class-1], c.branches[side][branch]})
	info := &c.side[side].sym.types[target-1]
	if !info.attribute {
		row.grant(side, c.types.index[side][target-1], perms)
		return
	}
	row.grantAll(side, info.members, c.types.index[side], perms)
}

func (t *accessTargets) grantAll(side int, members policydb.Bitmap, index []int, perms uint64) {
	for m := range members.All() {
		t.grant(side, index[m], perms)
	}
}

func (t *accessTargets) grant(side, target int, perms uint64) {
	if target < 0 {
		return
	}
	if t.vector[0][target]|t.vector[1][target] == 0 {
		t.touched = append(t.touched, target)
	}
	t.vector[side][target] |= perms
}

// row returns the row, made or taken from those no longer in use.
func (c *accessComparer) row(k accessRow) *accessTargets {
	if row := c.rows[k]; row != nil {
		return row
	}
	var row *accessTargets
	if n := len(c.free); n > 0 {
		row, c.free = c.free[n-1], c.free[:n-1]
	} else {
		row = &accessTargets{}
		for side := range row.vector {
			row.vector[side] = make([]uint64, len(c.types.names))
		}
	}
	c.rows[k] = row
	return row
}
