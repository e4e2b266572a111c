package fcontext

import "iter"

// Duplicates returns the pairs of specs of one file that are for the same paths
// by their text, and for kinds that overlap, the earlier one first: what
// selabel_open(3) with SELABEL_OPT_VALIDATE, and so setfiles, refuses. If their
// contexts differ the specs are in conflict. The text is the pattern; in
// [OrderNewest] that of a literal spec is what it stands for, without escapes.
//
// libselinux 3.4 looks for them in the main file only, this in all.
func (db *DB) Duplicates() iter.Seq2[Spec, Spec] {
	return func(yield func(Spec, Spec) bool) {
		type place struct {
			file    int32
			literal bool
			text    string
		}
		same := make(map[place][]int32, len(db.specs))
		for i := range db.specs {
			r := &db.specs[i]
			at := place{r.file, false, r.pattern}
			if r.literal && db.order != Order34 {
				at.literal, at.text = true, unescape(r.pattern)
			}
			for _, j := range same[at] {
				if db.specs[j].kind.fits(r.kind) && !yield(db.spec(j), db.spec(int32(i))) {
					return
				}
			}
			same[at] = append(same[at], int32(i))
		}
	}
}
