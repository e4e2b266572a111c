// Module-from-log makes a policy module of the denials in an audit log: of
// those that no context, port or boolean cures, with the least rules that the
// policy lacks, and none that nobody should load. It is audit2allow -M with the
// reasons, and without the compilers.
//
//	module-from-log                            the embedded log, on the embedded policy
//	module-from-log audit.log                  a log, on this machine's policy
//	module-from-log -o webapp.pp audit.log     a package; semodule -i takes it as it is
//	module-from-log -all -lift base-type-write -o webapp.cil audit.log
//
// The module goes to standard output as text (.te), or to a new file in the form
// that its extension says: .te, .cil or .pp. What became of each denial is said
// on standard error.
package main

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/sekit/sekit"
	"github.com/sekit/sekit/avc"
	"github.com/sekit/sekit/examples/internal/machine"
	"github.com/sekit/sekit/internal/demo"
	"github.com/sekit/sekit/module"
	"github.com/sekit/sekit/triage"
)

func main() {
	if err := run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			os.Exit(2)
		}
		fmt.Fprintln(os.Stderr, "module-from-log:", machine.Printable(err.Error()))
		os.Exit(1)
	}
}

type flags struct {
	machine machine.Flags
	name    string
	output  string
	all     bool
	lifts   []module.Lift
	log     string
}

func run(args []string, stdin io.Reader, stdout, stderr io.Writer) error {
	f, err := parse(args, stderr)
	if err != nil {
		return err
	}
	sys, log, err := open(f, stdin, stderr)
	if err != nil {
		return err
	}
	defer log.Close()
	t, err := triage.New(sys, triage.Options{Lifts: f.lifts})
	if err != nil {
		return err
	}
	opts := avc.Options{Provenance: avc.ProvenanceFile}
	if f.log == "-" {
		opts.Provenance = 0 // anybody may have written it
	}
	report := t.Read(avc.NewReader(log, opts).Events())
	say := &notes{w: stderr}
	m := &module.Module{Name: f.name, Comment: []string{"Made of the denials in a log: see the evidence above each rule."}}
	if f.all {
		m.Rules = allRules(sys, report, module.Guard{Lifts: f.lifts}, say)
	} else {
		m.Rules = lastResort(report, say)
	}
	m.Rules = m.Merged()
	if len(m.Rules) == 0 {
		say.line("no module is needed, or none can be recommended")
		return nil
	}
	exposure, err := sys.Policy.Exposure(module.Changes(m.Rules)...)
	if err != nil {
		return err
	}
	say.line("%d rules, which open %d accesses", len(m.Rules), exposure.Tuples)
	return write(m, f.output, stdout, say)
}

func parse(args []string, stderr io.Writer) (flags, error) {
	var f flags
	set := flag.NewFlagSet("module-from-log", flag.ContinueOnError)
	set.SetOutput(stderr)
	f.machine.Register(set)
	set.StringVar(&f.name, "name", "", "the module's `name`; default: that of the file, or local")
	set.StringVar(&f.output, "o", "", "new `file` NAME.te, NAME.cil or NAME.pp")
	set.BoolVar(&f.all, "all", false, "rules for all denials, also those that something else cures")
	set.Func("lift", "take back a refusal of the guard by its `id`, such as execmem; may be repeated", func(id string) error {
		f.lifts = append(f.lifts, module.Lift{ID: id})
		return nil
	})
	if err := set.Parse(args); err != nil {
		return f, flag.ErrHelp
	}
	if set.NArg() > 1 {
		return f, fmt.Errorf("one log at a time; %d given", set.NArg())
	}
	f.log = set.Arg(0)
	if f.name == "" {
		f.name = "local"
		if f.output != "" {
			f.name = strings.TrimSuffix(filepath.Base(f.output), filepath.Ext(f.output))
		}
	}
	return f, nil
}

