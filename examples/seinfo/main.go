// Seinfo lists what a policy is made of, with the options of SETools' seinfo:
//
//	seinfo                          how many there are of each
//	seinfo --type                   the names of all types
//	seinfo --type=haproxy_t -x      one, as the policy has it
//	seinfo -a port_type -x          an attribute and its types
//	seinfo --portcon=http_port_t    the ports that a type has
//	seinfo --portcon=8443 policy.33 what is said of a port
//
// Without a policy (the last argument, or -policy) it reads the running system's
// or, where there is none, the embedded one.
package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/sekit/sekit/internal/demo"
	"github.com/sekit/sekit/policy"
)

func main() {
	if err := run(os.Args[1:], os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "seinfo:", err)
		os.Exit(1)
	}
}

// listing is one kind of component: its statements, by name.
type listing struct {
	what string
	all  iter.Seq2[string, string]
}

// statements lists the names and statements of components.
func statements[T interface {
	fmt.Stringer
	Statement() string
}](list iter.Seq[T]) iter.Seq2[string, string] {
	return func(yield func(string, string) bool) {
		for c := range list {
			if !yield(c.String(), c.Statement()) {
				return
			}
		}
	}
}

func listings(p *policy.Policy) []listing {
	return []listing{
		{"type", statements(p.Types())},
		{"attribute", func(yield func(string, string) bool) {
			for a := range p.Attributes() {
				lines := []string{a.Statement()}
				for t := range a.Types() {
					lines = append(lines, t.Name())
				}
				if !yield(a.Name(), strings.Join(lines, "\n\t")) {
					return
				}
			}
		}},
		{"class", statements(p.Classes())},
		{"common", statements(p.Commons())},
		{"role", statements(p.Roles())},
		{"user", statements(p.Users())},
		{"bool", statements(p.Booleans())},
		{"sensitivity", statements(p.Sensitivities())},
		{"category", statements(p.Categories())},
		{"polcap", statements(p.Capabilities())},
		{"permissive", statements(p.PermissiveTypes())},
		{"default", statements(p.Defaults())},
		{"constrain", statements(p.Constraints())},
		{"initialsid", statements(p.InitialSIDs())},
		{"fs_use", statements(p.FSUses())},
		{"genfscon", statements(p.Genfscons())},
		{"portcon", statements(p.Portcons())},
		{"netifcon", statements(p.Netifcons())},
		{"nodecon", statements(p.Nodecons())},
		{"ibpkeycon", statements(p.IBPkeycons())},
		{"ibendportcon", statements(p.IBEndportcons())},
	}
}

// options are what the command line asks for.
type options struct {
	file, what, name string
	expand           bool // statements, not only names
}

// short are SETools' short options.
var short = map[string]string{"t": "type", "a": "attribute", "c": "class", "r": "role", "u": "user", "b": "bool", "x": "expand"}

// parse reads the command line. As in SETools, an option's name may follow it as
// the next argument, and the last argument is the policy.
func parse(args []string) (o options, err error) {
	value := &o.file // of the next argument that is no option
	for _, arg := range args {
		if !strings.HasPrefix(arg, "-") {
			if *value != "" {
				return o, fmt.Errorf("too many arguments: %q", arg)
			}
			*value, value = arg, &o.file
			continue
		}
		option, name, _ := strings.Cut(strings.TrimLeft(arg, "-"), "=")
		if long, ok := short[option]; ok {
			option = long
		}
		switch {
		case option == "expand":
			o.expand = true
		case option == "policy":
			o.file, value = name, &o.file
		case o.what != "":
			return o, fmt.Errorf("both --%s and %s", o.what, arg)
		default:
			o.what, o.name = option, name
			if value = &o.name; name != "" {
				value = &o.file
			}
		}
	}
	return o, nil
}

func run(args []string, out io.Writer) error {
	o, err := parse(args)
	if err != nil {
		return err
	}
	p, err := open(o.file)
	if err != nil {
		return err
	}
	w := bufio.NewWriter(out)
	if o.what == "" {
		err = counts(w, p)
	} else {
		err = list(w, p, o)
	}
	return errors.Join(err, w.Flush())
}

func counts(w io.Writer, p *policy.Policy) error {
	fmt.Fprintf(w, "policy version %d, handle unknown: %v\n", p.Version(), p.HandleUnknown())
	for _, l := range listings(p) {
		n := 0
		for range l.all {
			n++
		}
		fmt.Fprintf(w, "%7d %s\n", n, l.what)
	}
	rules, err := p.Rules(policy.RuleQuery{})
	if err != nil {
		return err
	}
	n := make(map[policy.RuleKind]int)
	for r := range rules {
		n[r.Kind()]++
	}
	for kind := policy.RuleKind(1); kind <= policy.AllKinds; kind <<= 1 {
		keyword := kind.String()
		if kind == policy.KindRoleAllow {
			keyword = "role allow"
		}
		fmt.Fprintf(w, "%7d %s rules\n", n[kind], keyword)
	}
	return nil
}

func list(w io.Writer, p *policy.Policy, o options) error {
	all := listings(p)
	i := slices.IndexFunc(all, func(l listing) bool { return l.what == o.what })
	if i < 0 {
		return fmt.Errorf("%q is no component of policies", o.what)
	}
	found := false
	for name, statement := range all[i].all {
		if o.name != "" && name != o.name && !has(name, o.name) {
			continue
		}
		found = true
		if !o.expand {
			statement = name
		}
		fmt.Fprintln(w, printable(statement))
	}
	if !found && o.name != "" {
		return fmt.Errorf("the policy has no %s %q", o.what, o.name)
	}
	return nil
}

// has reports whether one of the words of a statement is the one that is wanted,
// or a range of numbers with it: --portcon=http_port_t, --portcon=80.
func has(statement, want string) bool {
	words := strings.FieldsFunc(statement, func(r rune) bool { return strings.ContainsRune(" :;", r) })
	return slices.ContainsFunc(words, func(word string) bool {
		low, high, _ := strings.Cut(word, "-")
		first, err1 := strconv.Atoi(low)
		last, err2 := strconv.Atoi(high)
		n, err3 := strconv.Atoi(want)
		return word == want || errors.Join(err1, err2, err3) == nil && first <= n && n <= last
	})
}

// printable quotes what a terminal might heed: the names in a policy are as its
// maker wanted them.
func printable(s string) string {
	hidden := func(r rune) bool { return !unicode.IsPrint(r) && r != '\n' && r != '\t' }
	if utf8.ValidString(s) && !strings.ContainsFunc(s, hidden) {
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
