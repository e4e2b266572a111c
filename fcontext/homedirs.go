package fcontext

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/sekit/sekit/policy"
)

// Homedirs is what file_contexts.homedirs is made of: the policy's template for
// home directories, the accounts, and who logs in as which SELinux user.
// [ReadHomedirs] reads it from a system; to see what comes of another account or
// login, add it and call [Homedirs.Generate].
type Homedirs struct {
	// Template is the text of the store's homedir_template.
	Template string
	// Contexts are the policy's own file contexts: an account's home that they
	// have specs for does not make its parent a place of homes. It may be nil.
	Contexts *DB
	// Logins map accounts to SELinux users (seusers).
	Logins []Login
	// Prefixes are those of SELinux users (users_extra); "user" for others.
	Prefixes map[string]string
	// Roots are the directories that new homes are made in, in the order in
	// which they were found.
	Roots []string
	// NoAccounts: accounts do not add to Roots (usepasswd=false).
	NoAccounts bool
	// Ignore are homes that get no specs of their own (ignoredirs).
	Ignore []string
	// Accounts with an UID from MinUID to MaxUID and one of the Shells add the
	// directories that their homes are in to Roots.
	Accounts       []Account
	MinUID, MaxUID uint32
	Shells         []string
	Groups         []Group
}

// Login says which SELinux user an account logs in as.
type Login struct {
	Name string // of the account; %NAME for all members of a group; __default__ for others
	User string // the SELinux user
}

// Account is an entry of passwd(5).
type Account struct {
	Name        string
	UID, GID    uint32
	Home, Shell string
}

// Group is an entry of group(5).
type Group struct {
	Name    string
	GID     uint32
	Members []string
}

// HomedirWarning is what genhomedircon warns of, as it goes on.
type HomedirWarning struct {
	Account string
	Home    string // the home that file contexts have a spec for; "" if there is no such account
}

// String says what is wrong.
func (w HomedirWarning) String() string {
	if w.Home == "" {
		return fmt.Sprintf("user %q is not in the password file", w.Account)
	}
	return fmt.Sprintf("home %q of %q, or a directory above it, has a spec in the policy's file contexts: it is not taken for a place of homes", w.Home, w.Account)
}

// ErrHomedirs is what errors of [Homedirs.Generate] wrap: libsemanage would
// refuse the commit, or die.
var ErrHomedirs = errors.New("no file contexts for home directories")

// homeUser is genhomedircon's user entry.
type homeUser struct {
	name, uid, user, prefix, home, level, role string
	login                                      string
}

// What stands for any user in patterns, and the text's fixed parts.
const (
	anyName       = "[^/]+"
	anyID         = "[0-9]+"
	defaultLogin  = "__default__"
	homedirHeader = "#\n#\n# User-specific file contexts, generated via libsemanage\n" +
		"# use semanage command to manage system users to change the file_context\n#\n#\n"
	templateName = "%{USERNAME}"
	templateID   = "%{USERID}"
)

// Generate returns the text of file_contexts.homedirs, byte for byte as
// libsemanage 3.4 writes it (genhomedircon(8)) when the store is committed. The
// policy is the one that the store builds: lines whose context is not valid in
// it are left out. Names and paths of accounts go into patterns as they are,
// and are refused if they would make more than one field of a line.
func (h *Homedirs) Generate(p *policy.Policy) (text string, warnings []HomedirWarning, err error) {
	g := &homedirs{Homedirs: h, policy: p}
	if err := g.write(); err != nil {
		return "", nil, fmt.Errorf("fcontext: %w: %w", ErrHomedirs, err)
	}
	return g.out.String(), g.warnings, nil
}

type homedirs struct {
	*Homedirs
	policy   *policy.Policy
	out      strings.Builder
	warnings []HomedirWarning
}

