package policydb

import (
	"cmp"
	"slices"
	"testing"
)

// Reorder moves rules and changes none; what it has put in order stays so.
func TestReorder(t *testing.T) {
	whole := func(a, b AVRule) int {
		return cmp.Or(cmp.Compare(a.key(), b.key()), cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Data, b.Data))
	}
	for name, data := range fixtures(t) {
		p, err := Decode(data)
		if err != nil {
			t.Fatal(err)
		}
		before := slices.SortedFunc(slices.Values(p.AVTab), whole)
		p.Reorder()
		if !slices.Equal(before, slices.SortedFunc(slices.Values(p.AVTab), whole)) {
			t.Errorf("%s: other rules than before", name)
		}
		if _, err := Encode(p); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		// libsepol turns rules with extended permissions of one kind round each time.
		twice := slices.Clone(p.AVTab)
		p.Reorder()
		for i, r := range p.AVTab {
			if r != twice[i] && (r.Kind&XPermsKinds == 0 || r.key() != twice[i].key()) {
				t.Errorf("%s: rule %d is %+v, was %+v", name, i, r, twice[i])
			}
		}
	}
}
