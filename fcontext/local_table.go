package fcontext

import (
	"cmp"
	"slices"
	"strings"
	"sync"

	"github.com/sekit/sekit/policy"
)

// LocalTable is what a policy's file contexts and a set of local records say:
// an immutable picture, taken by [Local.Table] or made by [NewLocalTable]. It
// is safe for concurrent use.
type LocalTable struct {
	base  *localBase
	local LocalRecords

	db func() (*DB, error)
}

// localBase is what tables of one policy share.
type localBase struct {
	p       *policy.Policy
	db      *DB
	entries []LocalEntry                // of the policy and the home directories, as read
	index   map[LocalKey][FromLocal]int // by origin: 1 + the last entry of the key
	dist    []Equivalence               // as read
}

// NewLocalTable lays local records over a policy's specs: those of
// file_contexts and file_contexts.homedirs in db, and the equivalences of its
// file_contexts.subs_dist. What db has of file_contexts.local and
// file_contexts.subs does not count: local says that.
//
// Local records that break the rules are kept as they are: this is how they
// are listed, too.
func NewLocalTable(p *policy.Policy, db *DB, local LocalRecords) *LocalTable {
	b := &localBase{p: p, db: db, index: make(map[LocalKey][FromLocal]int, db.Len())}
	for i := range db.specs {
		r := &db.specs[i]
		if r.input >= inputLocal {
			continue
		}
		s := db.spec(int32(i))
		e := LocalEntry{s.record(), FromPolicy}
		if r.input > 0 {
			e.Origin = FromHomedirs
		}
		b.entries = append(b.entries, e)
		at := b.index[e.LocalKey]
		at[e.Origin] = len(b.entries)
		b.index[e.LocalKey] = at
	}
	for s := range db.Substitutions() {
		if s.Dist {
			b.dist = append(b.dist, Equivalence{s.From, s.To})
		}
	}
	slices.Reverse(b.dist)
	b.dist = uniqueEquivalences(b.dist)
	return b.table(LocalRecords{slices.Clone(local.Records), slices.Clone(local.Equivalences)})
}

func (b *localBase) table(local LocalRecords) *LocalTable {
	t := &LocalTable{base: b, local: local}
	t.db = sync.OnceValues(t.makeDB)
	return t
}

func (s Spec) record() LocalRecord {
	return LocalRecord{LocalKey{s.Pattern, s.Kind}, s.Context, s.None}
}

// uniqueEquivalences leaves one for each target, as semanage does: what the
// last says, where the first stands. libselinux goes by the last, too.
func uniqueEquivalences(list []Equivalence) []Equivalence {
	index := make(map[string]int, len(list))
	out := list[:0]
	for _, e := range list {
		if i, ok := index[e.Target]; ok {
			out[i] = e
			continue
		}
		index[e.Target] = len(out)
		out = append(out, e)
	}
	return out
}

// Policy returns the policy.
func (t *LocalTable) Policy() *policy.Policy { return t.base.p }

// Local returns the local records as their store has them.
func (t *LocalTable) Local() LocalRecords {
	return LocalRecords{slices.Clone(t.local.Records), slices.Clone(t.local.Equivalences)}
}

// PolicyEquivalences returns the equivalences of the policy, in the order of
// its file_contexts.subs_dist.
func (t *LocalTable) PolicyEquivalences() []Equivalence { return slices.Clone(t.base.dist) }

// Entries returns the records of the policy, of the home directories and the
// local ones, in the order of their files. A record that another one with the
// same key comes before is there, too.
func (t *LocalTable) Entries() []LocalEntry {
	out := slices.Clone(t.base.entries)
	for _, r := range t.local.Records {
		out = append(out, LocalEntry{r, FromLocal})
	}
	return out
}

// List returns one record for each key, as semanage fcontext -l lists them:
// a local one before one of the home directories, and that before the
// policy's; sorted by pattern and the name of the kind.
func (t *LocalTable) List() []LocalEntry { return listEntries(t.Entries()) }

