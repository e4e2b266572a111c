package triage

import (
	"slices"
	"strings"
	"sync"

	"github.com/sekit/sekit"
	"github.com/sekit/sekit/fcontext"
	"github.com/sekit/sekit/policy"
)

// typeFacts are what the policy and the file contexts together say of types:
// which of them label whole trees that nobody has labelled more closely, and
// where the policy's authors expect each.
type typeFacts struct {
	pol      *policy.Policy
	contexts *fcontext.DB

	once   sync.Once
	shared map[string]bool           // types of the directories of hier(7)
	places map[string]map[string]int // type -> number of specs, by area
	specs  map[string]int            // type -> number of specs
	trees  map[string]bool           // types with a spec for all below a directory
	mounts map[string]bool           // types of whole file systems (genfscon), and of nothing else
	graded map[string]bool           // unmarked names of types that come with other rights, too
	born   map[string]bool           // types that new files get by a type_transition

	prices         memo[relabelling, policy.Exposure]
	secrets, bases memo[string, bool]
	covered        memo[[2]string, bool] // type, owner's type
}

func newTypeFacts(sys *sekit.System) *typeFacts {
	return &typeFacts{pol: sys.Policy, contexts: sys.Contexts}
}

func (t *typeFacts) load() {
	t.once.Do(func() {
		t.shared = make(map[string]bool)
		t.places = make(map[string]map[string]int)
		t.specs = make(map[string]int)
		t.trees = make(map[string]bool)
		t.mounts = make(map[string]bool)
		t.born = make(map[string]bool)
		t.loadGraded()
		defer t.loadBorn()
		defer t.loadMounts()
		if t.contexts == nil {
			return
		}
		for _, dir := range standard {
			if m, ok := t.contexts.Lookup(dir, fcontext.Dir); ok && !m.None {
				t.shared[m.Context.Type()] = true
			}
		}
		for s := range t.contexts.Specs() {
			if s.None || strings.HasSuffix(s.File, ".homedirs") && area(s.Pattern) == "/root" {
				continue // the superuser's home has what all have
			}
			typ := s.Context.Type()
			t.specs[typ]++
			if strings.HasSuffix(s.Pattern, "*)?") || strings.HasSuffix(s.Pattern, "+)?") || strings.HasSuffix(s.Pattern, "*") {
				t.trees[typ] = true
			}
			if t.places[typ] == nil {
				t.places[typ] = make(map[string]int)
			}
			t.places[typ][area(s.Pattern)]++
		}
	})
}

// loadGraded notes the types that there are for reading and for writing.
func (t *typeFacts) loadGraded() {
	t.graded = make(map[string]bool)
	for typ := range t.pol.Types() {
		if plain := unmarked(typ.Name()); plain != typ.Name() {
			if _, err := t.pol.Type(plain); err == nil {
				t.graded[plain] = true
			}
		}
	}
}

// loadMounts notes the types that label file systems as a whole.
func (t *typeFacts) loadMounts() {
	unlabeled, err := t.pol.InitialSID("unlabeled")
	for g := range t.pol.Genfscons() {
		typ := g.Context.Type()
		if t.specs[typ] == 0 && (err != nil || typ != unlabeled.Context.Type()) {
			t.mounts[typ] = true
		}
	}
}

// mounted reports whether a type is that of a file system's files as a whole.
func (t *typeFacts) mounted(name string) bool {
	t.load()
	return t.mounts[name]
}

// base reports whether a type labels what nobody has labelled more closely: a
// rule on it opens far more than it was made for.
func (t *typeFacts) base(name string) bool {
	t.load()
	return t.shared[name] || t.guardBase(name)
}

// fits reports whether the policy's authors would put a type at a path, by
// where they put it elsewhere: half in the same area or, for a path in none that
// says what it is for, in the one that its name speaks of, else not mostly in one
// for other things than data (as types for configuration in /etc and for logs in
// /var/log are). as is what its name speaks of, or "". Sockets and pipes may also
// have a type that has specs for such.
func (t *typeFacts) fits(typ, p, as string, kind fcontext.Kind) bool {
	t.load()
	if kind == fcontext.Socket || kind == fcontext.Pipe {
		for range t.contexts.SpecsOfType(typ, kind) {
			return true
		}
	}
	if t.native(typ, p) {
		return true
	}
	if telling(area(p)) {
		return false
	}
	if as != "" {
		n := t.places[typ][area(as)]
		for _, other := range t.places[typ] {
			if other > n {
				return false
			}
		}
		return n > 0
	}
	return t.forData(typ)
}

