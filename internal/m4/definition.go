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
}

// expand puts the arguments (args[0] is the macro's name) in place of $0, $1, …,
// $#, $* and $@.
func (d *definition) expand(args []string, limit int) (string, error) {
	text := d.text
	i := strings.IndexByte(text, '$')
	if i < 0 || i == len(text)-1 {
		return text, nil
	}
	var b strings.Builder
	for i >= 0 && i+1 < len(text) {
		b.WriteString(text[:i])
		c, rest := text[i+1], text[i+1:]
		text = text[i+2:]
		switch {
		case c >= '0' && c <= '9':
			n := int(c - '0')
			for text != "" && text[0] >= '0' && text[0] <= '9' && n < 1<<20 {
				n, text = n*10+int(text[0]-'0'), text[1:]
			}
			if n < len(args) {
				b.WriteString(args[n])
			}
		case c == '#':
			b.WriteString(strconv.Itoa(len(args) - 1))
		case c == '*':
			b.WriteString(strings.Join(args[1:], ","))
		case c == '@':
			b.WriteString(quoteAll(args[1:]))
		default:
			b.WriteByte('$')
			text = rest // in "$$1" the second one counts
		}
		if b.Len() > limit {
			return "", fmt.Errorf("work: %w", ErrLimit)
		}
		i = strings.IndexByte(text, '$')
	}
	b.WriteString(text)
	return b.String(), nil
}

// quoteAll returns arguments in quotes, joined by commas.
func quoteAll(args []string) string {
	if len(args) == 0 {
		return ""
	}
	return "`" + strings.Join(args, "',`") + "'"
}

// table holds definitions: its own, and those of a table that does not change
// any more. A nil one is undefined.
type table struct {
	base *table
	own  map[string]*definition
}

func (t *table) get(name string) *definition {
	for ; t != nil; t = t.base {
		if d, ok := t.own[name]; ok {
			return d
		}
	}
	return nil
}

// set replaces the definition of a name, and leaves what it hides.
func (t *table) set(name string, d *definition) {
	if old := t.get(name); old != nil {
		d.under = old.under
	}
	t.own[name] = d
}

func (t *table) push(name string, d *definition) {
	d.under = t.get(name)
	t.own[name] = d
}

func (t *table) pop(name string) {
	if d := t.get(name); d != nil {
		t.own[name] = d.under
	}
}

var errNoName = errors.New("a macro without a name")
