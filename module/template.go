package module

import (
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/sekit/sekit/policy"
)

// template gathers what a template's module says.
type template struct {
	m        *Module
	contexts []FileContext
	refined  []refinement
	noMLS    bool
}

// refinement is an attribute that a policy may lack, with the types that have
// it otherwise.
type refinement struct {
	attribute string
	types     []string
}

func newTemplate(name string, comment ...string) *template {
	return &template{m: &Module{Name: name, Comment: comment}}
}

// declare declares a type. Attributes the policy must have; refinements are
// those that not every policy has: a module that asks for one that is missing
// is not installed, unless it asks in an optional block.
func (t *template) declare(typ string, attributes []string, refinements ...string) {
	t.m.Statements = append(t.m.Statements, &Type{Name: typ, Attributes: attributes})
	for _, a := range refinements {
		i := slices.IndexFunc(t.refined, func(r refinement) bool { return r.attribute == a })
		if i < 0 {
			i = len(t.refined)
			t.refined = append(t.refined, refinement{attribute: a})
		}
		t.refined[i].types = append(t.refined[i].types, typ)
	}
}

func (t *template) declareFile(typ string, attributes []string, refinements ...string) {
	t.declare(typ, append(attributes, "file_type"), append(refinements, "non_security_file_type", "non_auth_file_type")...)
}

func (t *template) allow(source, target, class string, permissions ...string) {
	t.m.Rules = append(t.m.Rules, Rule{Kind: Allow, Source: source, Target: target, Class: class, Permissions: permissions})
}

// file labels a path, and with tree all below it.
func (t *template) file(typ, name string, kind FileKind, tree bool) error {
	pattern, err := quotePath(name)
	if err != nil {
		return err
	}
	context := "system_u:object_r:" + typ
	if !t.noMLS {
		context += ":s0"
	}
	c, err := policy.ParseContext(context)
	if err != nil {
		return err
	}
	suffix := ""
	if tree {
		suffix = "(/.*)?"
	}
	t.contexts = append(t.contexts, FileContext{pattern + suffix, kind, c})
	// Of /run and /var/run one is looked up as the other: which one, the file
	// contexts' substitutions say.
	if below, ok := strings.CutPrefix(pattern, "/run/"); ok {
		t.contexts = append(t.contexts, FileContext{"/var/run/" + below + suffix, kind, c})
	} else if below, ok := strings.CutPrefix(pattern, "/var/run/"); ok {
		t.contexts = append(t.contexts, FileContext{"/run/" + below + suffix, kind, c})
	}
	return nil
}

func (t *template) trees(typ string, names []string) error {
	for _, n := range names {
		if err := t.file(typ, n, AnyFile, true); err != nil {
			return err
		}
	}
	return nil
}

// finish checks the module and hands it out. What a template's parameters
// added to its rules goes by the guard.
func (t *template) finish(g Guard) (*Module, []FileContext, error) {
	for _, r := range t.refined {
		block := &Optional{}
		for _, typ := range r.types {
			block.Body = append(block.Body, &TypeAttribute{Type: typ, Attributes: []string{r.attribute}})
		}
		t.m.Statements = append(t.m.Statements, block)
	}
	if err := g.Enforce(nil, t.m.Rules); err != nil {
		return nil, nil, err
	}
	if _, err := t.m.TE(); err != nil {
		return nil, nil, err
	}
	return t.m, t.contexts, nil
}

// PathError says which path a template can't label, and why. It wraps
// [fs.ErrInvalid].
type PathError struct {
	Path    string // cut if it is long
	Problem string
}

func (e *PathError) Error() string { return fmt.Sprintf("path %q: %s", e.Path, e.Problem) }

// Unwrap returns [fs.ErrInvalid].
func (e *PathError) Unwrap() error { return fs.ErrInvalid }

// quotePath returns the regular expression for a path that a module may claim.
func quotePath(name string) (string, error) {
	problem := ""
	switch {
	case len(name) > 1024:
		problem = "too long"
	case !strings.HasPrefix(name, "/"):
		problem = "not absolute"
	case path.Clean(name) != name:
		problem = "not clean: a slash at the end, two in a row, or dots for a directory"
	case sharedDirectory(name):
		problem = "shared by many: label what is below it"
	case securityPath(name):
		problem = "the policy keeps these files from ordinary domains"
	}
	var b strings.Builder
	for i := range len(name) {
		switch c := name[i]; {
		case letter(c), c >= '0' && c <= '9', strings.IndexByte("/_-@%=:,~", c) >= 0:
			b.WriteByte(c)
		case c == '.' || c == '+':
			b.WriteByte('\\')
			b.WriteByte(c)
		case problem == "":
			problem = fmt.Sprintf("has %q", rune(c))
		}
	}
	if problem == "" {
		return b.String(), nil
	}
	if len(name) > 64 {
		name = name[:64] + "..."
	}
	return "", &PathError{name, problem}
}

