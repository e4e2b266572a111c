package fcontext

import "slices"

// Explanation says how a lookup came to its answer.
type Explanation struct {
	// Path is the path that the patterns were matched against: the one asked
	// for without superfluous slashes and after substitutions.
	Path string
	// Kind is the kind asked for.
	Kind Kind
	// Found is false if no spec matches; Match is what [DB.Lookup] returns.
	Found bool
	Match Match
	// Others are the other specs that match the path and the kind: the first
	// of them would decide if the one that did were not there, and so on.
	Others []Spec
}

// Explain looks the path up as [DB.Lookup] does and tells which spec decided
// and which others matched. It is not as fast.
func (db *DB) Explain(path string, kind Kind) Explanation {
	e := Explanation{Kind: kind}
	if path == "" || kind >= numKinds {
		return e
	}
	head, rest := db.key(path)
	e.Path = head + rest
	if len(db.specs) == 0 {
		return e
	}
	specs := slices.DeleteFunc(db.allMatches(e.Path), func(s int32) bool {
		return !db.specs[s].kind.fits(kind)
	})
	for i := 0; len(specs) > 0; i++ {
		s := db.choose(specs)
		if i == 0 {
			e.Found, e.Match = true, db.match(s)
		} else {
			e.Others = append(e.Others, db.spec(s))
		}
		at, _ := slices.BinarySearch(specs, s)
		specs = slices.Delete(specs, at, at+1)
	}
	return e
}

// With returns a database with the specs added after all others, as they
// would be by semanage fcontext -a, which writes them to the end of
// file_contexts.local. db does not change. The specs' File and Line are kept
// if they are set. Errors are of type [*ParseError].
//
// A literal spec that .local already has stays ahead of one added for the same
// path in [OrderNewest], as it would on disk.
//
// The specs share db's texts, but the new database has to learn its paths
// anew: the first lookups take some microseconds.
func (db *DB) With(specs ...Spec) (*DB, error) {
	if db.contexts == nil { // the zero DB
		db = newBuilder(db.order, 0).db
		db.distSubs = newSubTable(nil)
	}
	b := &builder{db: &DB{
		order:    db.order,
		files:    slices.Clip(db.files),
		contexts: slices.Clip(db.contexts),
		specs:    append(make([]rec, 0, len(db.specs)+len(specs)), db.specs...),
		subs:     db.subs,
		distSubs: db.distSubs,
		literals: db.literals.clone(),
	}}
	for _, s := range specs {
		if err := b.addLocal(s); err != nil {
			return nil, &ParseError{File: s.File, Line: s.Line, Text: cutText(s.String()), Err: err}
		}
	}
	b.db.finish()
	return b.db, nil
}
