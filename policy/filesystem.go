package policy

import (
	"fmt"
	"iter"
	"strings"

	"github.com/sekit/sekit/internal/policydb"
)

// FSUse is an fs_use_xattr, fs_use_trans or fs_use_task statement: how the
// files of a file system type get their contexts. It is a comparable value.
type FSUse struct {
	// Behavior is xattr (the context is stored with the file), trans (it comes
	// from the process by the transition rules) or task (it is the process's).
	Behavior  string  `json:"behavior"`
	FSType    string  `json:"fs_type"`
	Context   Context `json:"context"` // of the file system, and of files without one
	statement string
}

// FSUses lists the fs_use_… statements in the order of the policy.
func (p *Policy) FSUses() iter.Seq[FSUse] {
	return func(yield func(FSUse) bool) {
		for i := range p.db.FSUses {
			if !yield(p.fsUse(&p.db.FSUses[i])) {
				return
			}
		}
	}
}

// FSUse returns the fs_use_… statement for a file system type, and whether
// there is one. Without one, [Policy.GenfsContext] has the contexts (the
// kernel's security_fs_use).
func (p *Policy) FSUse(fstype string) (FSUse, bool) {
	for i := range p.db.FSUses {
		if p.db.FSUses[i].Name == fstype {
			return p.fsUse(&p.db.FSUses[i]), true
		}
	}
	return FSUse{}, false
}

func (p *Policy) fsUse(f *policydb.FSUse) FSUse {
	u := FSUse{FSType: f.Name, Context: p.context(&f.Context)}
	switch f.Behavior {
	case 1:
		u.Behavior = "xattr"
	case 2:
		u.Behavior = "trans"
	case 3:
		u.Behavior = "task"
	default:
		u.Behavior = fmt.Sprint(f.Behavior)
	}
	u.statement = "fs_use_" + u.Behavior + " " + u.FSType + " " +
		string(p.appendContext(nil, &f.Context, statementText)) + ";"
	return u
}

// Statement returns the fs_use_… statement.
func (f FSUse) Statement() string { return f.statement }

// String returns the fs_use_… statement.
func (f FSUse) String() string { return f.statement }

// Genfscon is a genfscon statement: the context of the files below a path of a
// file system that stores none, such as proc. It is a comparable value.
type Genfscon struct {
	FSType string `json:"fs_type"`
	Path   string `json:"path"` // from the root of the file system
	// Class is the class of the files that it is for, such as dir; empty for
	// files of any kind.
	Class     string  `json:"class,omitempty"`
	Context   Context `json:"context"`
	statement string
}

// Genfscons lists the genfscon statements in the order of the policy: by file
// system type, longer paths first.
func (p *Policy) Genfscons() iter.Seq[Genfscon] {
	return func(yield func(Genfscon) bool) {
		for i := range p.db.Genfscons {
			fs := &p.db.Genfscons[i]
			for j := range fs.Paths {
				if !yield(p.genfscon(fs.FSType, &fs.Paths[j])) {
					return
				}
			}
		}
	}
}

func (p *Policy) genfscon(fstype string, g *policydb.Genfscon) Genfscon {
	c := Genfscon{FSType: fstype, Path: g.Path, Context: p.context(&g.Context)}
	kind := ""
	if g.Class != 0 {
		c.Class = p.sym.classes[g.Class-1].name
		kind = genfsKind(c.Class) + " "
	}
	c.statement = "genfscon " + fstype + " " + g.Path + " " + kind +
		string(p.appendContext(nil, &g.Context, statementText))
	return c
}

// genfsKind is how a genfscon statement writes the class of its files.
func genfsKind(class string) string {
	switch class {
	case "blk_file":
		return "-b"
	case "chr_file":
		return "-c"
	case "dir":
		return "-d"
	case "fifo_file":
		return "-p"
	case "file":
		return "--"
	case "lnk_file":
		return "-l"
	case "sock_file":
		return "-s"
	}
	return ""
}

// Statement returns the genfscon statement.
func (g Genfscon) Statement() string { return g.statement }

// String returns the genfscon statement.
func (g Genfscon) String() string { return g.statement }

// Genfscon returns the genfscon statement that gives a file its context, and
// whether there is one: that with the longest path that the file's begins with,
// for the file's class or for all (the kernel's __security_genfs_sid). The path
// is from the root of the file system. An empty class finds only statements for
// files of any kind.
//
// Under the policy capability genfs_seclabel_wildcard paths are patterns of the
// whole path, with * and ?.
func (p *Policy) Genfscon(fstype, path, class string) (Genfscon, bool) {
	for strings.HasPrefix(path, "//") {
		path = path[1:]
	}
	match := strings.HasPrefix
	if p.hasCapability(capGenfsWildcard) {
		match = func(path, pattern string) bool { return matchWildcard(pattern, path) }
	}
	value := p.sym.classByName[class]
	var best *policydb.Genfscon
	for i := range p.db.Genfscons {
		if p.db.Genfscons[i].FSType != fstype {
			continue
		}
		for j := range p.db.Genfscons[i].Paths {
			g := &p.db.Genfscons[i].Paths[j]
			if (g.Class == 0 || g.Class == value) && match(path, g.Path) &&
				(best == nil || len(g.Path) > len(best.Path)) {
				best = g
			}
		}
	}
	if best == nil {
		return Genfscon{}, false
	}
	return p.genfscon(fstype, best), true
}

// GenfsContext returns the context that genfscon statements give a file: that
// of [Policy.Genfscon], or of the initial SID unlabeled if there is none.
func (p *Policy) GenfsContext(fstype, path, class string) Context {
	if g, ok := p.Genfscon(fstype, path, class); ok {
		return g.Context
	}
	return p.initialContext(sidUnlabeled)
}

// matchWildcard is the kernel's match_wildcard: * stands for any characters,
// ? for one. It takes no more than len(pattern) times len(s) steps.
func matchWildcard(pattern, s string) bool {
	star, mark := -1, 0
	i, j := 0, 0
	for j < len(s) {
		switch {
		case i < len(pattern) && pattern[i] == '*':
			star, mark = i, j
			i++
		case i < len(pattern) && (pattern[i] == '?' || pattern[i] == s[j]):
			i++
			j++
		case star >= 0:
			mark++
			i, j = star+1, mark
		default:
			return false
		}
	}
	return strings.Trim(pattern[i:], "*") == ""
}
