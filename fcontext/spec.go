package fcontext

import (
	"strings"

	"github.com/sekit/sekit/policy"
)

// noneContext is what file_contexts says of files that are not to be labelled.
const noneContext = "<<none>>"

// Spec is an fcontext spec: a line of file_contexts.
type Spec struct {
	Pattern string         `json:"pattern"`          // the regular expression, which has to match the whole path
	Kind    Kind           `json:"kind"`             // the kind of files it is for
	Context policy.Context `json:"context,omitzero"` // the context; not valid if None
	None    bool           `json:"none,omitempty"`   // <<none>>: files that match have no context of the policy's choosing
	File    string         `json:"file,omitempty"`   // the name of the file that it was read from; "" if it was not
	Line    int            `json:"line,omitempty"`   // its line there, the first being 1; 0 if it was not read from a file
}

// String returns the spec as a line of file_contexts, without the newline.
func (s Spec) String() string {
	var b strings.Builder
	b.WriteString(s.Pattern)
	b.WriteByte('\t')
	if f := s.Kind.Flag(); f != "" {
		b.WriteString(f)
		b.WriteByte('\t')
	}
	b.WriteString(s.contextText())
	return b.String()
}

func (s Spec) contextText() string {
	if s.None {
		return noneContext
	}
	return s.Context.String()
}

// ParseSpec reads one line of file_contexts. It returns an error, a
// [*ParseError] without file and line, for a comment or an empty line too.
func ParseSpec(line string) (Spec, error) {
	f, err := splitLine(strings.TrimSuffix(line, "\n"))
	if err == nil && f.pattern == "" {
		err = ErrMissingFields
	}
	if err == nil {
		var s Spec
		if s, err = f.spec(); err == nil {
			return s, nil
		}
	}
	return Spec{}, &ParseError{Text: cutText(line), Err: err}
}

// fields are the parts of a line.
type fields struct {
	pattern string // "" if the line says nothing
	kind    Kind
	context string
}

func (f fields) spec() (Spec, error) {
	s := Spec{Pattern: f.pattern, Kind: f.kind}
	if f.context == noneContext {
		s.None = true
	} else {
		c, err := policy.ParseContext(f.context)
		if err != nil {
			return Spec{}, err
		}
		s.Context = c
	}
	if _, err := checkPattern(s.Pattern); err != nil {
		return Spec{}, err
	}
	return s, nil
}

// splitLine splits a line as libselinux's process_line does: two fields or
// three, anything after the third being ignored, by the blanks of the C locale.
func splitLine(line string) (fields, error) {
	first, rest, err := nextField(line)
	if err != nil || first == "" || first[0] == '#' {
		return fields{}, lineError(line, first, err)
	}
	return splitRest(first, rest)
}

// splitRest splits what follows the first field.
func splitRest(first, rest string) (fields, error) {
	second, rest, err := nextField(rest)
	if err != nil {
		return fields{}, err
	}
	third, _, err := nextField(rest)
	switch {
	case err != nil:
		return fields{}, err
	case second == "":
		return fields{}, ErrMissingFields
	case third == "":
		return fields{pattern: first, context: second}, nil
	}
	kind, ok := kindOfFlag(second)
	if !ok {
		return fields{}, ErrKind
	}
	return fields{pattern: first, kind: kind, context: third}, nil
}

// lineError forgives what is wrong in a comment.
func lineError(line, first string, err error) error {
	if err == nil || first != "" && first[0] == '#' {
		return nil
	}
	return err
}

func isBlank(c byte) bool { return c == ' ' || c >= '\t' && c <= '\r' }

// maxField is the length from which on libselinux refuses a field.
const maxField = 65535

// nextField returns the field that s begins with, after blanks. Beside an
// error it returns what it has of the field.
func nextField(s string) (field, rest string, err error) {
	i := 0
	for i < len(s) && isBlank(s[i]) {
		i++
	}
	start := i
	for i < len(s) && (s[i] > ' ' && s[i] < 0x80 || s[i] > 0 && s[i] < ' ' && !isBlank(s[i])) {
		i++
	}
	field, rest = s[start:i], s[i:]
	switch {
	case rest != "" && rest[0] == 0:
		return field, "", ErrNUL
	case rest != "" && rest[0] >= 0x80:
		return field, "", ErrNotASCII
	case len(field) >= maxField:
		return field, "", ErrTooLong
	}
	return field, rest, nil
}

// rec is a spec as the database keeps it.
type rec struct {
	pattern string
	context int32 // in DB.contexts
	line    int32
	prefix  int32 // patternInfo.prefix
	next    int32 // of a literal spec: the one before with the same text, or -1
	file    int32 // in DB.files
	input   uint8 // which of the files it is from, for precedence
	kind    Kind
	alt     bool // patternInfo.alt
	high    bool // patternInfo.high
	whole   bool // the pattern is literal text from end to end
	literal bool // libselinux takes it for one: it comes before all others
	escaped bool // the pattern has a backslash
}

// inTable reports whether the spec is in DB.literals and not in the trie.
func (r *rec) inTable() bool { return r.whole && r.literal }

func (r *rec) info() patternInfo {
	return patternInfo{prefix: int(r.prefix), alt: r.alt, high: r.high}
}
