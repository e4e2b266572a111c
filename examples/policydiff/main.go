// Policydiff prints what tells two compiled policies apart, for the review of a
// change:
//
//	policydiff old.33 new.33         components and rules, as the policies have them
//	policydiff -json old.33 new.33   the same for machines
//	policydiff -access old.33 new.33 what that comes to for each pair of types
//
// With -access, -json prints an object a line. It exits with status 1 if they differ, and with 2 on an error, as diff does.
package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"iter"
	"os"
	"strconv"
	"unicode"
	"unicode/utf8"

	"github.com/sekit/sekit/policy"
)

func main() {
	asJSON := flag.Bool("json", false, "print JSON")
	access := flag.Bool("access", false, "expand attributes in access rules, and print nothing else")
	flag.Parse()
	differ, err := run(flag.Args(), *asJSON, *access, os.Stdout)
	switch {
	case err != nil:
		fmt.Fprintln(os.Stderr, "policydiff:", err)
		os.Exit(2)
	case differ:
		os.Exit(1)
	}
}

func run(args []string, asJSON, access bool, out io.Writer) (differ bool, err error) {
	if len(args) != 2 {
		return false, errors.New("which two policies?")
	}
	old, err := policy.Open(args[0])
	if err != nil {
		return false, err
	}
	new, err := policy.Open(args[1])
	if err != nil {
		return false, err
	}
	w := bufio.NewWriter(out)
	defer func() { err = errors.Join(err, w.Flush()) }()
	if access {
		return writeAccess(w, policy.AccessChanges(old, new), asJSON)
	}
	d := policy.Diff(old, new)
	if asJSON {
		enc := json.NewEncoder(w)
		enc.SetIndent("", "  ")
		return !d.IsEmpty(), enc.Encode(d)
	}
	return !d.IsEmpty(), d.WriteText(w)
}

// writeAccess writes a line for each change: there may be millions.
func writeAccess(w io.Writer, changes iter.Seq[policy.AccessChange], asJSON bool) (differ bool, err error) {
	enc := json.NewEncoder(w)
	var line []byte
	for c := range changes {
		differ = true
		if asJSON {
			if err := enc.Encode(c); err != nil {
				return false, err
			}
			continue
		}
		if line, err = c.AppendText(line[:0]); err != nil {
			return false, err
		}
		// The names in a policy are as its maker wanted them: what a terminal
		// might heed is quoted.
		if !utf8.Valid(line) || bytes.ContainsFunc(line, func(r rune) bool { return !unicode.IsPrint(r) }) {
			line = strconv.AppendQuote(nil, string(line))
		}
		if _, err := w.Write(append(line, '\n')); err != nil {
			return false, err
		}
	}
	return differ, nil
}
