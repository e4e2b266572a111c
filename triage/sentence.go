package triage

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// sentence is fmt.Sprintf for text that people read. Names in it come from a
// log: a newline would end the line that it is meant to be, and a terminal
// obeys control bytes.
func sentence(format string, args ...any) string {
	for i, arg := range args {
		if s, ok := arg.(string); ok {
			args[i] = shown(s)
		}
	}
	return fmt.Sprintf(format, args...)
}

// shown returns a name as it is, or quoted as a Go string if it holds what can't
// be printed: control bytes, characters that steer the direction of text, or
// what is no UTF-8.
func shown(name string) string {
	unprintable := func(r rune) bool { return !strconv.IsPrint(r) }
	if utf8.ValidString(name) && !strings.ContainsFunc(name, unprintable) {
		return name
	}
	return strconv.Quote(name)
}
