package main

import (
	"fmt"
	"runtime"
	"sync"

	"github.com/sekit/sekit/fcontext"
	"github.com/sekit/sekit/policy"
)

// coreBenchmarks measure one open policy in use by all cores beside its use by
// one: the ratio is how use scales.
func coreBenchmarks() []benchmark {
	return []benchmark{{
		name: "policy-decision-cores", unit: nanoseconds,
		about: "Policy.AccessVector from as many goroutines as there are cores; from one. The ratio is the scaling",
		open:  decisionsByCores,
	}, {
		name: "policy-search-cores", unit: nanoseconds,
		about: "Policy.Rules from as many goroutines as there are cores; from one. The ratio is the scaling",
		open:  searchesByCores,
	}, {
		name: "fcontext-lookup-cores", unit: nanoseconds,
		about: "DB.Lookup from as many goroutines as there are cores; from one. The ratio is the scaling",
		open:  lookupsByCores,
	}}
}

// byCores times work that does some units, by all cores and by one. With other
// programs busy the ratio tells of them.
func byCores(e *env, units int, work func(worker int) error) *pair {
	cores := runtime.GOMAXPROCS(0)
	by := func(workers int) func() (sample, error) {
		return func() (sample, error) {
			return measure(e.least(), workers*units, func() error {
				errs := make([]error, workers)
				var wg sync.WaitGroup
				for i := range workers {
					wg.Go(func() { errs[i] = work(i) })
				}
				wg.Wait()
				for _, err := range errs {
					if err != nil {
						return err
					}
				}
				return nil
			})
		}
	}
	return &pair{
		ours: by(cores),
		peer: by(1),
		note: func() string { return fmt.Sprintf("cores=%d", cores) },
	}
}

func decisionsByCores(e *env) (*pair, error) {
	p, err := policy.Open(debianPolicy)
	if err != nil {
		return nil, &skip{why: err.Error()}
	}
	triples, err := newTripleMaker(p, 2).make(20000, true)
	if err != nil {
		return nil, err
	}
	return byCores(e, len(triples), func(int) error {
		for i := range triples {
			t := &triples[i]
			p.AccessVector(t.s, t.t, t.c)
		}
		return nil
	}), nil
}

func searchesByCores(e *env) (*pair, error) {
	p, err := policy.Open(debianPolicy)
	if err != nil {
		return nil, &skip{why: err.Error()}
	}
	all := searches()
	const rounds = 10 // to start a goroutine is to cost next to nothing
	return byCores(e, rounds*len(all), func(worker int) error {
		for i := range rounds * len(all) {
			rules, err := p.Rules(all[(i+worker)%len(all)].ours)
			if err != nil {
				return err
			}
			for range rules {
			}
		}
		return nil
	}), nil
}

func lookupsByCores(e *env) (*pair, error) {
	if err := require(debianContexts); err != nil {
		return nil, err
	}
	db, err := fcontext.Open(debianContexts, fcontext.Options{})
	if err != nil {
		return nil, err
	}
	c := new(contextsFixture)
	if _, err := e.packagePaths(c); err != nil {
		return nil, err
	}
	c.lookUpAll(db)
	return byCores(e, len(c.paths), func(int) error { c.lookUpAll(db); return nil }), nil
}
