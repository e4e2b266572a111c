package module

import (
	"bytes"
	"errors"
	"fmt"
	"strings"

	"github.com/sekit/sekit/policy"
)

// FileKind is a kind of file that a file context is for.
type FileKind byte

// The kinds. They are what follows the dash in the text, but for regular files
// (--) and for any kind, which has no field.
const (
	AnyFile     FileKind = 0
	RegularFile FileKind = '-'
	Directory   FileKind = 'd'
	Symlink     FileKind = 'l'
	CharDevice  FileKind = 'c'
	BlockDevice FileKind = 'b'
	NamedPipe   FileKind = 'p'
	Socket      FileKind = 's'
)

func (k FileKind) valid() bool {
	switch k {
	case AnyFile, RegularFile, Directory, Symlink, CharDevice, BlockDevice, NamedPipe, Socket:
		return true
	}
	return false
}

// FileContext is one statement of a module's .fc: which context files get whose
// path matches a regular expression.
type FileContext struct {
	// Regexp is matched against the whole path. It is libselinux's (PCRE), and
	// may begin with HOME_DIR or HOME_ROOT, which stand for users' homes.
	Regexp string
	Kind   FileKind
	// Context is the zero Context for files that keep theirs (<<none>>).
	Context policy.Context
}

const noContext = "<<none>>"

// String returns the statement as it stands in a .fc, with tabs between.
func (f FileContext) String() string {
	context := noContext
	if f.Context.IsValid() {
		context = f.Context.String()
	}
	if f.Kind == AnyFile {
		return f.Regexp + "\t" + context
	}
	return f.Regexp + "\t-" + string(rune(f.Kind)) + "\t" + context
}

// check says what is wrong with the statement.
func (f *FileContext) check() error {
	switch {
	case f.Regexp == "":
		return errors.New("no path")
	case f.Regexp[0] == '#':
		return errors.New("a path that is a comment")
	case !f.Kind.valid():
		return fmt.Errorf("unknown kind of file %q", rune(f.Kind))
	}
	for i := range len(f.Regexp) {
		if c := f.Regexp[i]; c <= ' ' || c == 0x7f {
			return fmt.Errorf("the path %.80q has white space or a control character", f.Regexp)
		}
	}
	return nil
}

// FormatFC writes file contexts as a module's .fc, for [PPOptions].
func FormatFC(list []FileContext) ([]byte, error) {
	var b []byte
	for i := range list {
		if err := list[i].check(); err != nil {
			return nil, fmt.Errorf("file context %d: %w", i, err)
		}
		b = append(append(b, list[i].String()...), '\n')
	}
	return b, nil
}

// ParseFC reads a module's .fc as semodule_package takes it: file contexts with
// whole contexts, as gen_context has been expanded. File is its name, for
// errors, which are a [*ParseError].
func ParseFC(file string, data []byte) ([]FileContext, error) {
	if len(data) > maxText {
		return nil, fmt.Errorf("%s: a text of %d bytes", file, len(data))
	}
	var out []FileContext
	line := 0
	for text := range bytes.Lines(data) {
		line++
		f, column, err := parseFileContext(string(text))
		if err != nil {
			return nil, &ParseError{Pos{file, line, column + 1}, err}
		}
		if f != nil {
			out = append(out, *f)
		}
	}
	return out, nil
}

// parseFileContext reads a line; an empty one and a comment give none. Column
// is where what is wrong begins.
func parseFileContext(line string) (f *FileContext, column int, err error) {
	var fields [4]string
	var starts [4]int
	n, i := 0, 0
	for {
		for i < len(line) && isSpace(line[i]) {
			i++
		}
		if i == len(line) || n == 0 && line[i] == '#' {
			break
		}
		if n == 3 {
			return nil, i, &SyntaxError{Expected: "the end of the line", Found: fmt.Sprintf("%.40q", strings.TrimSpace(line[i:]))}
		}
		starts[n] = i
		for i < len(line) && !isSpace(line[i]) {
			i++
		}
		fields[n] = line[starts[n]:i]
		n++
	}
	switch n {
	case 0:
		return nil, 0, nil
	case 1:
		return nil, i, &SyntaxError{Expected: "a kind of file or a context", Found: "the end of the line"}
	}
	f = &FileContext{Regexp: fields[0]}
	if n == 3 {
		if len(fields[1]) != 2 || fields[1][0] != '-' || !FileKind(fields[1][1]).valid() {
			return nil, starts[1], &SyntaxError{Expected: "a kind of file: --, -d, -l, -c, -b, -p or -s", Found: fmt.Sprintf("%.40q", fields[1])}
		}
		f.Kind = FileKind(fields[1][1])
	}
	if err := f.check(); err != nil {
		return nil, starts[0], err
	}
	if context := fields[n-1]; context != noContext {
		if f.Context, err = policy.ParseContext(context); err != nil {
			return nil, starts[n-1], err
		}
	}
	return f, 0, nil
}