// forData reports whether a type is one of data, rather than of homes, sockets,
// configuration or whatever else has a directory of hier(7): by more than half of
// its specs.
func (t *typeFacts) forData(typ string) bool {
	t.load()
	n := 0
	for place, specs := range t.places[typ] {
		if place != "/home" && (!telling(place) || slices.Contains(dataAreas, place)) {
			n += specs
		}
	}
	return 2*n > t.specs[typ] || t.specs[typ] == 0
}

// kept reports whether a type is for what a program keeps in the directories of
// hier(7) for that, and a path is elsewhere.
func (t *typeFacts) kept(typ, p, as string, kind fcontext.Kind) bool {
	n := 0
	for _, place := range dataAreas {
		n += t.places[typ][place]
	}
	return kind != fcontext.Socket && kind != fcontext.Pipe && as == "" && !t.native(typ, p) && 2*n > t.specs[typ]
}

// general reports whether a type is the one of a single directory of hier(7),
// with all in it that nobody has labelled more closely.
func (t *typeFacts) general(typ string) bool {
	n := 0
	for _, dir := range standard {
		if m, ok := t.contexts.Lookup(dir, fcontext.Dir); ok && m.Context.Type() == typ {
			n++
		}
	}
	return n == 1
}

// native reports whether a type is made for the area that a path is in: it has
// half of its specs there.
func (t *typeFacts) native(typ, p string) bool {
	t.load()
	return t.specs[typ] > 0 && 2*t.places[typ][area(p)] >= t.specs[typ]
}

// stem is what the names of a domain's own types begin with: refpolicy's
// naming, httpd_t having httpd_sys_content_t.
func stem(domain string) string { return strings.TrimSuffix(domain, "_t") + "_" }

// named reports whether a type is, by its name, one of a domain's. A daemon's
// name often goes on where its files' ends: sshd_t has ssh_home_t.
func named(typ, domain string) bool {
	return strings.HasPrefix(typ, stem(domain)) || strings.HasPrefix(domain, family(typ))
}

// others reports whether a type is, by its name, of another domain's: the
// policy has a domain whose types' names begin so.
func (t *typeFacts) others(typ, domain string) bool {
	domains, err := t.pol.Attribute("domain")
	if err != nil {
		return false
	}
	for i, ch := range typ {
		if ch != '_' {
			continue
		}
		if d, err := t.pol.Type(typ[:i] + "_t"); err == nil && d.Name() != typ && d.Name() != domain && domains.Has(d) {
			return true
		}
	}
	return false
}

// program reports whether a type is one of programs. A type that comes in kinds
// with other rights is one of data, though what it labels may be run, as Fedora's
// httpd_sys_content_t.
func (t *typeFacts) program(name string) bool {
	t.load()
	if t.graded[unmarked(name)] {
		return false
	}
	return t.has(name, "exec_type") || t.has(name, "entry_type")
}

// has reports whether a type has an attribute that the policy has.
func (t *typeFacts) has(name, attribute string) bool {
	typ, err := t.pol.Type(name)
	if err != nil {
		return false
	}
	a, err := t.pol.Attribute(attribute)
	return err == nil && a.Has(typ)
}

// unconfined reports whether a domain is one that may do nearly all there is.
func (t *typeFacts) unconfined(domain string) bool { return t.has(domain, "unconfined_domain_type") }

// passing reports whether a type is one of files that come and go: temporary
// ones, locks, and what is in /run.
func (t *typeFacts) passing(name string) bool {
	for _, attribute := range [...]string{"tmpfile", "tmpfsfile", "pidfile", "lockfile"} {
		if t.has(name, attribute) {
			return true
		}
	}
	return false
}

// usable reports whether a type is one to offer for a file at all: a type of
// files that the policy's authors gave to somebody in particular, that is no
// secret, and that does not make a program of what it labels (unless it is to
// be executed).
func (t *typeFacts) usable(typ policy.Type, execute bool) bool {
	t.load()
	name := typ.Name()
	if t.specs[name] == 0 && !t.unplaced(name) || t.base(name) && !(execute && t.program(name)) {
		return false
	}
	if files, err := t.pol.Attribute("file_type"); err == nil && !files.Has(typ) {
		return false
	}
	if !execute && t.program(name) {
		return false
	}
	return !t.secret(name)
}
