// Watch prints denials as they happen, one line each: what was denied, and the
// fix that gives away least, or why there is none.
//
//	watch                          the running kernel; needs CAP_AUDIT_READ, also of the policy
//	watch -follow /var/log/audit/audit.log
//	watch -kmsg                    the kernel's log, where no audit daemon runs
//	journalctl -f -o export | watch -
//
// -policy, -contexts, -ports and -root name another machine's SELinux, as in
// diagnose, which says more about each denial.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"iter"
	"os"
	"os/signal"
	"strings"

	"github.com/sekit/sekit/avc"
	"github.com/sekit/sekit/examples/internal/machine"
	"github.com/sekit/sekit/triage"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			os.Exit(2)
		}
		fmt.Fprintln(os.Stderr, "watch:", machine.Printable(err.Error()))
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) error {
	w := watcher{stdout: stdout, stderr: stderr}
	set := flag.NewFlagSet("watch", flag.ContinueOnError)
	set.SetOutput(stderr)
	w.machine.Register(set)
	follow := set.String("follow", "", "read the log `file`, and go on as it grows and is rotated")
	kmsg := set.Bool("kmsg", false, "read the kernel's log")
	if set.Parse(args) != nil {
		return flag.ErrHelp
	}
	var src avc.Source
	var err error
	switch {
	case *follow != "" && !*kmsg && set.NArg() == 0:
		src = avc.NewFiles(avc.FilesOptions{Follow: true, Provenance: avc.ProvenanceFile}, *follow)
	case *kmsg && *follow == "" && set.NArg() == 0:
		src, err = avc.OpenKmsg(avc.KmsgOptions{Follow: true})
	case *follow != "" || *kmsg || set.NArg() > 1 || set.NArg() == 1 && set.Arg(0) != "-":
		return errors.New("one source at a time: -follow FILE, -kmsg, - for standard input, or nothing for the kernel")
	case set.NArg() == 1:
		src = avc.NewStream(stdin, avc.StreamOptions{Name: "standard input"})
	default:
		src, err = avc.OpenKernel()
	}
	if err != nil {
		return err
	}
	defer src.Close()
	return w.watch(ctx, src)
}

// watcher explains what a source gives.
type watcher struct {
	machine        machine.Flags
	stdout, stderr io.Writer
	triage         *triage.Triage
}

// watch ends when the source does or ctx is done.
func (w *watcher) watch(ctx context.Context, src avc.Source) error {
	if err := w.open(); err != nil {
		return err
	}
	r := avc.NewSourceReader(ctx, src, avc.Options{})
	lost := uint64(0)
	for e, err := range r.Events() {
		if now := r.Stats().Lost; now > lost {
			fmt.Fprintf(w.stderr, "watch: at least %d records were lost\n", now-lost)
			lost = now
		}
		var unread *avc.ParseError
		switch {
		case ctx.Err() != nil && errors.Is(err, ctx.Err()):
			return nil
		case errors.As(err, &unread):
			fmt.Fprintln(w.stderr, "watch:", machine.Printable(err.Error()))
			continue
		case err != nil:
			return err
		}
		if err := w.event(e); err != nil {
			return err
		}
	}
	return nil
}

// open reads the machine's SELinux, at the start and whenever it changed.
func (w *watcher) open() error {
	sys, reason, err := w.machine.Open()
	if err != nil {
		return err
	}
	if reason != nil {
		fmt.Fprintf(w.stderr, "watch: %v here; using the embedded policy (see -policy)\n", reason)
	}
	w.triage, err = triage.New(sys, triage.Options{})
	return err
}

func (w *watcher) event(e *avc.Event) error {
	one := func(yield func(*avc.Event, error) bool) { yield(e, nil) }
	report := w.triage.Read(iter.Seq2[*avc.Event, error](one))
	for i := range report.Findings {
		if _, err := fmt.Fprintln(w.stdout, machine.Printable(line(&report.Findings[i]))); err != nil {
			return err
		}
	}
	for _, f := range report.Failures {
		why := strings.Join(f.Why, "; ")
		fmt.Fprintln(w.stdout, machine.Printable(fmt.Sprintf("%s SELINUX_ERR %s (%s): %s", clock(e), f.Failure.Op, f.Failure.Comm, why)))
	}
	for _, c := range e.Changes {
		if c.Kind == avc.ChangePolicyLoad || c.Kind == avc.ChangeBoolean {
			return w.open()
		}
	}
	return nil
}

func clock(e *avc.Event) string { return e.ID.Time.Format("15:04:05") }

// line says a finding in one line.
func line(f *triage.Finding) string {
	verdict := f.Denial.Verdict.String()
	if f.Permissive {
		verdict += " (permissive)"
	}
	a := f.Access
	s := fmt.Sprintf("%s %s %s on %s (%s): %s -> %s: ", f.Denial.ID.Time.Format("15:04:05"), verdict,
		strings.Join(a.Permissions, ","), f.Object, f.Denial.Comm, a.Source.Type(), a.Target.Type())
	switch {
	case len(f.Fixes) > 0:
		fix := f.Fixes[0]
		s += fmt.Sprintf("%s: %s", fix.Kind, fix.Summary)
		if fix.Exposure.Tuples > 0 {
			s += fmt.Sprintf(" (opens %d)", fix.Exposure.Tuples)
		}
		if fix.Module == nil { // a module's text takes more than a line: see diagnose
			for _, c := range fix.Commands {
				s += "; " + c.String()
			}
		}
		return s
	case f.Status == triage.Open:
		s += "no proven fix"
	default:
		s += f.Status.String()
	}
	if len(f.Why) > 0 {
		s += ": " + f.Why[0]
	}
	return s
}