// sharedDirectory reports whether a path is a directory of the file system
// hierarchy standard that many programs have their files in: a module that
// gave it a type would take it from all of them.
func sharedDirectory(name string) bool {
	if strings.Count(name, "/") == 1 {
		return true // / and all right below it
	}
	switch name {
	case "/etc/opt", "/etc/systemd", "/etc/systemd/system", "/usr/bin", "/usr/sbin", "/usr/lib", "/usr/lib64", "/usr/libexec", "/usr/include",
		"/usr/lib/systemd", "/usr/lib/systemd/system", "/usr/share", "/usr/src", "/usr/local", "/usr/local/bin",
		"/usr/local/sbin", "/usr/local/lib", "/usr/local/libexec", "/usr/local/etc", "/usr/local/share",
		"/var/cache", "/var/lib", "/var/local", "/var/lock", "/var/log", "/var/mail", "/var/opt", "/var/run",
		"/var/spool", "/var/tmp", "/run/lock", "/run/user", "/run/systemd":
		return true
	}
	return false
}

// securityPath reports whether a path is of those whose types the guard keeps
// from ordinary domains (passwords, the policy, audit logs), or is the kernel's
// or its devices': another type would give them away as surely as a rule.
func securityPath(name string) bool {
	for _, p := range [...]string{"/etc/shadow", "/etc/gshadow", "/etc/security/opasswd", "/etc/selinux", "/etc/audit",
		"/var/lib/selinux", "/var/log/audit", "/boot", "/dev", "/proc", "/sys"} {
		if rest, ok := strings.CutPrefix(name, p); ok && (rest == "" || rest[0] == '/' || rest[0] == '-') {
			return true // with a dash after it is the backup
		}
	}
	return false
}

// parentType is the reference policy's type of the shared directory that a
// path is in, as far as a daemon can't search it anyway; "" for others.
func parentType(name string) string {
	for _, d := range [...][2]string{
		{"/etc/", "etc_t"}, {"/opt/", "usr_t"}, {"/usr/", "usr_t"}, {"/run/", "var_run_t"},
		{"/var/run/", "var_run_t"}, {"/var/log/", "var_log_t"}, {"/var/lib/", "var_lib_t"}, {"/var/spool/", "var_spool_t"},
	} {
		if strings.HasPrefix(name, d[0]) {
			return d[1]
		}
	}
	return ""
}

// What a domain does with files of its own, by how much it may.
func search() []string   { return []string{"getattr", "open", "search"} }
func listDir() []string  { return append(search(), "ioctl", "lock", "read") }
func addDir() []string   { return append(listDir(), "add_name", "write") }
func readFile() []string { return []string{"getattr", "ioctl", "lock", "map", "open", "read"} }
func appendFile() []string {
	return []string{"append", "create", "getattr", "ioctl", "lock", "open", "setattr"}
}
func manageDir() []string {
	return append(addDir(), "create", "remove_name", "rename", "reparent", "rmdir", "setattr")
}
func manageFile() []string {
	return []string{"append", "create", "getattr", "ioctl", "link", "lock", "map", "open", "read", "rename", "setattr", "unlink", "write"}
}
func manageLink() []string {
	return []string{"create", "getattr", "read", "rename", "setattr", "unlink"}
}
func manageSocket() []string {
	return []string{"append", "create", "getattr", "open", "read", "rename", "setattr", "unlink", "write"}
}

// read lets a domain read all of a type.
func (t *template) read(domain, typ string) {
	t.allow(domain, typ, "dir", listDir()...)
	t.allow(domain, typ, "file", readFile()...)
	t.allow(domain, typ, "lnk_file", "getattr", "read")
}

// manage lets a domain make, change and remove all of a type.
func (t *template) manage(domain, typ string) {
	t.allow(domain, typ, "dir", manageDir()...)
	t.allow(domain, typ, "file", manageFile()...)
	t.allow(domain, typ, "lnk_file", manageLink()...)
}
