// The program summary shows what a log holds: which domains were denied what,
// how often and when. It reads text of any form.
//
//	summary audit.log
//	summary -rotated /var/log/audit/audit.log
//	journalctl -o export | summary -
//	summary -json audit.log            # to merge with other hosts'
//	summary -merge host1.json host2.json
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/sekit/sekit/avc"
)

func main() {
	if err := run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr); err != nil {
		if !errors.Is(err, flag.ErrHelp) {
			fmt.Fprintln(os.Stderr, "summary:", err)
		}
		os.Exit(1)
	}
}

func run(args []string, stdin io.Reader, stdout, stderr io.Writer) error {
	flags := flag.NewFlagSet("summary", flag.ContinueOnError)
	flags.SetOutput(stderr)
	asJSON := flags.Bool("json", false, "write the summary as JSON")
	merge := flags.Bool("merge", false, "the arguments are summaries in JSON")
	rotated := flags.Bool("rotated", false, "read the rotated files of each log too, the oldest first")
	var pick avc.Selection
	list(flags, "domain", "only these `types` of the source, such as httpd_t,nginx_*", &pick.Sources)
	list(flags, "target", "only these `types` of the target", &pick.Targets)
	list(flags, "class", "only these `classes`", &pick.Classes)
	list(flags, "comm", "only these `commands`", &pick.Comms)
	since := flags.Duration("since", 0, "only the last `time`, such as 24h")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if *since > 0 {
		pick.Since = time.Now().Add(-*since)
	}
	if flags.NArg() == 0 {
		return errors.New("no input: name a log, or - for standard input")
	}
	var sum avc.Summary
	for _, name := range flags.Args() {
		var err error
		switch {
		case *merge:
			err = mergeFile(&sum, name)
		case name == "-":
			err = add(&sum, &pick, avc.NewReader(stdin, avc.Options{Name: "standard input", Reuse: true}), stderr)
		default:
			err = addFiles(&sum, &pick, name, *rotated, stderr)
		}
		if err != nil {
			return err
		}
	}
	if *asJSON {
		return json.NewEncoder(stdout).Encode(&sum)
	}
	return table(stdout, &sum)
}

// list adds a flag that holds words parted by commas.
func list(flags *flag.FlagSet, name, usage string, to *[]string) {
	flags.Func(name, usage, func(s string) error {
		*to = append(*to, strings.Split(s, ",")...)
		return nil
	})
}

func addFiles(sum *avc.Summary, pick *avc.Selection, name string, rotated bool, stderr io.Writer) error {
	names := []string{name}
	if rotated {
		var err error
		if names, err = avc.LogFiles(nil, name); err != nil {
			return err
		}
	}
	src := avc.NewFiles(avc.FilesOptions{}, names...)
	defer src.Close()
	return add(sum, pick, avc.NewSourceReader(context.Background(), src, avc.Options{Reuse: true}), stderr)
}

func add(sum *avc.Summary, pick *avc.Selection, r *avc.Reader, stderr io.Writer) error {
	for d, err := range r.Denials() {
		var unread *avc.ParseError
		switch {
		case errors.As(err, &unread):
			fmt.Fprintln(stderr, "summary: unread:", err)
		case err != nil:
			return err
		case pick.Match(d):
			sum.Add(d)
		}
	}
	return nil
}

func mergeFile(sum *avc.Summary, name string) error {
	b, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	var part avc.Summary
	if err := json.Unmarshal(b, &part); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	sum.Merge(&part)
	return nil
}

func table(out io.Writer, sum *avc.Summary) error {
	w := tabwriter.NewWriter(out, 0, 8, 2, ' ', 0)
	fmt.Fprintln(w, "COUNT\tSOURCE\tPERMISSIONS\tTARGET\tCLASS\tLAST\tON")
	for _, g := range sum.Groups() {
		last := "-"
		if !g.Last.IsZero() {
			last = g.Last.UTC().Format(time.DateTime)
		}
		mark := ""
		if g.Verdict == avc.Granted {
			mark = "granted "
		} else if g.Permissive > 0 && g.Enforced == 0 {
			mark = "permissive "
		}
		// Names from a log may hold control bytes: %q keeps them off the terminal.
		fmt.Fprintf(w, "%d\t%s\t%s%s\t%s\t%s\t%s\t%s\n", g.Count, printable(g.Source), mark, printable(g.Permissions),
			printable(g.Target), printable(g.Class), last, objects(&g))
	}
	return w.Flush()
}

// objects names the first of the paths or ports, and how many more there are.
func objects(g *avc.Group) string {
	l := g.Paths
	if len(g.Ports) > 0 {
		l = g.Ports
	}
	switch len(l) {
	case 0:
		return "-"
	case 1:
		return printable(l[0].Value)
	}
	return fmt.Sprintf("%s and %d more", printable(l[0].Value), len(l)-1)
}

// printable quotes a string from a log unless it is plain.
func printable(s string) string {
	for _, c := range s {
		if c <= ' ' || c == 0x7f || c == '"' || c == '\\' || c > 0x7e {
			return fmt.Sprintf("%q", s)
		}
	}
	return s
}
