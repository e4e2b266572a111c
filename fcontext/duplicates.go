package fcontext

import "iter"

// Duplicates returns the pairs of specs of one file with the same pattern and
// kinds that overlap, the earlier one first: what selabel_open(3) with
// SELABEL_OPT_VALIDATE, and so setfiles, refuses. If their contexts differ the
// specs are in conflict.
func (db *DB) Duplicates() iter.Seq2[Spec, Spec] {
	return func(yield func(Spec, Spec) bool) {
		type place struct {
			file    int32
			pattern string
		}
		byPattern := make(map[place][]int32, len(db.specs))
		for i := range db.specs {
			r := &db.specs[i]
			at := place{r.file, r.pattern}
			for _, j := range byPattern[at] {
				if db.specs[j].kind.fits(r.kind) && !yield(db.spec(j), db.spec(int32(i))) {
					return
				}
			}
			byPattern[at] = append(byPattern[at], int32(i))
		}
	}
}
