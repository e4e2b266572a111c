package m4

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// definition is what a name stands for.
type definition struct {
	text    string
	builtin *builtin
	under   *definition // what pushdef has hidden
	err     error       // why there is no text
}

// expand puts the arguments (args[0] is the macro's name) in place of $0, $1, …,
// $#, $* and $@.
func (d *definition) expand(p *Processor, args []string) (string, error) {
	text := d.text
	i := strings.IndexByte(text, '$')
	if i < 0 || i == len(text)-1 {
		return text, nil
	}
	b, limit := p.scratch[:0], p.limits.Work-p.work
	for i >= 0 && i+1 < len(text) {
		b = append(b, text[:i]...)
		c, rest := text[i+1], text[i+1:]
		text = text[i+2:]
		switch {
		case isDigit(c):
			n := int(c - '0')
			for text != "" && isDigit(text[0]) && n < 1<<20 {
				n, text = n*10+int(text[0]-'0'), text[1:]
			}
			if n < len(args) {
				b = append(b, args[n]...)
			}
		case c == '#':
			b = strconv.AppendInt(b, int64(len(args)-1), 10)
		case c == '*':
			b = appendJoined(b, args[1:], ",")
		case c == '@':
			b = appendQuoted(b, args[1:])
		default:
			b = append(b, '$')
			text = rest // in "$$1" the second one counts
		}
		if len(b) > limit {
			return "", fmt.Errorf("work: %w", ErrLimit)
		}
		i = strings.IndexByte(text, '$')
	}
	b = append(b, text...)
	p.scratch = b
	return p.keep(b), nil
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

func appendJoined(b []byte, list []string, between string) []byte {
	for i, s := range list {
		if i > 0 {
			b = append(b, between...)
		}
		b = append(b, s...)
	}
	return b
}

// appendQuoted appends arguments in quotes, joined by commas.
func appendQuoted(b []byte, args []string) []byte {
	if len(args) == 0 {
		return b
	}
	return append(appendJoined(append(b, '`'), args, "',`"), '\'')
}

var errNoName = errors.New("a macro without a name")
