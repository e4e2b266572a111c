package triage

import (
	"cmp"
	"path"
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
	born   map[string]bool           // types that new files get by a type_transition

	prices         memo[relabelling, policy.Exposure]
	secrets, bases memo[string, bool]
	covered        memo[[2]string, bool] // type, owner's type
}

func newTypeFacts(sys *sekit.System) *typeFacts {
	return &typeFacts{pol: sys.Policy, contexts: sys.Contexts}
}

// standard are directories that the Filesystem Hierarchy Standard gives to
// nobody in particular (hier(7)). Their types, and the type of what is in no
// standard directory, are on files of all sorts.
var standard = [...]string{
	"/", "/bin", "/boot", "/dev", "/etc", "/home", "/lib", "/media", "/mnt", "/opt", "/proc", "/root", "/run", "/sbin", "/srv",
	"/sys", "/tmp",
	"/usr", "/usr/bin", "/usr/include", "/usr/lib", "/usr/libexec", "/usr/local", "/usr/sbin", "/usr/share", "/usr/src",
	"/var", "/var/cache", "/var/lib", "/var/lock", "/var/log", "/var/mail", "/var/opt", "/var/run", "/var/spool", "/var/tmp",
	nowhere,
}

// nowhere is a path that no spec is made for but the last resort.
const nowhere = "/no such directory"