// open chooses the machine and the log: without a log named, the embedded ones.
func open(f flags, stdin io.Reader, stderr io.Writer) (*sekit.System, io.ReadCloser, error) {
	if f.log == "" {
		sys, err := machine.Embedded()
		return sys, io.NopCloser(bytes.NewReader(demo.AuditLog())), err
	}
	sys, reason, err := f.machine.Open()
	if err != nil {
		return nil, nil, err
	}
	if reason != nil {
		fmt.Fprintf(stderr, "module-from-log: %v here; using the embedded policy (see -policy)\n", reason)
	}
	if f.log == "-" {
		return sys, io.NopCloser(stdin), nil
	}
	log, err := os.Open(f.log)
	return sys, log, err
}

// lastResort returns the rules for which there is nothing better, and says what
// else cures the other denials.
func lastResort(report *triage.Report, say *notes) []module.Rule {
	var rules []module.Rule
	for i := range report.Findings {
		f := &report.Findings[i]
		switch {
		case len(f.Fixes) > 0 && f.Fixes[0].Module != nil:
			rules = append(rules, f.Fixes[0].Module.Rules...)
		case len(f.Fixes) > 0:
			say.finding(f, "not by a module: "+f.Fixes[0].Summary)
		case f.Status == triage.Open:
			say.finding(f, "nothing can be recommended")
			for _, r := range f.Rejected {
				if r.Kind == triage.Module {
					say.finding(f, r.Summary+": "+r.Reason)
				}
			}
		}
	}
	return rules
}

// allRules returns the least rules that let all denials through, but for those
// that the guard refuses.
func allRules(sys *sekit.System, report *triage.Report, guard module.Guard, say *notes) []module.Rule {
	var needs []module.Need
	var of []*triage.Finding
	for i := range report.Findings {
		f := &report.Findings[i]
		if f.Decision != nil && f.Status != triage.Allowed {
			evidence := fmt.Sprintf("%d x %s denied to %s on %s, %s", f.Count, strings.Join(f.Access.Permissions, ", "), f.Denial.Comm, f.Object, f.Denial.ID)
			needs = append(needs, module.Need{Access: f.Access, Evidence: []string{evidence}})
			of = append(of, f)
		}
	}
	minimal := module.Minimize(sys.Policy, needs, module.MinimizeOptions{NarrowXperms: true})
	for _, u := range minimal.Unsolved {
		for _, reason := range u.Reasons {
			say.finding(of[u.Need], "no rule cures it: "+reason.String())
		}
	}
	var rules []module.Rule
	for _, r := range minimal.Rules {
		refused := false
		for _, found := range guard.Check(sys.Policy, []module.Rule{r}) {
			if found.Refuses() {
				refused = true
				say.line("refused: %s (-lift %s): %s", found.Rule, found.ID, found.Reason)
			}
		}
		if !refused {
			rules = append(rules, r)
		}
	}
	return rules
}

// write writes the module to a file that must not be there yet, or as text to
// standard output.
func write(m *module.Module, name string, stdout io.Writer, say *notes) error {
	var data []byte
	var err error
	switch ext := filepath.Ext(name); ext {
	case "", ".te":
		data, err = m.TE()
	case ".cil":
		data, err = m.CIL()
	case ".pp":
		data, err = m.PP(module.PPOptions{})
	default:
		return fmt.Errorf("unknown form %q: want .te, .cil or .pp", ext)
	}
	if err != nil {
		return err
	}
	if name == "" {
		_, err = stdout.Write(data)
		return err
	}
	file, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	_, err = file.Write(data)
	if err = errors.Join(err, file.Close()); err != nil {
		return errors.Join(err, os.Remove(name))
	}
	if filepath.Ext(name) != ".te" {
		say.line("to install it: semodule -i %s", triage.Command{name})
	}
	return nil
}

// notes are lines for people, with text from a log made harmless.
type notes struct{ w io.Writer }

func (n *notes) line(format string, args ...any) {
	fmt.Fprintln(n.w, "#", machine.Printable(fmt.Sprintf(format, args...)))
}

func (n *notes) finding(f *triage.Finding, text string) {
	n.line("%s %s on %s: %s", f.Access.Source.Type(), strings.Join(f.Access.Permissions, ", "), f.Object, text)
}
