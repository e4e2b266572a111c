package triage

import (
	"github.com/sekit/sekit/policy"
)

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
