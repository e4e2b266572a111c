package fcontext

import (
	"cmp"
	"iter"
	"maps"
	"slices"
	"strings"
)

// WhatIf says what changes would come to before they are committed: which of
// the paths, each a file of the kind beside it, should have another context
// then, sorted. What a path has got on disk is another question.
//
// Without paths (nil) it tries those that the specs themselves give, before and
// after ([DB.Example]): a path for each spec that decides one, and for each
// below the source of an equivalence that of the same name below its target.
// So it finds the specs that lose what they are for.
//
// The error is that of [LocalTable.With] or [LocalTable.DB].
func (t *LocalTable) WhatIf(paths iter.Seq2[string, Kind], changes ...LocalChange) ([]LookupDifference, error) {
	next, err := t.With(changes...)
	if err != nil {
		return nil, err
	}
	before, err := t.DB()
	if err != nil {
		return nil, err
	}
	after, err := next.DB()
	if err != nil {
		return nil, err
	}
	if paths == nil {
		paths = probes(before, after)
	}
	return slices.SortedFunc(DiffLookups(before, after, paths), func(a, b LookupDifference) int {
		return cmp.Or(strings.Compare(a.Path, b.Path), cmp.Compare(a.Kind, b.Kind))
	}), nil
}

// probes returns paths that the specs of two databases are for.
func probes(dbs ...*DB) iter.Seq2[string, Kind] {
	type probe struct {
		path string
		kind Kind
	}
	all := make(map[probe]struct{})
	for _, db := range dbs {
		for s := range db.Specs() {
			kinds := []Kind{s.Kind}
			if s.Kind == Any {
				kinds = []Kind{File, Dir} // a lookup for any kind would be another question
			}
			for _, k := range kinds {
				if path, ok := db.Example(s, k); ok {
					all[probe{path, k}] = struct{}{}
				}
			}
		}
	}
	known := slices.Collect(maps.Keys(all))
	for _, db := range dbs {
		for _, e := range db.subs {
			to := sub{src: e.dst, dst: e.src}
			for _, p := range known {
				if dst, rest, ok := to.apply(p.path); ok {
					all[probe{dst + rest, p.kind}] = struct{}{}
				}
			}
		}
	}
	return func(yield func(string, Kind) bool) {
		for p := range all {
			if !yield(p.path, p.kind) {
				return
			}
		}
	}
}
