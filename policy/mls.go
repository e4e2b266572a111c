package policy

import (
	"github.com/sekit/sekit/internal/policydb"
)

// dominates is the kernel's mls_level_dom: a's sensitivity is not below b's and
// a has all of b's categories.
func dominates(a, b *policydb.Level) bool {
	return a.Sensitivity >= b.Sensitivity && a.Categories.Contains(b.Categories)
}

func sameLevel(a, b *policydb.Level) bool {
	return a.Sensitivity == b.Sensitivity && a.Categories.Equal(b.Categories)
}

// rangeContains reports whether the range from low to high lies within r.
func rangeContains(r *policydb.Range, low, high *policydb.Level) bool {
	return dominates(low, &r.Low) && dominates(&r.High, high)
}

// levelNames gives the values of the names in levels.
func (s *symbols) levelNames() policydb.LevelNames {
	return policydb.LevelNames{
		Sensitivity: func(name string) uint32 { return s.sensitivityByName[name] },
		Category:    func(name string) uint32 { return s.categoryByName[name] },
	}
}

// parseRange reads low or low-high as mls_context_to_sid does, and returns what
// is wrong, or "".
func (s *symbols) parseRange(text string) (low, high policydb.Level, problem string) {
	low, high, err := s.levelNames().ParseRange(text)
	if err != nil {
		problem = err.Error()
	}
	return low, high, problem
}

func (s *symbols) parseLevel(text string) (l policydb.Level, problem string) {
	l, err := s.levelNames().ParseLevel(text)
	if err != nil {
		problem = err.Error()
	}
	return l, problem
}

// intersect returns the numbers that are in both sets.
func intersect(a, b policydb.Bitmap) policydb.Bitmap {
	var out policydb.Bitmap
	i := 0
	for _, n := range a.Nodes {
		for i < len(b.Nodes) && b.Nodes[i].Start < n.Start {
			i++
		}
		if i < len(b.Nodes) && b.Nodes[i].Start == n.Start {
			if m := n.Map & b.Nodes[i].Map; m != 0 {
				out.Nodes = append(out.Nodes, policydb.BitmapNode{Start: n.Start, Map: m})
			}
		}
	}
	return out
}

// has is Bitmap.Has for the hot paths: no closure, and a guess first, since
// most sets of categories and types are dense from 0.
func has(b *policydb.Bitmap, n uint32) bool {
	start := n &^ 63
	nodes := b.Nodes
	if i := int(n / 64); i < len(nodes) && nodes[i].Start == start {
		return nodes[i].Map>>(n&63)&1 == 1
	}
	lo, hi := 0, len(nodes)
	for lo < hi {
		mid := int(uint(lo+hi) / 2)
		if nodes[mid].Start < start {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	return lo < len(nodes) && nodes[lo].Start == start && nodes[lo].Map>>(n&63)&1 == 1
}
