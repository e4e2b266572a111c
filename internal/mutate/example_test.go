package mutate_test

import (
	"fmt"
	"math/rand/v2"

	"github.com/sekit/sekit/internal/mutate"
)

func Example() {
	type port struct{ Number uint16 }
	seen := map[string]bool{}
	for seed := range uint64(200) {
		p := struct{ Ports []port }{[]port{{80}}}
		if what := mutate.One(&p, rand.New(rand.NewPCG(seed, 0))); what != "" {
			seen[what] = true
		}
	}
	fmt.Println(seen)
	// Output:
	// map[Ports.Number.change:true Ports.delete:true Ports.repeat:true]
}
