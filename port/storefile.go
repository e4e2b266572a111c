package port

import (
	"errors"
	"fmt"

	"github.com/sekit/sekit/internal/managed"
)

// ParseError says where a file of local records can't be read.
type ParseError struct {
	File string // as given
	Line int    // from 1
	Text string // the line, cut if it is long
	Err  error
}

func (e *ParseError) Error() string {
	return fmt.Sprintf("%s:%d: %v in %q", e.File, e.Line, e.Err, e.Text)
}

// Unwrap returns what is wrong.
func (e *ParseError) Unwrap() error { return e.Err }

// ParseLocal reads the contents of libsemanage's ports.local; name is for
// errors, which are a [*ParseError]. It takes what libsemanage takes
// (ports_file.c): portcon statements, separated by any white space, with
// comment lines in between. Protocols may be in upper case. A port beyond
// 65535, which no policy could hold, and a reversed range are errors.
func ParseLocal(name string, data []byte) ([]Record, error) {
	ports, err := managed.ParsePorts(name, data)
	if err != nil {
		var pe *managed.ParseError
		if errors.As(err, &pe) {
			err = (*ParseError)(pe)
		}
		return nil, err
	}
	var out []Record
	for _, p := range ports {
		out = append(out, Record{Key{p.Protocol, p.Low, p.High}, p.Context})
	}
	return out, nil
}

// FormatLocal writes records as libsemanage's ports.local has them, byte for
// byte (database_file.c, ports_file.c).
func FormatLocal(records []Record) []byte {
	ports := make([]managed.Port, len(records))
	for i, r := range records {
		ports[i] = managed.Port{Protocol: r.Protocol, Low: r.Low, High: r.High, Context: r.Context}
	}
	return managed.FormatPorts(ports)
}

// ApplyFile makes changes in the contents of a ports.local, as [Apply] does;
// name is for errors.
func ApplyFile(name string, data []byte, changes ...Change) ([]byte, error) {
	local, err := ParseLocal(name, data)
	if err != nil {
		return nil, err
	}
	if local, err = Apply(local, changes...); err != nil {
		return nil, err
	}
	return FormatLocal(local), nil
}
