package fcontext

import (
	"cmp"
	"errors"
	"io/fs"
	"path"
	"strconv"
	"strings"
)

// The files that libsemanage asks for home directories, and what it goes by
// where they are missing.
const (
	confSemanage  = "etc/selinux/semanage.conf"
	confUseradd   = "etc/default/useradd"
	confLibuser   = "etc/libuser.conf"
	confLoginDefs = "etc/login.defs"
	shellsFile    = "etc/shells"
	exportHome    = "export/home"

	defaultMinUID = 500
	defaultMaxUID = 60000
	noLoginShell  = "/sbin/nologin"
)

var defaultShells = []string{"/bin/csh", "/bin/tcsh", "/bin/ksh", "/bin/bsh", "/bin/ash",
	"/usr/bin/ksh", "/usr/bin/pdksh", "/bin/zsh", "/bin/sh", "/bin/bash"}

// ReadHomedirs reads what a system's file_contexts.homedirs is made of, from its
// root (os.DirFS("/") for the running one) and the store of a type of policy, such as
// "targeted". Accounts and groups are those of etc/passwd and etc/group; the
// system's other name services are not asked. The store's own directory cannot
// be read by everybody.
func ReadHomedirs(root fs.FS, policyType string) (*Homedirs, error) {
	h := &Homedirs{MinUID: defaultMinUID, MaxUID: defaultMaxUID, Shells: defaultShells, Prefixes: map[string]string{}}
	r := rootReader{root: root}
	semanage := r.read(confSemanage, false)
	store := strings.TrimPrefix(path.Clean("/"+cmp.Or(confValue(semanage, "store-root"), "var/lib/selinux")), "/")
	active := path.Join(store, policyType, "active")
	h.Template = r.read(path.Join(active, "homedir_template"), true)
	h.Logins = parseLogins(r.read(path.Join(active, "seusers"), true))
	for line := range strings.Lines(r.read(path.Join(active, "users_extra"), false)) {
		// user NAME prefix PREFIX;
		if f := strings.Fields(strings.ReplaceAll(line, ";", " ")); len(f) >= 4 && f[0] == "user" && f[2] == "prefix" {
			h.Prefixes[f[1]] = f[3]
		}
	}
	h.NoAccounts = strings.EqualFold(confValue(semanage, "usepasswd"), "false")
	for dir := range strings.SplitSeq(confValue(semanage, "ignoredirs"), ";") {
		if dir != "" {
			h.Ignore = append(h.Ignore, dir)
		}
	}
	h.Accounts = parseAccounts(r.read("etc/passwd", false))
	h.Groups = parseGroups(r.read("etc/group", false))
	r.roots(h)
	r.limits(h)
	if shells := r.read(shellsFile, false); r.found {
		h.Shells = nil
		for line := range strings.Lines(shells) {
			if line = strings.TrimSuffix(line, "\n"); line != noLoginShell {
				h.Shells = append(h.Shells, line)
			}
		}
	}
	if r.err != nil {
		return nil, r.err
	}
	var err error
	h.Contexts, err = OpenFS(root, active, Options{BaseOnly: true})
	if err != nil {
		return nil, err
	}
	return h, nil
}

// rootReader reads files until the first error.
type rootReader struct {
	root  fs.FS
	found bool // the last file was there
	err   error
}

// read returns the file's text, "" if it isn't there and need not be.
func (r *rootReader) read(name string, needed bool) string {
	data, err := fs.ReadFile(r.root, name)
	r.found = err == nil
	if err != nil && r.err == nil && (needed || !errors.Is(err, fs.ErrNotExist)) {
		r.err = err
	}
	return string(data)
}

// roots finds the directories that homes are made in.
func (r *rootReader) roots(h *Homedirs) {
	for _, dir := range []string{findValue(r.read(confUseradd, false), "HOME", "="), findValue(r.read(confLibuser, false), "LU_HOMEDIRECTORY", "=")} {
		if dir != "" {
			h.Roots = append(h.Roots, dir)
		}
	}
	if h.Roots == nil {
		h.Roots = []string{"/home"}
	}
	if fi, err := fs.Stat(r.root, exportHome); err == nil && fi.IsDir() {
		h.Roots = append(h.Roots, "/"+exportHome)
	}
}

