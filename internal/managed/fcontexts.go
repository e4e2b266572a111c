package managed

import (
	"errors"
	"strings"

	"github.com/sekit/sekit/policy"
)

// Fcontext is a local record of a file context.
type Fcontext struct {
	Pattern string
	Flag    string         // of the kind of files: --, -d, …; empty for all
	Context policy.Context // not valid for <<none>>
}

const noContext = "<<none>>"

// String returns the record as file_contexts.local has it: two blanks are the
// flag for all kinds.
func (f Fcontext) String() string {
	flag, context := f.Flag, noContext
	if flag == "" {
		flag = "  "
	}
	if f.Context.IsValid() {
		context = f.Context.String()
	}
	return f.Pattern + " " + flag + " " + context
}

// ParseFcontexts reads what libsemanage takes for a file_contexts.local
// (fcontexts_file.c): records of a pattern, perhaps a flag, in capitals, too,
// and a context, separated by any white space, with comment lines in between.
// A pattern that begins with '#', as one after another record may, is an error:
// libsemanage loses it when it writes the file again. Errors are a
// [*ParseError] with the name.
func ParseFcontexts(name string, data []byte) ([]Fcontext, error) {
	return scan(name, data, (*scanner).fcontext)
}

// FormatFcontexts writes a file_contexts.local as libsemanage does, byte for
// byte (database_file.c, fcontexts_file.c).
func FormatFcontexts(records []Fcontext) []byte { return format(records) }

func (s *scanner) fcontext() (Fcontext, error) {
	f := Fcontext{Pattern: s.word("")}
	switch {
	case f.Pattern[0] == '#':
		return Fcontext{}, errors.New("pattern that begins with #")
	case strings.IndexByte(f.Pattern, 0) >= 0:
		return Fcontext{}, errors.New("NUL byte")
	}
	s.skipSpace()
	w := s.word("")
	if flag := strings.ToLower(w); len(flag) == 2 && flag[0] == '-' && strings.IndexByte("-bcdlps", flag[1]) >= 0 {
		f.Flag = flag
		s.skipSpace()
		w = s.word("")
	}
	switch w {
	case "":
		return Fcontext{}, errors.New("no context")
	case noContext:
		return f, nil
	}
	var err error
	if f.Context, err = policy.ParseContext(w); err != nil {
		return Fcontext{}, err
	}
	return f, nil
}
