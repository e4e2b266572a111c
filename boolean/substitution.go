package boolean

import (
	"strings"

	"github.com/sekit/sekit/policy"
)

// Substitutions are former names of booleans with those that they have now:
// booleans.subs_dist of a policy.
type Substitutions map[string]string

// ParseSubstitutions reads booleans.subs_dist as libselinux does
// (selinux_boolean_sub): a former name and a name on a line, separated by white
// space; lines that begin with '#' are comments. Of a name that is there twice
// the first line counts. What is no name is passed over: no boolean is called
// so.
func ParseSubstitutions(data []byte) Substitutions {
	out := make(Substitutions)
	for line := range strings.Lines(string(data)) {
		words := strings.Fields(line)
		if len(words) < 2 || strings.HasPrefix(words[0], "#") || !policy.ValidName(words[0]) || !policy.ValidName(words[1]) {
			continue
		}
		if _, ok := out[words[0]]; !ok {
			out[words[0]] = words[1]
		}
	}
	return out
}

// Name returns the name that a boolean has now.
func (s Substitutions) Name(name string) string {
	if now, ok := s[name]; ok {
		return now
	}
	return name
}

// WithSubstitutions returns the table that also knows booleans by their former
// names, where one looks them up or plans changes.
func (t *Table) WithSubstitutions(s Substitutions) *Table {
	out := *t
	out.subs = s
	return &out
}