func (t *typeFacts) load() {
	t.once.Do(func() {
		t.shared = make(map[string]bool)
		t.places = make(map[string]map[string]int)
		t.specs = make(map[string]int)
		t.trees = make(map[string]bool)
		t.mounts = make(map[string]bool)
		t.born = make(map[string]bool)
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

// loadBorn notes the types that programs' new files get, other than at the root
// of file systems.
func (t *typeFacts) loadBorn() {
	roots := make(map[string]bool)
	for g := range t.pol.Genfscons() {
		roots[g.Context.Type()] = true
	}
	for f := range t.pol.FSUses() {
		roots[f.Context.Type()] = true
	}
	rules, err := t.pol.Rules(policy.RuleQuery{Kinds: policy.KindTypeTransition})
	if err != nil {
		return
	}
	for r := range rules {
		if _, isFile := fileKind(r.Class()); isFile && !roots[r.Target()] {
			t.born[r.Default()] = true
		}
	}
}

// unplaced reports whether a type of files is one that the policy's authors
// left to administrators to give: no spec has it, no program's new files get it,
// and it is not for a whole file system. Samba's shares and what an NFS server
// exports have such types.
func (t *typeFacts) unplaced(name string) bool {
	t.load()
	if t.contexts == nil || t.specs[name] > 0 || t.born[name] || t.mounts[name] || t.program(name) {
		return false
	}
	typ, err := t.pol.Type(name)
	if err != nil {
		return false
	}
	for _, passing := range [...]string{"tmpfile", "tmpfsfile", "pidfile", "lockfile", "logfile"} {
		if a, err := t.pol.Attribute(passing); err == nil && a.Has(typ) {
			return false // of files that programs make
		}
	}
	files, err := t.pol.Attribute("file_type")
	return err == nil && files.Has(typ)
}

// maxOwners is how many domains may have rules for a type that is theirs.
const maxOwners = 3

// owned reports whether an unplaced type is for a domain: the policy has rules
// on this very type that let the domain pass directories of it, and has such for
// few others unless the type is named like the domain.
func (t *typeFacts) owned(name, domain string) bool {
	if !t.unplaced(name) {
		return false
	}
	rules, err := t.pol.Rules(policy.RuleQuery{Kinds: policy.KindAllow, Target: name, TargetDirect: true,
		Classes: []string{"dir"}, Permissions: []string{"search"}})
	if err != nil {
		return false
	}
	owners := make(map[string]bool)
	for r := range rules {
		if r.Holds() {
			owners[r.Source()] = true
		}
	}
	return owners[domain] && (len(owners) <= maxOwners || named(name, domain))
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

// area is the part of the file system that a path or pattern is in: of the
// directories of hier(7) the innermost, else the first component.
func area(p string) string {
	best := "/" + firstComponent(p)
	for _, dir := range standard {
		if len(dir) > 1 && len(dir) >= len(best) && (p == dir || strings.HasPrefix(p, dir+"/")) {
			best = dir
		}
	}
	if rest, ok := strings.CutPrefix(best, "/var/run"); ok {
		best = "/run" + rest
	}
	return best
}

func firstComponent(p string) string {
	p = strings.TrimPrefix(p, "/")
	if i := strings.IndexAny(p, "/(\\[.*?+"); i >= 0 {
		p = p[:i]
	}
	return p
}

// isStandard reports whether a directory is one of hier(7)'s.
func isStandard(dir string) bool {
	return slices.Contains(standard[:], path.Clean(dir))
}

// neutral are the directories of hier(7) whose names do not say what a file in
// them is for, as those of /etc, /var/log or /run do.
var neutral = []string{"/", "/home", "/media", "/mnt", "/opt", "/srv", "/usr", "/usr/local", "/usr/share", "/var", "/var/opt"}

// dataAreas are directories of hier(7) for whatever a program keeps. What lies
// elsewhere for the same use has the types that the policy's authors have there.
var dataAreas = []string{"/var/lib", "/var/mail", "/var/spool"}

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

// purpose returns the directory of hier(7) that a path's name speaks of, where
// the area that it is in does not say what it is for: the logs of a site in
// /srv are logs. It is empty if the name says nothing.
func purpose(p string, kind fcontext.Kind) string {
	if telling(area(p)) || kind != fcontext.File && kind != fcontext.Dir {
		return ""
	}
	if kind == fcontext.File {
		switch path.Ext(p) {
		case ".log":
			return "/var/log"
		case ".pid":
			return "/run"
		}
		p = path.Dir(p)
	}
	for ; !isStandard(p); p = path.Dir(p) {
		switch strings.ToLower(path.Base(p)) {
		case "log", "logs":
			return "/var/log"
		case "cache":
			return "/var/cache"
		case "run":
			return "/run"
		}
	}
	return ""
}

// native reports whether a type is made for the area that a path is in: it has
// half of its specs there.
func (t *typeFacts) native(typ, p string) bool {
	t.load()
	return t.specs[typ] > 0 && 2*t.places[typ][area(p)] >= t.specs[typ]
}

// broadly is by how much a type with fewer specs than another is the one for a
// few programs' files, the other that for whatever a domain may work on.
const broadly = 3

// telling reports whether an area's name says what the files in it are for.
func telling(area string) bool { return isStandard(area) && !slices.Contains(neutral, area) }

// rank is how likely an administrator is to want a type for an object at a
// path that a domain uses. Smaller is better.
type rank struct {
	follows  bool // the operation would fail later on
	foreign  bool // the type is not the domain's
	adopted  bool // it is, but not by its name
	stranger bool // it is not the type that the object has with other rights
	misfit   bool // the policy's authors use it for what is kept elsewhere
	narrow   bool // the policy's authors use it for few programs or certain files
	exposure int
	afar     bool // the policy's authors use it for another part of the file system
}

func (a rank) compare(b rank) int {
	return cmp.Or(
		compareBool(a.follows, b.follows),
		compareBool(a.foreign, b.foreign),
		compareBool(a.adopted, b.adopted),
		compareBool(a.stranger, b.stranger),
		compareBool(a.misfit, b.misfit),
		compareBool(a.narrow, b.narrow),
		cmp.Compare(a.exposure, b.exposure),
		compareBool(a.afar, b.afar),
	)
}

// worse reports whether a is worse than b in more than its price and place.
func (a rank) worse(b rank) bool {
	a.exposure, b.exposure = 0, 0
	a.afar, b.afar = false, false
	return a.compare(b) > 0
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

// program reports whether a type is one of programs.
func (t *typeFacts) program(name string) bool {
	typ, err := t.pol.Type(name)
	if err != nil {
		return false
	}
	for _, programs := range [...]string{"exec_type", "entry_type"} {
		if a, err := t.pol.Attribute(programs); err == nil && a.Has(typ) {
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
