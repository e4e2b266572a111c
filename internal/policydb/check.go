package policydb

import (
	"errors"
	"fmt"
	"math"
)

// checker holds a policy against what the readers of the kernel (policydb.c)
// and of libsepol (policydb.c, policydb_validate.c) demand. Where the two
// differ the stricter one counts: no tool writes what only one of them takes.
type checker struct {
	p *Policy

	// The values that have an entry; types are those without the attributes.
	commons, classes, roles, typesAttrs, types, users, booleans, sensitivities, categories values

	classAt []*Class // by value-1, nil in gaps
	roleAt  []*Role
	typeAt  []*Type
	userAt  []*User
	levelAt []*Level // of sensitivities

	rules keySet // of the access vector table

	sources, results values // what checkNameTransitionData met; empty between calls
}

// maxValues limits the values of a symbol table, as a policy in memory has no
// length that would. Classes and types have fewer: rules keep them in 16 bits.
const maxValues = 1 << 20

// check returns the first thing that is wrong with p, and the section it is in.
func (p *Policy) check() (section, error) {
	k := &checker{p: p}
	for i, n := range [numSymtabs]uint32{p.NumCommons, p.NumClasses, p.NumRoles, p.NumTypes, p.NumUsers, p.NumBooleans, p.NumSensitivities, p.NumCategories} {
		s := secCommons + section(i)
		if n > maxValues || n > math.MaxUint16 && (s == secClasses || s == secTypes) {
			return s, fmt.Errorf("%d values", n)
		}
	}
	for _, s := range checks {
		if err := s.check(k); err != nil {
			return s.in, err
		}
	}
	return 0, nil
}

// checks are in an order in which each finds what it needs from those before.
var checks = [...]struct {
	in    section
	check func(*checker) error
}{
	{secCommons, (*checker).checkCommons},
	{secClasses, (*checker).indexClasses},
	{secRoles, (*checker).indexRoles},
	{secTypes, (*checker).checkTypes},
	{secUsers, (*checker).indexUsers},
	{secBooleans, (*checker).checkBooleans},
	{secCategories, (*checker).checkCategories},
	{secSensitivities, (*checker).checkSensitivities},
	{secPermissive, (*checker).checkPermissive},
	{secNeverAudit, (*checker).checkNeverAudit},
	{secClasses, (*checker).checkClasses},
	{secRoles, (*checker).checkRoles},
	{secUsers, (*checker).checkUsers},
	{secAVTab, (*checker).checkAVTab},
	{secConditionals, (*checker).checkConditionals},
	{secRoleTransitions, (*checker).checkRoleTransitions},
	{secRoleAllows, (*checker).checkRoleAllows},
	{secNameTransitions, (*checker).checkNameTransitions},
	{secInitialSIDs, (*checker).checkInitialSIDs},
	{secFS, (*checker).checkFS},
	{secPortcons, (*checker).checkPortcons},
	{secNetifcons, (*checker).checkNetifcons},
	{secNodecons, (*checker).checkNodecons},
	{secFSUses, (*checker).checkFSUses},
	{secNodecons6, (*checker).checkNodecons6},
	{secIBPkeycons, (*checker).checkIBPkeycons},
	{secIBEndportcons, (*checker).checkIBEndportcons},
	{secGenfscons, (*checker).checkGenfscons},
	{secRangeTransitions, (*checker).checkRangeTransitions},
	{secTypeAttributes, (*checker).checkTypeAttributes},
}

var (
	errDuplicate = errors.New("more than once")
	errNoValue   = errors.New("no symbol has the value")
	errNotType   = errors.New("not a type")
)

// values is a set of the values of a symbol table.
type values struct {
	n     uint32   // the highest that there may be
	words []uint64 // bit value-1
}

func newValues(n uint32) values { return values{n, make([]uint64, (uint64(n)+63)/64)} }

