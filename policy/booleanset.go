package policy

import (
	"cmp"
	"slices"

	"github.com/sekit/sekit/internal/policydb"
)

// BooleanSet is a set of booleans that together make the policy allow an
// access, with its price.
type BooleanSet struct {
	// Booleans are the booleans to set, sorted by name. None can be left out.
	Booleans []SetBoolean `json:"booleans"`
	// Exposure is what setting them newly allows.
	Exposure Exposure `json:"exposure"`
}

const (
	// maxBooleanSet is how many booleans a set has at most.
	maxBooleanSet = 3
	// maxBooleanSets is how many sets are found at most: far more than a
	// policy has for an access, and each costs a proof and a price.
	maxBooleanSets = 100
	// maxBooleanTrials bounds the search: a policy has a few booleans for an
	// access, and only one made to waste time has enough to reach it.
	maxBooleanTrials = 50_000
)

// BooleanSets finds the minimal sets of up to three booleans that, set to the
// opposite of their present state, make the policy allow an access. Each is
// proven with [Policy.Decide] and priced with [Policy.Exposure]; the cheapest
// comes first. Of more than 100 sets the smallest are found. There are none if the access is allowed already, or if a
// constraint, a missing rule or anything else that booleans don't govern
// denies it as well. Errors are those of Decide.
func (p *Policy) BooleanSets(a Access) ([]BooleanSet, error) {
	d, err := p.Decide(a)
	if err != nil || d.Allowed {
		return nil, err
	}
	s := booleanSearch{p: p, access: a}
	if !s.prepare() {
		return nil, nil
	}
	for size := 1; size <= maxBooleanSet; size++ {
		s.grow(nil, size)
	}
	if s.err != nil {
		return nil, s.err
	}
	slices.SortStableFunc(s.found, func(a, b BooleanSet) int {
		return cmp.Or(
			cmp.Compare(a.Exposure.Tuples, b.Exposure.Tuples),
			cmp.Compare(a.Exposure.Sources, b.Exposure.Sources),
			cmp.Compare(len(a.Booleans), len(b.Booleans)),
			slices.CompareFunc(a.Booleans, b.Booleans, func(a, b SetBoolean) int { return cmp.Compare(a.Name, b.Name) }),
		)
	})
	return s.found, nil
}

type booleanSearch struct {
	p      *Policy
	access Access

	want     uint32 // permissions asked for
	fixed    uint32 // of these, what rules without a condition grant
	rules    []condGrant
	booleans []uint32 // values, of the conditions of rules
	trials   int

	state []bool // scratch
	sets  [][]uint32
	found []BooleanSet
	err   error
}

// condGrant is a conditional rule that grants something of what is wanted.
type condGrant struct {
	expr   []policydb.CondTerm
	branch bool
	perms  uint32
}

// prepare gathers the conditional rules that matter. It returns false if no
// setting of booleans can help.
func (s *booleanSearch) prepare() bool {
	p := s.p
	class := p.sym.classByName[s.access.Class]
	if class == 0 {
		return false
	}
	for _, name := range s.access.Permissions {
		bit := p.sym.classes[class-1].permByName[name]
		if bit == 0 && p.HandleUnknown() != AllowUnknown {
			return false
		}
		s.want |= bit
	}
	source, target := p.sym.typeByName[s.access.Source.Type()], p.sym.typeByName[s.access.Target.Type()]
	possible := uint32(0)
	for e := range p.entries(source, target, class) {
		if e.kind != policydb.Allow || e.data&s.want == 0 || p.over.isRemoved(e.rule) {
			continue
		}
		possible |= e.data
		if e.branch == noBranch {
			s.fixed |= e.data
			continue
		}
		s.addRule(e)
	}
	s.addOverlay(source, target, class, &possible)
	if s.access.HasXperm {
		for e := range p.match(p.engine.xperm(), source, target, class) {
			if e.branch != noBranch {
				s.addRule(&avEntry{branch: e.branch})
			}
		}
	}
	s.addBounds(source, target, class)
	s.state = slices.Clone(p.state.booleans)
	return possible&s.want == s.want
}

func (s *booleanSearch) addOverlay(source, target, class uint32, possible *uint32) {
	if s.p.over == nil {
		return
	}
	sattr, tattr := &s.p.db.TypeAttributes[source-1], &s.p.db.TypeAttributes[target-1]
	for i := range s.p.over.allow {
		if r := &s.p.over.allow[i]; r.matches(source, target, class, sattr, tattr) {
			s.fixed |= r.perms
			*possible |= r.perms
		}
	}
}

// addBounds adds the booleans that govern what the bounding types may do.
func (s *booleanSearch) addBounds(source, target, class uint32) {
	for range maxBounds {
		if source = s.p.sym.types[source-1].bounds; source == 0 {
			return
		}
		if b := s.p.sym.types[target-1].bounds; b != 0 {
			target = b
		}
		for e := range s.p.entries(source, target, class) {
			if e.kind == policydb.Allow && e.branch != noBranch && e.data&s.want != 0 {
				s.addRule(&avEntry{branch: e.branch})
			}
		}
	}
}

func (s *booleanSearch) addRule(e *avEntry) {
	index, branch := branchOf(e.branch)
	expr := s.p.db.Conditionals[index].Expr
	s.rules = append(s.rules, condGrant{expr, branch, e.data})
	for _, b := range condBooleans(expr) {
		if !slices.Contains(s.booleans, b) {
			s.booleans = append(s.booleans, b)
		}
	}
}

// grow tries all sets of a size that contain set and otherwise later booleans.
func (s *booleanSearch) grow(set []uint32, size int) {
	if len(set) == size {
		s.try(set)
		return
	}
	from := 0
	if len(set) > 0 {
		from = slices.Index(s.booleans, set[len(set)-1]) + 1
	}
	for _, b := range s.booleans[from:] {
		if s.trials >= maxBooleanTrials || len(s.found) >= maxBooleanSets || s.err != nil {
			return
		}
		s.grow(append(set[:len(set):len(set)], b), size)
	}
}

// try tests a set, cheaply first.
func (s *booleanSearch) try(set []uint32) {
	s.trials++
	for _, smaller := range s.sets {
		if !slices.ContainsFunc(smaller, func(b uint32) bool { return !slices.Contains(set, b) }) {
			return
		}
	}
	s.flip(set)
	got := s.fixed
	for i := range s.rules {
		if value, ok := evalCond(s.rules[i].expr, s.state); ok && value == s.rules[i].branch {
			got |= s.rules[i].perms
		}
	}
	s.flip(set)
	if got&s.want == s.want {
		s.prove(set)
	}
}

func (s *booleanSearch) flip(set []uint32) {
	for _, b := range set {
		s.state[b-1] = !s.state[b-1]
	}
}

// prove adds the set if the policy with it allows the access.
func (s *booleanSearch) prove(set []uint32) {
	var found BooleanSet
	var changes []Change
	for _, b := range set {
		found.Booleans = append(found.Booleans, SetBoolean{s.p.sym.booleans[b-1], !s.state[b-1]})
	}
	slices.SortFunc(found.Booleans, func(a, b SetBoolean) int { return cmp.Compare(a.Name, b.Name) })
	for _, b := range found.Booleans {
		changes = append(changes, b)
	}
	after, err := s.p.With(changes...)
	if err != nil {
		s.err = err
		return
	}
	d, err := after.Decide(s.access)
	if err != nil {
		s.err = err
		return
	}
	if d.Allowed {
		found.Exposure = s.p.exposureTo(after)
		s.sets = append(s.sets, slices.Clone(set))
		s.found = append(s.found, found)
	}
}
