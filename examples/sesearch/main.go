// Sesearch searches the rules of a policy, with the options of SETools'
// sesearch:
//
//	sesearch -A -s haproxy_t -p name_bind,name_connect
//	sesearch -T -s init_t -t httpd_exec_t
//	sesearch --allow -b httpd_can_network_connect policy.33
//	sesearch -A -s httpd_t -p name_bind -ports
//
// With -ports it adds which ports that comes to, as the booleans are. Without a
// policy (the last argument, or -policy) it searches the running system's or,
// where there is none, the embedded one.
package main

import (
	"bufio"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/sekit/sekit/internal/demo"
	"github.com/sekit/sekit/policy"
)

func main() {
	if err := run(os.Args[1:], os.Stdout); errors.Is(err, flag.ErrHelp) {
		os.Exit(2)
	} else if err != nil {
		fmt.Fprintln(os.Stderr, "sesearch:", err)
		os.Exit(1)
	}
}

// kinds are the options that choose kinds of rules.
var kinds = map[string]policy.RuleKind{
	"A": policy.KindAllow | policy.KindAllowXperm, "allow": policy.KindAllow, "auditallow": policy.KindAuditAllow,
	"dontaudit": policy.KindDontAudit, "allowxperm": policy.KindAllowXperm, "auditallowxperm": policy.KindAuditAllowXperm,
	"dontauditxperm": policy.KindDontAuditXperm, "T": policy.KindTypeTransition, "type_trans": policy.KindTypeTransition,
	"type_member": policy.KindTypeMember, "type_change": policy.KindTypeChange, "role_allow": policy.KindRoleAllow,
	"role_trans": policy.KindRoleTransition, "range_trans": policy.KindRangeTransition,
}

func run(args []string, out io.Writer) error {
	var q policy.RuleQuery
	fs := flag.NewFlagSet("sesearch", flag.ContinueOnError)
	file := fs.String("policy", "", "compiled policy `file`")
	ports := fs.Bool("ports", false, "list the ports of the types found")
	for option, kind := range kinds {
		fs.BoolFunc(option, "search "+kind.String()+" rules", func(string) error { q.Kinds |= kind; return nil })
	}
	list := func(to *[]string) func(string) error {
		return func(s string) error { *to = strings.Split(s, ","); return nil }
	}
	fs.StringVar(&q.Source, "s", "", "source `type`, attribute or role")
	fs.StringVar(&q.Target, "t", "", "target `type`, attribute or role")
	fs.StringVar(&q.Default, "D", "", "resulting `type`, role or range")
	fs.Func("c", "object `classes`, separated by commas", list(&q.Classes))
	fs.Func("p", "`permissions`, separated by commas", list(&q.Permissions))
	fs.Func("b", "`booleans`, separated by commas", list(&q.Booleans))
	fs.Func("x", "extended permission `ranges`", func(s string) (err error) { q.Xperms, err = policy.ParseXperms(s); return err })
	fs.BoolVar(&q.SourceDirect, "ds", false, "the source itself, not through attributes")
	fs.BoolVar(&q.TargetDirect, "dt", false, "the target itself, not through attributes")
	set := func(to *policy.SetMatch, m policy.SetMatch) func(string) error {
		return func(string) error { *to = m; return nil }
	}
	fs.BoolFunc("ep", "just these permissions", set(&q.PermissionMatch, policy.MatchEqual))
	fs.BoolFunc("Sp", "all these permissions", set(&q.PermissionMatch, policy.MatchAll))
	fs.BoolFunc("eb", "just these booleans", set(&q.BooleanMatch, policy.MatchEqual))
	fs.BoolFunc("ex", "just these extended permissions", set(&q.XpermMatch, policy.MatchEqual))
	rs, rt := fs.Bool("rs", false, "-s is a regular expression"), fs.Bool("rt", false, "-t is a regular expression")
	if err := fs.Parse(args); err != nil {
		return flag.ErrHelp
	}
	// SETools' sesearch takes the policy as its last argument.
	if fs.NArg() > 1 || fs.NArg() == 1 && *file != "" {
		return fmt.Errorf("too many arguments: %q", fs.Args())
	} else if fs.NArg() == 1 {
		*file = fs.Arg(0)
	}
	var err error
	if *rs {
		q.SourceRegexp, err = regexp.Compile(q.Source)
	}
	if *rt && err == nil {
		q.TargetRegexp, err = regexp.Compile(q.Target)
	}
	if err != nil {
		return err
	}
	p, err := open(*file)
	if err != nil {
		return err
	}
	rules, err := p.Rules(q)
	if err != nil {
		return err
	}
	var lines []string
	types := make(map[string]bool)
	for r := range rules {
		lines = append(lines, r.String())
		if !*ports || types[r.Target()] || !r.Holds() {
			continue // not asked for, known, or its booleans are off
		}
		types[r.Target()] = true
		if a, err := p.Attribute(r.Target()); err == nil {
			for t := range a.Types() {
				types[t.Name()] = true
			}
		}
	}
	if *ports {
		for c := range p.Portcons() {
			if types[c.Context.Type()] {
				lines = append(lines, c.String())
			}
		}
	}
	slices.Sort(lines)
	w := bufio.NewWriter(out)
	for _, line := range lines {
		fmt.Fprintln(w, printable(line))
	}
	return w.Flush()
}

// printable quotes what a terminal might heed: the names in a policy are as its
// maker wanted them.
func printable(s string) string {
	if utf8.ValidString(s) && !strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return s
	}
	return strconv.Quote(s)
}

// open opens the policy that is named, the running system's, or the embedded
// one.
func open(file string) (*policy.Policy, error) {
	if file != "" {
		return policy.Open(file)
	}
	p, err := policy.Open("/sys/fs/selinux/policy")
	if errors.Is(err, os.ErrNotExist) {
		return policy.Parse(demo.Policy())
	}
	return p, err
}
