// Diagnose reads an audit log and says, for each denial in it, why it happened
// and which fixes are proven to cure it, the one that gives away least first.
//
//	diagnose                                  the embedded log on the embedded policy
//	diagnose audit.log                        a log, on this machine's policy
//	diagnose -policy FILE -contexts DIR -     standard input, on a policy in a file
//	diagnose -root DIR audit.log              a log, on the policy of an image
//
// -json prints the findings for machines, -o te the policy module that is left
// to write once everything else is done.
package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"

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
		fmt.Fprintln(os.Stderr, "diagnose:", machine.Printable(err.Error()))
		os.Exit(1)
	}
}

type flags struct {
	machine machine.Flags
	asJSON  bool
	output  string
	log     string
}

func run(args []string, stdin io.Reader, stdout, stderr io.Writer) error {
	var f flags
	set := flag.NewFlagSet("diagnose", flag.ContinueOnError)
	set.SetOutput(stderr)
	f.machine.Register(set)
	set.BoolVar(&f.asJSON, "json", false, "print JSON")
	set.StringVar(&f.output, "o", "text", "`what` to print: text, json, or te (the module that is left to write)")
	if err := set.Parse(args); err != nil {
		return flag.ErrHelp
	}
	if set.NArg() > 1 {
		return fmt.Errorf("one log at a time; %d given", set.NArg())
	}
	f.log = set.Arg(0)
	if f.asJSON {
		f.output = "json"
	}
	sys, err := openSystem(f, stderr)
	if err != nil {
		return err
	}
	log, opts, err := openLog(f.log, stdin)
	if err != nil {
		return err
	}
	defer log.Close()
	t, err := triage.New(sys, triage.Options{})
	if err != nil {
		return err
	}
	report := t.Read(avc.NewReader(log, opts).Events())
	return write(f.output, sys, report, stdout)
}

func write(output string, sys *sekit.System, report *triage.Report, stdout io.Writer) error {
	switch output {
	case "json":
		enc := json.NewEncoder(stdout)
		enc.SetIndent("", "  ")
		return enc.Encode(report)
	case "te":
		return writeModule(report, stdout)
	case "text":
		p := printer{colour: isTerminal(stdout), sys: sys}
		p.report(report)
		_, err := stdout.Write(p.Bytes())
		return err
	}
	return fmt.Errorf("unknown output %q: want text, json or te", output)
}

// writeModule prints one module with the rules of all findings that nothing
// else cures.
func writeModule(report *triage.Report, stdout io.Writer) error {
	m := module.Module{Name: "local", Comment: []string{"What neither contexts nor ports nor booleans cure."}}
	for _, f := range report.Findings {
		if len(f.Fixes) > 0 && f.Fixes[0].Module != nil {
			m.Rules = append(m.Rules, f.Fixes[0].Module.Rules...)
		}
	}
	text, err := m.TE()
	if errors.Is(err, module.ErrEmpty) {
		_, err = fmt.Fprintln(stdout, "# no module is needed")
		return err
	}
	if err != nil {
		return err
	}
	_, err = stdout.Write(text)
	return err
}

// openSystem chooses the policy: the one asked for, the running system's, or,
// where there is no SELinux, the embedded one.
func openSystem(f flags, stderr io.Writer) (*sekit.System, error) {
	if f.log == "" && f.machine == (machine.Flags{}) {
		return machine.Embedded()
	}
	sys, reason, err := f.machine.Open()
	if reason != nil {
		fmt.Fprintf(stderr, "diagnose: %v here; using the embedded policy (see -policy)\n", reason)
	}
	return sys, err
}

// openLog opens the log. A file is taken to be what the audit daemon wrote;
// what comes by standard input may have been written by anybody.
func openLog(name string, stdin io.Reader) (io.ReadCloser, avc.Options, error) {
	switch name {
	case "":
		opts := avc.Options{Name: "audit.log", Provenance: avc.ProvenanceFile}
		return io.NopCloser(bytes.NewReader(demo.AuditLog())), opts, nil
	case "-":
		return io.NopCloser(stdin), avc.Options{Name: "standard input"}, nil
	}
	file, err := os.Open(name)
	return file, avc.Options{Name: name, Provenance: avc.ProvenanceFile}, err
}
