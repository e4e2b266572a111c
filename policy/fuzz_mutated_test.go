package policy

import (
	"math/rand/v2"
	"os"
	"reflect"
	"slices"
	"testing"

	"github.com/sekit/sekit/internal/mutate"
	"github.com/sekit/sekit/internal/policydb"
)

// mutatedFiles are the policies that the tests below change: committed ones, and
// the one that SEKIT_FUZZ_POLICY names. A distribution's is a hundred times
// slower.
func mutatedFiles(t testing.TB) [][]byte {
	var all [][]byte
	for _, file := range []string{
		"testdata/decide.policy", "testdata/bounds.policy", "testdata/query.policy",
		"../internal/policydb/testdata/kitchen-24.policy", "../internal/policydb/testdata/kitchen-35.policy",
		"../internal/policydb/testdata/kitchen-cil-33-nomls.policy", "../internal/demo/policy.33", os.Getenv("SEKIT_FUZZ_POLICY"),
	} {
		if file == "" {
			continue
		}
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, data)
	}
	return all
}

// mutated changes some things in a policy, until it is no policy any more.
func mutated(t testing.TB, data []byte, seed uint64) []byte {
	db, err := policydb.Decode(data)
	if err != nil {
		t.Fatal(err)
	}
	r := rand.New(rand.NewPCG(seed, 0))
	for range 1 + r.IntN(12) {
		mutate.One(db, r)
		out, err := policydb.Encode(db)
		if err != nil {
			break
		}
		data = out
	}
	return data
}

// FuzzMutated asks policies that are not what any compiler makes, but policies:
// they are decided and compared without a panic, and with the policy that they
// were made of as without shortcuts.
func FuzzMutated(f *testing.F) {
	files := mutatedFiles(f)
	for i := range files {
		for seed := range uint64(8) {
			f.Add(uint8(i), seed)
		}
	}
	f.Fuzz(func(t *testing.T, file uint8, seed uint64) {
		before := files[int(file)%len(files)]
		p, err := Parse(mutated(t, before, seed))
		if err != nil {
			t.Fatalf("a policy that can be written cannot be read: %v", err)
		}
		ask(t, p, seed)
		old, err := Parse(before)
		if err != nil {
			t.Fatal(err)
		}
		d := Diff(old, p)
		if len(before) > 1<<17 {
			return
		}
		if want := diff(old, p, allRules(old, p)); !reflect.DeepEqual(d, want) {
			t.Fatalf("%+v\nwithout the shortcut: %+v", d, want)
		}
		c := newAccessComparer(old, p)
		clear(c.alike)
		var want []AccessChange
		c.compare(func(change AccessChange) bool { want = append(want, change); return true })
		if got := slices.Collect(AccessChanges(old, p)); !reflect.DeepEqual(got, want) {
			t.Fatalf("%v\nwithout the shortcut: %v", got, want)
		}
	})
}
