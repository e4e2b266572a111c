package m4

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// maxExpressions bounds how many compiled expressions are kept.
const maxExpressions = 16

// search is m4's regexp(string, expression, replacement): what the replacement
// comes to with the first match, or without one the match's position or -1.
func search(p *Processor, args []string) (string, error) {
	if len(args) < 3 {
		return "0", nil
	}
	re := p.expressions[args[2]]
	if re == nil {
		var err error
		if re, err = compile(args[2]); err != nil {
			return "", err
		}
		if p.expressions == nil {
			p.expressions = make(map[string]*regexp.Regexp)
		}
		if len(p.expressions) < maxExpressions {
			p.expressions[args[2]] = re
		}
	}
	text := args[1]
	m := re.FindStringSubmatchIndex(text)
	if len(args) == 3 {
		if m == nil {
			return "-1", nil
		}
		return strconv.Itoa(m[0]), nil
	}
	if m == nil {
		return "", nil
	}
	var b strings.Builder
	with := args[3]
	for i := 0; i < len(with); i++ {
		if with[i] != '\\' || i+1 == len(with) {
			b.WriteByte(with[i])
			continue
		}
		i++
		group := -1
		switch c := with[i]; {
		case c == '&':
			group = 0
		case c >= '0' && c <= '9':
			group = int(c - '0')
		default:
			b.WriteByte(c)
		}
		if group >= 0 && 2*group < len(m) && m[2*group] >= 0 {
			b.WriteString(text[m[2*group]:m[2*group+1]])
		}
	}
	return b.String(), nil
}

// compile turns an expression in the syntax of Emacs, in which \( \) and \|
// have their meaning and ( ) | { } have none, into one of Go's. What is not
// translated is an [*UnsupportedError].
func compile(expression string) (*regexp.Regexp, error) {
	if len(expression) > 1000 {
		return nil, fmt.Errorf("regular expression: %w", ErrLimit)
	}
	var b strings.Builder
	for i := 0; i < len(expression); i++ {
		c := expression[i]
		switch c {
		case '(', ')', '|', '{', '}':
			b.WriteString(`\` + string(c))
			continue
		case '[':
			return nil, &UnsupportedError{"regexp with brackets"}
		case '\\':
		default:
			b.WriteByte(c)
			continue
		}
		if i++; i == len(expression) {
			return nil, &UnsupportedError{"regexp that ends with a backslash"}
		}
		switch c := expression[i]; c {
		case '(', ')', '|':
			b.WriteByte(c)
		case 'w':
			b.WriteString(`[0-9A-Za-z_]`)
		case 'W':
			b.WriteString(`[^0-9A-Za-z_]`)
		case '.', '*', '+', '?', '^', '$', '\\':
			b.WriteString(`\` + string(c))
		default:
			return nil, &UnsupportedError{fmt.Sprintf("regexp with \\%c", c)}
		}
	}
	re, err := regexp.CompilePOSIX(b.String())
	if err != nil {
		return nil, fmt.Errorf("regular expression %q: %w", expression, err)
	}
	return re, nil
}
