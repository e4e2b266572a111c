// Seinfo lists what a policy is made of, as SETools' seinfo -x prints it:
//
//	seinfo                      how many there are of each
//	seinfo type                 all types
//	seinfo type haproxy_t       one
//	seinfo portcon http_port_t  the ports that a type has
//
// Without -policy it reads the running system's policy or, where there is none,
// the embedded one.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"iter"
	"os"
	"slices"
	"strings"

	"github.com/sekit/sekit/internal/demo"
	"github.com/sekit/sekit/policy"
)

func main() {
	file := flag.String("policy", "", "compiled policy `file`")
	flag.Parse()
	if err := run(*file, flag.Args(), os.Stdout); err != nil {
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

func run(file string, args []string, out io.Writer) error {
	if len(args) > 2 {
		return fmt.Errorf("too many arguments: %q", args[2:])
	}
	p, err := open(file)
	if err != nil {
		return err
	}
	if len(args) == 0 {
		fmt.Fprintf(out, "policy version %d, handle unknown: %v\n", p.Version(), p.HandleUnknown())
		for _, l := range listings(p) {
			n := 0
			for range l.all {
				n++
			}
			fmt.Fprintf(out, "%7d %s\n", n, l.what)
		}
		return nil
	}
	i := slices.IndexFunc(listings(p), func(l listing) bool { return l.what == args[0] })
	if i < 0 {
		return fmt.Errorf("%q is no component of policies", args[0])
	}
	found := false
	for name, statement := range listings(p)[i].all {
		// A statement is found by a name that it has: portcon http_port_t.
		if len(args) > 1 && name != args[1] && !slices.Contains(words(name), args[1]) {
			continue
		}
		found = true
		fmt.Fprintln(out, statement)
	}
	if !found && len(args) > 1 {
		return fmt.Errorf("the policy has no %s %s", args[0], args[1])
	}
	return nil
}

func words(s string) []string {
	return strings.FieldsFunc(s, func(r rune) bool { return strings.ContainsRune(" :;", r) })
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