func (v values) has(value uint32) bool {
	return value-1 < v.n && v.words[(value-1)/64]>>((value-1)%64)&1 != 0
}

// add puts a value in; it must be in range and new.
func (v values) add(value uint32) error {
	if value-1 >= v.n {
		return fmt.Errorf("value %d of %d", value, v.n)
	}
	if v.has(value) {
		return fmt.Errorf("value %d %w", value, errDuplicate)
	}
	v.words[(value-1)/64] |= 1 << ((value - 1) % 64)
	return nil
}

func (v values) remove(value uint32) { v.words[(value-1)/64] &^= 1 << ((value - 1) % 64) }

func (v values) need(what string, value uint32) error {
	if !v.has(value) {
		return fmt.Errorf("%s: %w %d", what, errNoValue, value)
	}
	return nil
}

// needAll checks the members of a bitmap.
func (v values) needAll(what string, b Bitmap) error {
	if err := b.check(); err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	for _, n := range b.Nodes {
		w := uint64(n.Start) / 64
		if w >= uint64(len(v.words)) || n.Map&^v.words[w] != 0 {
			return fmt.Errorf("%s: %w of a bit of %#x from bit %d", what, errNoValue, n.Map, n.Start)
		}
	}
	return nil
}

// check wants the nodes of a bitmap as Decode gives them.
func (b Bitmap) check() error {
	next := uint64(0)
	for _, n := range b.Nodes {
		if n.Start%bitmapUnit != 0 || uint64(n.Start) < next || n.Map == 0 || n.Start > math.MaxUint32-bitmapUnit {
			return fmt.Errorf("bitmap node from bit %d is out of order or empty", n.Start)
		}
		next = uint64(n.Start) + bitmapUnit
	}
	return nil
}

// keySet is a set of the keys of access vector rules, none of which is 0.
type keySet struct {
	slots []uint64
	shift uint
}

// newKeySet returns a set with room for n keys.
func newKeySet(n int) keySet {
	bits := uint(4)
	for 1<<bits < 2*n {
		bits++
	}
	return keySet{make([]uint64, 1<<bits), 64 - bits}
}

func key(r *AVRule) uint64 {
	return uint64(r.Source) | uint64(r.Target)<<16 | uint64(r.Class)<<32 | uint64(r.Kind)<<48
}

// find returns the slot where k is or would be. Multiplying by 2^64/φ spreads
// the keys over the high bits.
func (s keySet) find(k uint64) *uint64 {
	for i := k * 0x9e3779b97f4a7c15 >> s.shift; ; i = (i + 1) & uint64(len(s.slots)-1) {
		if s.slots[i] == k || s.slots[i] == 0 {
			return &s.slots[i]
		}
	}
}

func (s keySet) has(k uint64) bool { return len(s.slots) > 0 && *s.find(k) == k }

// add reports whether k was new.
func (s keySet) add(k uint64) bool {
	slot := s.find(k)
	if *slot == k {
		return false
	}
	*slot = k
	return true
}

// names finds names that are used twice.
type names map[string]struct{}

func (n names) add(name string) error {
	if !validName(name) {
		return errName
	}
	if _, ok := n[name]; ok {
		return errDuplicate
	}
	n[name] = struct{}{}
	return nil
}

// maxBounds limits chains of bounds (POLICYDB_BOUNDS_MAXDEPTH in the kernel):
// what is bounded has at most maxBounds-1 bounds above it.
const maxBounds = 4

// checkBounds walks up the bounds of a value. The function gives the bounds of
// a value, or an error if the value may not bound what it should.
func checkBounds(bounds uint32, up func(uint32) (uint32, error)) error {
	for depth := 1; bounds != 0; depth++ {
		if depth == maxBounds {
			return errors.New("bounds are too deep, or loop")
		}
		var err error
		if bounds, err = up(bounds); err != nil {
			return err
		}
	}
	return nil
}

// first returns the first error that is not nil.
func first(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
