package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/sekit/sekit"
	"github.com/sekit/sekit/avc"
	"github.com/sekit/sekit/examples/internal/machine"
	"github.com/sekit/sekit/module"
	"github.com/sekit/sekit/triage"
)

// width is where prose is wrapped.
const width = 100

// printer lays findings out for people.
type printer struct {
	bytes.Buffer
	colour bool
	sys    *sekit.System // that the fixes are planned for
}

func (p *printer) report(r *triage.Report) {
	for i := range r.Findings {
		p.finding(&r.Findings[i])
	}
	for _, f := range r.Failures {
		p.title(avc.Denied, "SELINUX_ERR "+f.Failure.Op, f.Failure.Comm, when(f.Failure.ID.Time, f.Failure.ID.Time))
		for _, c := range contexts(f.Failure) {
			p.field("context", c)
		}
		for _, why := range f.Why {
			p.field("why", why)
		}
		p.WriteByte('\n')
	}
	for _, f := range r.Foreign {
		p.title(avc.Denied, f.Module+" record: not SELinux", "", when(f.ID.Time, f.ID.Time))
		p.field("record", f.Text)
		p.field("why", f.Module+" refused this, or logged it; no SELinux tool changes that")
		p.WriteByte('\n')
	}
	fmt.Fprintf(p, "%s in %s: %s", count(r.Denials, "denial"), count(r.Events, "event"), count(len(r.Findings), "finding"))
	fixed := 0
	for _, f := range r.Findings {
		if len(f.Fixes) > 0 {
			fixed++
		}
	}
	fmt.Fprintf(p, ", %d with a proven fix", fixed)
	if n := len(r.Unread); n > 0 {
		fmt.Fprintf(p, "; %s could not be read:\n", count(n, "record"))
		for _, err := range r.Unread {
			p.field("unread", err.Error())
		}
		return
	}
	p.WriteString("; nothing was left unread\n")
}

// contexts are those that a failure is about.
func contexts(f *avc.Failure) []string {
	switch {
	case f.Invalid != "":
		return []string{f.Invalid}
	case f.Old.IsValid() && f.New.IsValid():
		return []string{f.Old.String() + " -> " + f.New.String()}
	case f.Source.IsValid() && f.Target.IsValid():
		return []string{fmt.Sprintf("%s -> %s, class %s", f.Source, f.Target, f.Class)}
	}
	return nil
}

func (p *printer) finding(f *triage.Finding) {
	d := f.Denial
	who := d.Comm
	if d.Exe != "" && who == "" {
		who = d.Exe
	}
	what := strings.Join(f.Access.Permissions, ", ")
	if f.Object != "" {
		what += " on " + f.Object
	}
	p.title(d.Verdict, what, who, repeated(f))
	p.field("access", fmt.Sprintf("%s -> %s, class %s", f.Access.Source, f.Access.Target, f.Access.Class))
	for _, why := range f.Why {
		p.field("why", why)
	}
	for i, fix := range f.Fixes {
		p.fix(i+1, &fix)
	}
	if f.Status == triage.Open && len(f.Fixes) == 0 {
		p.field("fix", "none that is proven and can be recommended")
	}
	for _, r := range f.Rejected {
		p.field("not", r.Summary+": "+r.Reason)
	}
	for _, n := range f.Notes {
		p.field("note", n.Text)
	}
	p.WriteByte('\n')
}

func (p *printer) fix(n int, f *triage.Fix) {
	price := "opens nothing else"
	if f.Exposure.Tuples > 0 {
		price = fmt.Sprintf("opens %s to %s", count(f.Exposure.Tuples, "access"), count(f.Exposure.Sources, "domain"))
		if f.Exposure.Sources == 0 {
			price = "opens " + count(f.Exposure.Tuples, "access")
		}
	}
	p.line(fmt.Sprintf("fix %d", n), fmt.Sprintf("%s (%s; %s)", p.bold(machine.Printable(f.Summary)), f.Kind, price))
	p.module(f.Module)
	if n == 1 {
		p.plan(f) // of the others their commands say enough
	}
	for _, c := range f.Commands {
		p.command("$", c.String())
	}
	if f.Manual != "" {
		p.field("", f.Manual)
	}
	for _, w := range f.Warnings {
		p.field("", "careful: "+w)
	}
	for _, s := range f.Follows {
		p.field("", "still denied then: "+step(s))
	}
	if len(f.Undo) > 0 {
		var undo []string
		for _, c := range f.Undo {
			undo = append(undo, c.String())
		}
		p.command("undo:", strings.Join(undo, "; "))
	}
}

// module prints the text that the commands take a module from.
func (p *printer) module(m *module.Module) {
	if m == nil {
		return
	}
	text, err := m.CIL()
	if err != nil {
		p.field("", err.Error())
		return
	}
	p.field("", m.Name+".cil:")
	for line := range strings.Lines(string(text)) {
		if line = strings.TrimRight(line, "\n"); line != "" {
			fmt.Fprintf(p, "  %8s     %s\n", "", machine.Printable(strings.ReplaceAll(line, "\t", "    ")))
		}
	}
}

func step(s triage.Step) string {
	text := strings.Join(s.Access.Permissions, ", ") + " on " + s.Access.Class
	if s.Path != "" {
		text += " " + s.Path
	}
	return text
}

// command prints a command line, which is never wrapped. Its quoting leaves
// nothing that a terminal would obey.
func (p *printer) command(sign, c string) {
	fmt.Fprintf(p, "  %8s   %s %s\n", "", sign, p.dim(c))
}

func (p *printer) title(v avc.Verdict, what, who, when string) {
	text := strings.ToUpper(v.String()) + " " + what
	if who != "" {
		text += "  (" + who + ")"
	}
	fmt.Fprintln(p, p.paint("1;31", machine.Printable(text)), p.dim(machine.Printable(when)))
}

func repeated(f *triage.Finding) string {
	s := when(f.First, f.Last)
	if f.Count > 1 {
		s = fmt.Sprintf("%d times, %s", f.Count, s)
	}
	if f.Permissive {
		s += ", permissive"
	}
	return s
}

func when(first, last time.Time) string {
	const layout = "2006-01-02 15:04:05"
	switch {
	case first.IsZero():
		return "time unknown"
	case last.Sub(first) < time.Second:
		return first.Format(layout)
	}
	return first.Format(layout) + " to " + last.Format(layout)
}

func count(n int, what string) string {
	switch {
	case n == 1:
		return "1 " + what
	case strings.HasSuffix(what, "s"):
		return fmt.Sprintf("%d %ses", n, what)
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// field prints a name and its text, made safe.
func (p *printer) field(name, text string) { p.line(name, machine.Printable(text)) }

// line prints a name and its text, wrapped at blanks.
func (p *printer) line(name, text string) {
	line := fmt.Sprintf("  %8s  ", name)
	indent := strings.Repeat(" ", len(line))
	length := len(line)
	for i, word := range strings.Fields(text) {
		if i > 0 && length+1+len(word) > width {
			p.WriteString(line + "\n")
			line, length = indent, len(indent)
		}
		line += " " + word
		length += 1 + len(word)
	}
	p.WriteString(line + "\n")
}

func (p *printer) paint(code, s string) string {
	if !p.colour {
		return s
	}
	return "\x1b[" + code + "m" + s + "\x1b[0m"
}

func (p *printer) bold(s string) string { return p.paint("1", s) }
func (p *printer) dim(s string) string  { return p.paint("2", s) }

// isTerminal reports whether w is a terminal that wants colour.
func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok || os.Getenv("NO_COLOR") != "" || os.Getenv("TERM") == "dumb" {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}
