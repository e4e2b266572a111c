package fcontext

import (
	"errors"
	"fmt"
	"strings"

	"github.com/sekit/sekit/internal/managed"
)

// ParseLocal reads the contents of libsemanage's file_contexts.local; name is
// for errors, which are a [*ParseError]. It takes what libsemanage takes
// (fcontexts_file.c): records of a pattern, perhaps a kind's flag, and a
// context, separated by any white space, newlines included, with comment lines
// in between; but no pattern that begins with '#', which libsemanage would lose
// when it writes it. Otherwise patterns are not checked: what a store has is to be listed, and
// deleted, whatever it is.
func ParseLocal(name string, data []byte) ([]LocalRecord, error) {
	records, err := managed.ParseFcontexts(name, data)
	if err != nil {
		var pe *managed.ParseError
		if errors.As(err, &pe) {
			err = (*ParseError)(pe)
		}
		return nil, err
	}
	var out []LocalRecord
	for _, f := range records {
		kind, _ := kindOfFlag(f.Flag)
		out = append(out, LocalRecord{LocalKey{f.Pattern, kind}, f.Context, !f.Context.IsValid()})
	}
	return out, nil
}

// FormatLocal writes records as libsemanage's file_contexts.local has them,
// byte for byte (database_file.c, fcontexts_file.c).
func FormatLocal(records []LocalRecord) []byte {
	out := make([]managed.Fcontext, len(records))
	for i, r := range records {
		out[i] = managed.Fcontext{Pattern: r.Pattern, Flag: r.Kind.Flag(), Context: r.Context}
	}
	return managed.FormatFcontexts(out)
}

// errTwoFields is what is wrong with a line of file_contexts.subs.
var errTwoFields = errors.New("not a target and a source")

// ParseEquivalences reads the contents of file_contexts.subs; name is for
// errors, which are a [*ParseError]. It takes what semanage takes (seobject.py,
// fcontextRecords): two fields a line, blank lines and comments; of several
// lines with one target the last one counts. libselinux is more tolerant, but
// with a line of one field, or three, no semanage fcontext command works.
func ParseEquivalences(name string, data []byte) ([]Equivalence, error) {
	var out []Equivalence
	number := 0
	for line := range strings.Lines(string(data)) {
		number++
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		err := error(nil)
		f := strings.Fields(line)
		switch {
		case strings.IndexByte(line, 0) >= 0:
			err = ErrNUL
		case len(f) != 2:
			err = errTwoFields
		}
		if err != nil {
			return nil, &ParseError{File: name, Line: number, Text: cutText(line), Err: err}
		}
		out = append(out, Equivalence{f[0], f[1]})
	}
	return uniqueEquivalences(out), nil
}

// FormatEquivalences writes equivalences as semanage writes
// file_contexts.subs, byte for byte: comments that were there are lost.
func FormatEquivalences(equivalences []Equivalence) []byte {
	b := []byte{} // of none, an empty file
	for _, e := range equivalences {
		b = fmt.Appendf(b, "%s %s\n", e.Target, e.Source)
	}
	return b
}
