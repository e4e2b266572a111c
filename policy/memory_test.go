package policy

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"runtime"
	"testing"

	"github.com/sekit/sekit/internal/policydb"
)

// What a policy may take: a multiple of its file, and what sorting the rules
// takes whatever their number (newAVIndex), three times.
const (
	memoryMultiple = 24
	memoryConstant = 3 * 4 << 16
)

// checkMemory opens a policy and has all its indices made. All that is allocated
// on the way counts, also what is garbage soon.
func checkMemory(t *testing.T, name string, data []byte) {
	t.Helper()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	if p, err := Parse(data); err == nil {
		p.rules()
		p.engine.av()
		p.engine.xperm()
		p.engine.typeRules()
	}
	runtime.ReadMemStats(&after)
	got, most := after.TotalAlloc-before.TotalAlloc, uint64(memoryMultiple*len(data)+memoryConstant)
	if got > most {
		t.Errorf("%s: %d bytes for a file of %d, %.1f times, want %d at most", name, got, len(data), float64(got)/float64(len(data)), most)
	}
}

// TestMemory holds what opening takes against the size of the file, for
// policies, damaged ones, and those made to take much.
func TestMemory(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for i, data := range mutatedFiles(t) {
		checkMemory(t, fmt.Sprint("file ", i), data)
		for seed := range uint64(40) {
			checkMemory(t, fmt.Sprint("file ", i, " mutated ", seed), mutated(t, data, seed))
		}
		for range 200 {
			damaged := bytes.Clone(data)
			for range 1 + r.IntN(4) {
				damaged[r.IntN(len(damaged))] = byte(r.Uint32())
			}
			checkMemory(t, fmt.Sprint("file ", i, " damaged"), damaged)
		}
	}
	// many adds types, the odd ones attributes of all others if asked for, and
	// classes with a rule each.
	many := func(types, classes int, attributes bool) []byte {
		db, err := policydb.Decode(mutatedFiles(t)[0])
		if err != nil {
			t.Fatal(err)
		}
		first, odd := db.NumTypes, []uint32(nil)
		for i := range uint32(types) {
			db.Types = append(db.Types, policydb.Type{Name: fmt.Sprint("x", i), Value: first + i + 1, Properties: policydb.TypePrimary})
			if attributes && i%2 == 1 {
				odd = append(odd, first+i)
				db.Types[len(db.Types)-1].Properties |= policydb.TypeAttribute
			}
		}
		db.NumTypes += uint32(types)
		for i := range uint32(types) {
			of := policydb.NewBitmap(first + i)
			if attributes && i%2 == 0 {
				of = policydb.NewBitmap(append(odd, first+i)...)
			}
			db.TypeAttributes = append(db.TypeAttributes, of)
		}
		for i := range classes {
			db.NumClasses++
			db.Classes = append(db.Classes, policydb.Class{Name: fmt.Sprint("x", i), Value: db.NumClasses, NumPerms: 1,
				Permissions: []policydb.Permission{{Name: "p", Value: 1}}})
			v := uint16(first) + uint16(i%types) + 1
			db.AVTab = append(db.AVTab, policydb.AVRule{Source: v, Target: v, Class: uint16(db.NumClasses), Kind: policydb.Allow, Data: 1})
		}
		data, err := policydb.Encode(db)
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	checkMemory(t, "many types and classes", many(30000, 30000, false))
	checkMemory(t, "many types and attributes", many(3000, 1, true))
}
