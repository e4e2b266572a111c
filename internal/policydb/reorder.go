package policydb

import (
	"cmp"
	"slices"
	"strings"
)

// DecodeReordered is [Decode] and [Policy.Reorder] in one, which takes no longer
// than Decode where there is more than one processor.
func DecodeReordered(data []byte) (*Policy, error) {
	p, starts, err := read(data)
	if err != nil {
		return nil, err
	}
	rules := make(chan []AVRule)
	go func(old []AVRule) { rules <- reordered(old) }(p.AVTab)
	err = p.checkRead(starts)
	p.AVTab = <-rules
	if err != nil {
		return nil, err
	}
	p.reorderGenfs()
	return p, nil
}

// Reorder puts what libsepol keeps in tables and sorted lists in the order in
// which it writes a policy that it has read (avtab_read, genfs_read): that of a
// policy written by the compiler can be another, and libsemanage reads and
// writes policies again. The meaning stays.
func (p *Policy) Reorder() {
	p.AVTab = reordered(p.AVTab)
	p.reorderGenfs()
}

func (p *Policy) reorderGenfs() {
	p.Genfscons = slices.Clone(p.Genfscons)
	slices.SortStableFunc(p.Genfscons, func(a, b GenfsType) int { return strings.Compare(a.FSType, b.FSType) })
	for i := range p.Genfscons {
		g := &p.Genfscons[i]
		g.Paths = slices.Clone(g.Paths)
		slices.SortStableFunc(g.Paths, func(a, b Genfscon) int { return cmp.Compare(len(b.Path), len(a.Path)) })
	}
}

// maxAVTabSlots is libsepol's MAX_AVTAB_HASH_BUCKETS.
const maxAVTabSlots = 1 << 20

// reordered does what reading into libsepol's hash table does: rules are
// written slot by slot, those of a slot by source, target and class. Rules that
// differ in their kind alone stay in their order, but one with extended
// permissions comes before the others of its kind.
func reordered(rules []AVRule) []AVRule {
	slots := 1
	for n := len(rules); n > 0; n >>= 1 {
		slots <<= 1
	}
	if slots > 4 {
		slots >>= 2
	}
	slots = min(slots, maxAVTabSlots)
	// A counting sort by slot, then by insertion within the few of a slot.
	slotOf := make([]uint32, len(rules))
	next := make([]uint32, slots+1) // by slot, where its next rule goes
	for i := range rules {
		s := rules[i].hash() & uint32(slots-1)
		slotOf[i] = s
		next[s+1]++
	}
	for s := range slots {
		next[s+1] += next[s]
	}
	out := make([]AVRule, len(rules))
	for i, s := range slotOf {
		out[next[s]] = rules[i]
		next[s]++
	}
	start := uint32(0)
	for _, end := range next[:slots] {
		sortSlot(out[start:end])
		start = end
	}
	return out
}

// sortSlot inserts one rule after the other before the first that it is to come
// before (avtab_insert).
func sortSlot(rules []AVRule) {
	for n := 1; n < len(rules); n++ {
		r := rules[n]
		key := r.key()
		i := 0
		for ; i < n; i++ {
			k := rules[i].key()
			if key < k || key == k && r.Kind&XPermsKinds != 0 && r.Kind == rules[i].Kind {
				break
			}
		}
		copy(rules[i+1:n+1], rules[i:n])
		rules[i] = r
	}
}

// key orders rules by source, target and class.
func (r *AVRule) key() uint64 {
	return uint64(r.Source)<<32 | uint64(r.Target)<<16 | uint64(r.Class)
}

// hash is MurmurHash3 of class, target and source (avtab_hash).
func (r *AVRule) hash() uint32 {
	var h uint32
	for _, v := range [...]uint16{r.Class, r.Target, r.Source} {
		k := uint32(v) * 0xcc9e2d51
		k = k<<15 | k>>17
		h ^= k * 0x1b873593
		h = h<<13 | h>>19
		h = h*5 + 0xe6546b64
	}
	h ^= h >> 16
	h *= 0x85ebca6b
	h ^= h >> 13
	h *= 0xc2b2ae35
	return h ^ h>>16
}
