package managed

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/sekit/sekit/policy"
)

// BooleansFile is the store's file of local booleans.
const BooleansFile = "booleans.local"

// Boolean is a local record of a boolean.
type Boolean struct {
	Name string
	On   bool
}

// String returns the record as booleans.local has it: NAME=1.
func (b Boolean) String() string {
	if b.On {
		return b.Name + "=1"
	}
	return b.Name + "=0"
}

// ParseBooleans reads what libsemanage takes for a booleans.local
// (booleans_file.c): NAME=VALUE, the value 1, 0, true or false, separated by any
// white space, with comment lines in between. A name that is none is an error,
// a [*ParseError]; of a boolean that is there twice the last value counts, in
// the first one's place.
func ParseBooleans(name string, data []byte) ([]Boolean, error) {
	all, err := scan(name, data, (*scanner).boolean)
	index := make(map[string]int, len(all))
	var out []Boolean
	for _, b := range all {
		if i, ok := index[b.Name]; ok {
			out[i] = b
			continue
		}
		index[b.Name] = len(out)
		out = append(out, b)
	}
	return out, err
}

// FormatBooleans writes a booleans.local as libsemanage does, byte for byte
// (database_file.c, booleans_file.c).
func FormatBooleans(booleans []Boolean) []byte { return format(booleans) }

func (s *scanner) boolean() (Boolean, error) {
	b := Boolean{Name: s.word("=")}
	if !policy.ValidName(b.Name) {
		return Boolean{}, errors.New("not a boolean's name")
	}
	if !s.skipSpace() || s.line[0] != '=' {
		return Boolean{}, errors.New("missing '='")
	}
	s.line = s.line[1:]
	if !s.skipSpace() {
		return Boolean{}, errors.New("missing value")
	}
	var err error
	if b.On, err = s.truth(); err != nil {
		return Boolean{}, err
	}
	return b, s.separated()
}

func (s *scanner) truth() (bool, error) {
	for i, word := range []string{"true", "TRUE", "false", "FALSE"} {
		if rest, ok := strings.CutPrefix(s.line, word); ok {
			s.line = rest
			return i < 2, nil
		}
	}
	w := s.word("")
	v, err := strconv.ParseUint(w, 10, 32)
	if err != nil || v > 1 {
		return false, fmt.Errorf("value %q is none of 0, 1, true and false", clip(w))
	}
	return v == 1, nil
}
