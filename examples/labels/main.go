// Labels says what context a path should have, and which fcontext spec says so:
//
//	labels /var/www/html/index.html     what it should have, and why
//	labels -kind socket /run/wsgi.sock  as a file of that kind
//	labels -type httpd_log_t            where files of a type are expected
//	labels -set httpd_sys_content_t /my/website
//	                                    what to type so that a tree has a type,
//	                                    and what else that would change
//
//	labels -root / -R /var/www          what the files there have, what they
//	                                    should have, and what to type
//	labels -diff /other/contexts/files /var/www/html
//	                                    which specs differ there, and whether the
//	                                    paths would get other contexts
//
// With -root it looks at the files of the running system (/), or of an image
// mounted elsewhere, whose policy it takes.
//
// With -contexts it reads the file contexts in that directory, for instance
// /etc/selinux/targeted/contexts/files, and for -set the compiled policy that
// -policy names; without, the embedded ones.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/sekit/sekit/fcontext"
	"github.com/sekit/sekit/internal/demo"
	"github.com/sekit/sekit/policy"
)

type options struct {
	contexts, policy, kind, typ, set, root, diff string
	recursive                                    bool
}

func main() {
	var o options
	flag.StringVar(&o.contexts, "contexts", "", "`directory` of file_contexts")
	flag.StringVar(&o.policy, "policy", "", "compiled policy `file`")
	flag.StringVar(&o.kind, "kind", "", "file `kind`: --, -d, -l, -s, … or its name")
	flag.StringVar(&o.typ, "type", "", "list the specs that give the `type`")
	flag.StringVar(&o.set, "set", "", "say how to give the paths the `type`")
	flag.StringVar(&o.root, "root", "", "look at the files of the system whose root is the `directory`")
	flag.BoolVar(&o.recursive, "R", false, "with -root: and at those below them")
	flag.StringVar(&o.diff, "diff", "", "compare with the file_contexts in another `directory`")
	flag.Parse()
	if err := run(o, flag.Args(), os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "labels:", err)
		os.Exit(1)
	}
}

func run(o options, paths []string, w io.Writer) error {
	kind, err := fcontext.ParseKind(o.kind)
	if err != nil {
		return err
	}
	if o.root != "" {
		h, done, err := openHost(o.root)
		if err != nil {
			return err
		}
		defer done()
		for _, p := range paths {
			if err := h.compare(w, p, o.recursive); err != nil {
				return err
			}
		}
		return nil
	}
	db, err := open(o.contexts)
	if err != nil {
		return err
	}
	if o.diff != "" {
		return diff(w, db, o.diff, paths, kind)
	}
	if o.typ != "" {
		list(w, db, o.typ, kind)
	}
	for _, p := range paths {
		if o.set == "" {
			explain(w, db, p, kind)
			continue
		}
		pol, err := openPolicy(o)
		if err != nil {
			return err
		}
		if err := set(w, pol, db, p, o.set); err != nil {
			return err
		}
	}
	return nil
}

func openPolicy(o options) (*policy.Policy, error) {
	switch {
	case o.policy != "":
		return policy.Open(o.policy)
	case o.contexts != "":
		return nil, errors.New("-set with -contexts needs -policy")
	}
	return policy.Parse(demo.Policy())
}

func open(dir string) (*fcontext.DB, error) {
	if dir != "" {
		return fcontext.Open(dir, fcontext.Options{})
	}
	return fcontext.OpenFS(demo.Contexts(), ".", fcontext.Options{})
}

// explain prints what the path should have. Paths are quoted: a file may be
// called anything.
func explain(w io.Writer, db *fcontext.DB, path string, kind fcontext.Kind) {
	e := db.Explain(path, kind)
	switch {
	case !e.Found:
		fmt.Fprintf(w, "%q: no spec matches\n", path)
		return
	case e.Match.None:
		fmt.Fprintf(w, "%q: keeps what it has (<<none>>)\n", path)
	default:
		fmt.Fprintf(w, "%q: %v\n", path, e.Match.Context)
	}
	if e.Path != path {
		fmt.Fprintf(w, "  looked up as  %q\n", e.Path)
	}
	fmt.Fprintf(w, "  decided by    %s\n", where(e.Match.Spec))
	for _, s := range e.Others {
		fmt.Fprintf(w, "  over          %s\n", where(s))
	}
}

func where(s fcontext.Spec) string {
	return fmt.Sprintf("%s:%d: %s (%v)", s.File, s.Line, s.Pattern, s.Kind)
}

// list prints where the type is expected.
func list(w io.Writer, db *fcontext.DB, typ string, kind fcontext.Kind) {
	for s := range db.SpecsOfType(typ, kind) {
		fmt.Fprint(w, where(s))
		if path, ok := db.Example(s, s.Kind); ok {
			fmt.Fprintf(w, ", for instance %q", path)
		}
		fmt.Fprintln(w)
	}
}

// diff prints what is otherwise in the file contexts in a directory.
func diff(w io.Writer, db *fcontext.DB, dir string, paths []string, kind fcontext.Kind) error {
	other, err := fcontext.Open(dir, fcontext.Options{})
	if err != nil {
		return err
	}
	if err := fcontext.Diff(db, other).WriteText(w); err != nil {
		return err
	}
	kinds := func(yield func(string, fcontext.Kind) bool) {
		for _, p := range paths {
			if !yield(p, kind) {
				return
			}
		}
	}
	for d := range fcontext.DiffLookups(db, other, kinds) {
		fmt.Fprintln(w, d)
	}
	return nil
}

// set prints the commands that give the tree the type and what else they
// would change, or that nothing is to be done.
func set(w io.Writer, p *policy.Policy, db *fcontext.DB, path, typ string) error {
	pattern, err := fcontext.TreePattern(path)
	if err != nil {
		return err
	}
	table := fcontext.NewLocalTable(p, db, db.Local())
	change, err := table.PlanSet(fcontext.LocalSetting{Pattern: pattern, Type: typ})
	if err != nil {
		return err
	}
	if change.Op == fcontext.Nothing {
		_, err := fmt.Fprintln(w, change)
		return err
	}
	args := change.Command()
	args[len(args)-1] = shell(pattern) // the others are words
	fmt.Fprintf(w, "%s\nrestorecon -Rv -- %s\n", strings.Join(args, " "), shell(path))
	effects, err := table.WhatIf(nil, change)
	for _, e := range effects {
		fmt.Fprintf(w, "  changes %v\n", e)
	}
	return err
}

// shell quotes s for a POSIX shell.
func shell(s string) string { return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'" }