// limits finds the lowest and the highest UID of people.
func (r *rootReader) limits(h *Homedirs) {
	defs := r.read(confLoginDefs, false)
	least := findValue(defs, "UID_MIN", "")
	if least != "" {
		h.MinUID = atoi(least)
	}
	if most := findValue(defs, "UID_MAX", ""); most != "" {
		h.MaxUID = atoi(most)
	}
	if other := findValue(r.read(confLibuser, false), "LU_UIDNUMBER", "="); other != "" && (least == "" || atoi(other) < h.MinUID) {
		h.MinUID = atoi(other)
	}
}

// findValue returns what follows the delimiter in the first line that begins
// with the variable's name; without a delimiter, what follows the first field
// (semanage_findval).
func findValue(text, variable, delimiter string) string {
	for line := range strings.Lines(text) {
		if !strings.HasPrefix(line, variable) {
			continue
		}
		value := ""
		if delimiter != "" {
			_, value, _ = strings.Cut(line, delimiter)
		} else if i := strings.IndexAny(line, blanks); i >= 0 {
			value = strings.TrimLeft(line[i:], blanks)
		}
		return strings.TrimSuffix(value, "\n")
	}
	return ""
}

// atoi is C's, for numbers that are UIDs.
func atoi(s string) uint32 {
	s = strings.TrimLeft(s, blanks)
	end := 0
	for end < len(s) && s[end] >= '0' && s[end] <= '9' {
		end++
	}
	n, err := strconv.ParseUint(s[:end], 10, 31)
	if err != nil {
		return 0
	}
	return uint32(n)
}

// confValue returns the value of a setting of semanage.conf.
func confValue(text, setting string) string {
	for line := range strings.Lines(text) {
		key, value, ok := strings.Cut(line, "=")
		if ok && strings.TrimSpace(key) == setting {
			return strings.Trim(strings.TrimSpace(value), `"`)
		}
	}
	return ""
}

// parseLogins reads seusers: NAME:USER[:RANGE].
func parseLogins(text string) []Login {
	var logins []Login
	for line := range strings.Lines(text) {
		f := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(f) >= 2 && f[0] != "" && f[0][0] != '#' {
			logins = append(logins, Login{Name: strings.TrimSpace(f[0]), User: strings.TrimSpace(f[1])})
		}
	}
	return logins
}

// parseAccounts reads passwd(5), without the lines that are none.
func parseAccounts(text string) []Account {
	var accounts []Account
	for f := range colonFields(text, 7) {
		uid, err := strconv.ParseUint(f[2], 10, 32)
		gid, err2 := strconv.ParseUint(f[3], 10, 32)
		if err == nil && err2 == nil {
			accounts = append(accounts, Account{Name: f[0], UID: uint32(uid), GID: uint32(gid), Home: f[5], Shell: f[6]})
		}
	}
	return accounts
}

// parseGroups reads group(5).
func parseGroups(text string) []Group {
	var groups []Group
	for f := range colonFields(text, 4) {
		gid, err := strconv.ParseUint(f[2], 10, 32)
		if err != nil {
			continue
		}
		g := Group{Name: f[0], GID: uint32(gid)}
		for member := range strings.SplitSeq(f[3], ",") {
			if member != "" {
				g.Members = append(g.Members, member)
			}
		}
		groups = append(groups, g)
	}
	return groups
}

// colonFields yields the lines that have as many fields.
func colonFields(text string, number int) func(yield func([]string) bool) {
	return func(yield func([]string) bool) {
		for line := range strings.Lines(text) {
			f := strings.Split(strings.TrimSuffix(line, "\n"), ":")
			if len(f) == number && f[0] != "" && f[0][0] != '#' && f[0][0] != '+' && f[0][0] != '-' && !yield(f) {
				return
			}
		}
	}
}
