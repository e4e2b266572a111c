package fcontext

// BestMatch looks the path up together with its aliases, the symbolic links
// that lead to it, as selabel_lookup_best_match_raw(3) does for device nodes:
// the first of them, the path before the aliases, that a literal spec decides;
// otherwise the first of those whose specs have the longest fixed prefix. As
// in libselinux a <<none>> counts for nothing here.
func (db *DB) BestMatch(path string, aliases []string, kind Kind) (m Match, ok bool) {
	if len(aliases) == 0 {
		return db.Lookup(path, kind)
	}
	best, longest := int32(-1), 0
	for i := -1; i < len(aliases); i++ {
		if i >= 0 {
			path = aliases[i]
		}
		s := db.find(path, kind)
		if s < 0 || db.specs[s].context == contextNone {
			continue
		}
		if db.specs[s].literal {
			return db.match(s), true
		}
		// The path itself is taken even if its spec has no fixed prefix.
		if _, n := db.order.literalSpec(db.specs[s].pattern); n > longest || i < 0 {
			best, longest = s, n
		}
	}
	if best < 0 {
		return Match{}, false
	}
	return db.match(best), true
}