// write is write_context_file.
func (g *homedirs) write() error {
	home := g.template(func(l string) bool { return strings.HasPrefix(l, "HOME_DIR") })
	root := g.template(func(l string) bool { return strings.HasPrefix(l, "HOME_ROOT") })
	named := func(l string) bool { return strings.Contains(l, templateName) || strings.Contains(l, templateID) }
	name := g.template(named)
	user := g.template(func(l string) bool { return !named(l) && strings.Contains(l, "USER") })
	if len(home)+len(root)+len(name)+len(user) == 0 {
		return nil
	}
	g.out.WriteString(homedirHeader)
	fallback, err := g.fallback()
	if err != nil {
		return err
	}
	if len(home)+len(root) > 0 {
		dirs, err := g.homeRoots()
		if err != nil {
			return err
		}
		for _, dir := range dirs {
			fallback.home = dir + "/" + anyName
			if err := g.writeHome(home, fallback); err != nil {
				return err
			}
			for _, l := range root {
				g.writeLine(strings.ReplaceAll(l, "HOME_ROOT", dir))
			}
		}
	}
	if len(name)+len(user) == 0 {
		return nil
	}
	users, err := g.users()
	if err != nil {
		return err
	}
	for i, u := range append([]homeUser{fallback}, users...) {
		if i > 0 {
			err = g.writeHome(home, u)
		}
		if err == nil {
			err = g.writeContexts(name, u, templateName, u.name, templateID, u.uid, "ROLE", u.prefix)
		}
		if err == nil {
			err = g.writeContexts(user, u, "USER", u.name, "ROLE", u.prefix)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (g *homedirs) template(wanted func(line string) bool) []string {
	var lines []string
	for line := range strings.Lines(g.Template) {
		if wanted(line) {
			lines = append(lines, strings.TrimSuffix(line, "\n"))
		}
	}
	return lines
}

func (g *homedirs) writeHome(lines []string, u homeUser) error {
	name := u.name
	if name == anyName {
		name = "user_u" // whoever that is
	}
	g.out.WriteString("\n\n#\n# Home Context for user " + name + "\n#\n\n")
	return g.writeContexts(lines, u, "HOME_DIR", u.home, "ROLE", u.prefix)
}

// writeContexts writes template lines with what is to be replaced in their
// patterns, pairs of old and new, and the user in their contexts.
func (g *homedirs) writeContexts(lines []string, u homeUser, pairs ...string) error {
	for _, line := range lines {
		for i := 0; i < len(pairs); i += 2 {
			line = strings.ReplaceAll(line, pairs[i], pairs[i+1])
		}
		old := lastField(line)
		if old == noneContext {
			g.writeLine(line)
			continue
		}
		c, err := policy.ParseContext(strings.TrimRight(old, blanks))
		if err != nil {
			return err
		}
		c = c.WithUser(u.user)
		if g.policy.MLS() {
			c = c.WithRange(u.level)
		}
		if u.role != "" {
			c = c.WithRole(u.role)
		}
		g.writeLine(strings.Replace(line, old, c.String(), 1))
	}
	return nil
}

// writeLine writes a line if its context is valid in the policy.
func (g *homedirs) writeLine(line string) {
	old := lastField(line)
	if old != noneContext {
		c, err := policy.ParseContext(old)
		if err != nil || g.policy.CheckContext(c) != nil {
			return
		}
	}
	g.out.WriteString(line + "\n")
}

const blanks = " \t\n\v\f\r"

// lastField returns the last field with all that follows it (extract_context).
func lastField(line string) string {
	return line[strings.LastIndexAny(strings.TrimRight(line, blanks), blanks)+1:]
}

// fallback returns the entry for those who have none of their own.
func (g *homedirs) fallback() (homeUser, error) {
	u := homeUser{name: anyName, uid: anyID, user: "user_u", prefix: "user", level: "s0"}
	for _, l := range g.Logins {
		if l.Name == defaultLogin {
			u.user = l.User
			return u, g.fillUser(&u)
		}
	}
	return u, nil
}

// fillUser adds what is known of the SELinux user.
func (g *homedirs) fillUser(u *homeUser) error {
	user, err := g.policy.User(u.user)
	if err != nil {
		return err
	}
	u.prefix = "user"
	if prefix, ok := g.Prefixes[u.user]; ok {
		u.prefix = prefix
	}
	if u.level = user.Level(); u.level == "" {
		u.level = "s0"
	}
	if u.prefix == "object_r" {
		u.role = u.prefix
	}
	for r := range user.Roles() {
		if r.Name() == u.prefix {
			u.role = u.prefix
		}
	}
	return nil
}

// homeRoots is get_home_dirs: the directories whose subdirectories are homes.
func (g *homedirs) homeRoots() ([]string, error) {
	var dirs []string
	push := func(dir string) { // the last one comes first
		if !slices.Contains(dirs, dir) {
			dirs = slices.Insert(dirs, 0, dir)
		}
	}
	for _, dir := range g.Roots {
		push(dir)
	}
	if g.NoAccounts {
		return dirs, checkHomes(dirs...)
	}
	var conflicts *DB
	for _, a := range g.Accounts {
		home := trimHome(a.Home)
		if a.UID < g.MinUID || a.UID > g.MaxUID || !slices.Contains(g.Shells, a.Shell) ||
			slices.Contains(g.Ignore, home) || strings.Count(home, "/") <= 1 {
			continue
		}
		dir := home[:strings.LastIndexByte(home, '/')]
		if slices.Contains(dirs, dir) {
			continue
		}
		if conflicts == nil {
			var err error
			if conflicts, err = g.conflicts(); err != nil {
				return nil, err
			}
		}
		if len(conflicts.matching(dir)) > 0 {
			g.warnings = append(g.warnings, HomedirWarning{a.Name, home})
			continue
		}
		push(dir)
	}
	slices.Sort(dirs)
	return dirs, checkHomes(dirs...)
}

// conflicts returns a database of patterns for directories that the policy has
// specs for: those of Contexts without what stands for the files below
// (fcontext_matches).
func (g *homedirs) conflicts() (*DB, error) {
	b := newBuilder(Order34, 64)
	if g.Contexts != nil {
		for s := range g.Contexts.Specs() {
			if s.Kind != Any && s.Kind != Dir {
				continue
			}
			pattern := s.Pattern
			for _, suffix := range []string{".+", ".*", "(/.*)?", "/"} {
				pattern = strings.TrimSuffix(pattern, suffix)
			}
			if err := b.addSpec(pattern+"/*", Any, contextNone, s.Line); err != nil {
				return nil, &ParseError{File: s.File, Line: s.Line, Text: cutText(pattern), Err: err}
			}
		}
	}
	b.db.finish()
	return b.db, nil
}

// users is get_users: the entries of all logins, the last one first.
func (g *homedirs) users() ([]homeUser, error) {
	logins := slices.Clone(g.Logins)
	slices.SortStableFunc(logins, func(a, b Login) int {
		groupA, groupB := strings.HasPrefix(a.Name, "%"), strings.HasPrefix(b.Name, "%")
		switch {
		case groupA && groupB:
			return 0
		case groupA:
			return 1
		case groupB:
			return -1
		}
		return strings.Compare(a.Name, b.Name)
	})
	var users []homeUser
	for _, l := range logins {
		if l.Name == defaultLogin {
			continue
		}
		names := []string{l.Name}
		if group, ok := strings.CutPrefix(l.Name, "%"); ok {
			var err error
			if names, err = g.members(group); err != nil {
				return nil, err
			}
		}
		for _, name := range names {
			if err := g.addUser(&users, name, l); err != nil {
				return nil, err
			}
		}
	}
	slices.Reverse(users)
	return users, nil
}

// members returns the accounts in the group, those that have it as their
// primary one last.
func (g *homedirs) members(name string) ([]string, error) {
	i := slices.IndexFunc(g.Groups, func(g Group) bool { return g.Name == name })
	if i < 0 {
		return nil, fmt.Errorf("no group %q", name)
	}
	names := slices.Clone(g.Groups[i].Members)
	for _, a := range g.Accounts {
		if a.GID == g.Groups[i].GID && !slices.Contains(g.Groups[i].Members, a.Name) {
			names = append(names, a.Name)
		}
	}
	return names, nil
}

// addUser adds the account's entry for the login.
func (g *homedirs) addUser(users *[]homeUser, name string, l Login) error {
	if group, ok := strings.CutPrefix(l.Name, "%"); ok {
		for _, u := range slices.Backward(*users) {
			if u.name != name {
				continue
			}
			if other, ok := strings.CutPrefix(u.login, "%"); ok {
				return fmt.Errorf("account %q is in the groups %q and %q", name, other, group)
			}
			return nil
		}
	}
	u := homeUser{name: name, user: l.User, login: l.Name}
	if err := g.fillUser(&u); err != nil {
		return err
	}
	i := slices.IndexFunc(g.Accounts, func(a Account) bool { return a.Name == name })
	if i < 0 {
		g.warnings = append(g.warnings, HomedirWarning{Account: name})
		return nil
	}
	if u.home = trimHome(g.Accounts[i].Home); u.home == "/" || slices.Contains(g.Ignore, u.home) {
		return nil
	}
	u.uid = strconv.FormatUint(uint64(g.Accounts[i].UID), 10)
	*users = append(*users, u)
	return checkHomes(u.home, u.name)
}

func trimHome(home string) string {
	for len(home) > 1 && home[len(home)-1] == '/' {
		home = home[:len(home)-1]
	}
	return home
}

// checkHomes refuses what would not stay in the first field of a line.
func checkHomes(texts ...string) error {
	for _, s := range texts {
		if strings.IndexFunc(s, func(r rune) bool { return r <= ' ' || r >= 0x7f }) >= 0 {
			return fmt.Errorf("%q cannot be part of a pattern", s)
		}
	}
	return nil
}
