package module_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/sekit/sekit/module"
)

// Rules come to the same binary module as they are, merged, and in any order;
// and merging what is merged changes nothing.
func TestMergedBinary(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	one := func(of ...string) string { return of[r.IntN(len(of))] }
	for n := range 200 {
		m := &module.Module{Name: "m", RequireAttributes: []string{"z_attr"}}
		for range 1 + r.IntN(40) {
			rule := module.Rule{
				Kind: module.Allow + module.Kind(r.IntN(2+n%4)), Source: one("a_t", "b_t", "z_attr"), Target: one("a_t", "b_t", "c_t", "z_attr", module.Self),
				Class: one("file", "dir"), Permissions: []string{one("read", "write"), one("open", "getattr", "read")},
				Evidence: []string{fmt.Sprint(r.IntN(4))},
			}
			if rule.Kind >= module.AllowXperm {
				low := uint16(r.IntN(600))
				rule.Permissions, rule.Xperms = []string{"ioctl"}, []module.XpermRange{{Low: low, High: low + uint16(r.IntN(300))}}
			}
			m.Rules = append(m.Rules, rule)
		}
		want, err := m.Mod(module.ModOptions{})
		if err != nil {
			t.Fatal(err)
		}
		merged := *m
		merged.Rules = m.Merged()
		if again := merged.Merged(); !slices.EqualFunc(again, merged.Rules, func(a, b module.Rule) bool { return a.String() == b.String() }) {
			t.Errorf("merged again: %v, want %v", again, merged.Rules)
		}
		for i := 1; i < len(merged.Rules); i++ {
			if a, b := merged.Rules[i-1], merged.Rules[i]; a.Source > b.Source || a.Source == b.Source && a.Target != module.Self && (b.Target == module.Self || a.Target > b.Target) {
				t.Errorf("%s before %s", a, b)
			}
		}
		shuffled := *m
		shuffled.Rules = slices.Clone(m.Rules)
		r.Shuffle(len(m.Rules), func(i, j int) {
			shuffled.Rules[i], shuffled.Rules[j] = shuffled.Rules[j], shuffled.Rules[i]
		})
		for name, other := range map[string]*module.Module{"merged": &merged, "shuffled": &shuffled} {
			if got, err := other.Mod(module.ModOptions{}); err != nil || !bytes.Equal(got, want) {
				t.Fatalf("%s: %d bytes, want %d, %v\n%v", name, len(got), len(want), err, m.Rules)
			}
		}
	}
}