// LocalList returns one local record for each key, as semanage fcontext -lC
// lists them. It is sorted like [LocalTable.List]; semanage since 3.7 leaves
// local ones in the store's order, which [LocalTable.Local] has.
func (t *LocalTable) LocalList() []LocalEntry {
	return listEntries(t.Entries()[len(t.base.entries):])
}

func listEntries(entries []LocalEntry) []LocalEntry {
	last := make(map[LocalKey]LocalEntry, len(entries))
	for _, e := range entries {
		last[e.LocalKey] = e
	}
	out := make([]LocalEntry, 0, len(last))
	for _, e := range last {
		out = append(out, e)
	}
	slices.SortFunc(out, func(a, b LocalEntry) int {
		return cmp.Or(strings.Compare(a.Pattern, b.Pattern), strings.Compare(a.Kind.String(), b.Kind.String()))
	})
	return out
}

// Find returns the record of exactly this key that comes first: local, of the
// policy, of the home directories. It is not a lookup: for that, there is
// [LocalTable.DB].
func (t *LocalTable) Find(key LocalKey) (LocalEntry, bool) {
	if i := lastRecord(t.local.Records, key); i >= 0 {
		return LocalEntry{t.local.Records[i], FromLocal}, true
	}
	at := t.base.index[key]
	for _, i := range []int{at[FromPolicy], at[FromHomedirs]} {
		if i > 0 {
			return t.base.entries[i-1], true
		}
	}
	return LocalEntry{}, false
}

// DB returns the database that lookups would go by with these local records. It
// is made when it is first asked for, which takes some milliseconds if it isn't
// the one that the table was made of. The error is a [*ParseError] if a local
// record is one that [Open] would refuse.
func (t *LocalTable) DB() (*DB, error) { return t.db() }

func (t *LocalTable) makeDB() (*DB, error) {
	from := t.base.db
	if t.sameLocal(from) {
		return from, nil
	}
	b := newBuilder(from.order, len(from.specs)+len(t.local.Records))
	b.db.files = slices.Clip(from.files)
	b.db.contexts = slices.Clip(from.contexts)
	for _, r := range from.specs {
		if r.input < inputLocal {
			b.file, b.input = r.file, r.input
			if err := b.addSpec(r.pattern, r.kind, r.context, int(r.line)); err != nil {
				return nil, err
			}
		}
	}
	for _, r := range t.local.Records {
		s := r.Spec()
		s.File = DefaultBase + suffixLocal
		if err := b.addLocal(s); err != nil {
			return nil, &ParseError{File: s.File, Text: cutText(s.String()), Err: err}
		}
	}
	for _, e := range t.local.Equivalences {
		b.db.subs = append(b.db.subs, sub{e.Target, e.Source})
	}
	from.order.tried(b.db.subs)
	b.db.distSubs = from.distSubs
	b.db.finish()
	return b.db, nil
}

// sameLocal reports whether the database has exactly the local records.
func (t *LocalTable) sameLocal(db *DB) bool {
	has := db.Local()
	return slices.Equal(has.Records, t.local.Records) && slices.Equal(has.Equivalences, t.local.Equivalences)
}

// Local returns the local records that the database was opened with: the specs
// of file_contexts.local, with those added by [DB.With], and the equivalences of
// file_contexts.subs.
func (db *DB) Local() LocalRecords {
	var out LocalRecords
	for i := range db.specs {
		if db.specs[i].input >= inputLocal {
			out.Records = append(out.Records, db.spec(int32(i)).record())
		}
	}
	for _, s := range db.order.tried(slices.Clone(db.subs)) {
		out.Equivalences = append(out.Equivalences, Equivalence{s.src, s.dst})
	}
	return out
}

// With returns the table with changes made to its local records. The error is
// that of [ApplyLocal].
func (t *LocalTable) With(changes ...LocalChange) (*LocalTable, error) {
	local, err := ApplyLocal(t.local, changes...)
	if err != nil {
		return nil, err
	}
	return t.base.table(local), nil
}
