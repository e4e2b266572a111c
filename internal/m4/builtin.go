package m4

import (
	"fmt"
	"strconv"
	"strings"
)

// builtin is a macro that m4 brings. A blind one is a plain word where no
// arguments follow.
type builtin struct {
	blind  bool
	expand func(p *Processor, args []string) (string, error)
}

// builtins returns those of GNU m4. It is a function and not a variable: what it
// holds can't be changed from elsewhere.
func builtins() map[string]*builtin {
	out := map[string]*builtin{
		"__file__":    {false, func(p *Processor, _ []string) (string, error) { return "`" + p.position().File + "'", nil }},
		"__line__":    {false, func(p *Processor, _ []string) (string, error) { return strconv.Itoa(int(p.in.at.line)), nil }},
		"__program__": {false, func(*Processor, []string) (string, error) { return "m4", nil }},
		"__gnu__":     {false, func(*Processor, []string) (string, error) { return "", nil }},
		"__unix__":    {false, func(*Processor, []string) (string, error) { return "", nil }},
		"decr":        {true, func(_ *Processor, args []string) (string, error) { return add(args, -1) }},
		"define":      {true, define},
		"divert":      {false, divert},
		"dnl":         {false, func(p *Processor, _ []string) (string, error) { p.in.skipLine(); return "", nil }},
		"errprint":    {true, errprint},
		"ifdef":       {true, ifdef},
		"ifelse":      {true, ifelse},
		"incr":        {true, func(_ *Processor, args []string) (string, error) { return add(args, 1) }},
		"len":         {true, func(_ *Processor, args []string) (string, error) { return strconv.Itoa(len(arg(args, 1))), nil }},
		"m4exit":      {false, func(p *Processor, _ []string) (string, error) { p.exited = true; return "", nil }},
		"popdef":      {true, popdef},
		"pushdef":     {true, pushdef},
		"regexp":      {true, search},
		"shift":       {true, shift},
		"undefine":    {true, undefine},
	}
	for _, name := range []string{"builtin", "debugfile", "defn", "esyscmd", "eval", "format", "include", "index", "indir",
		"m4wrap", "maketemp", "mkstemp", "patsubst", "sinclude", "substr", "syscmd", "translit"} {
		out[name] = unsupported(name, true)
	}
	for _, name := range []string{"changecom", "changequote", "debugmode", "divnum", "dumpdef", "sysval", "traceoff", "traceon", "undivert"} {
		out[name] = unsupported(name, false)
	}
	return out
}

func unsupported(name string, blind bool) *builtin {
	return &builtin{blind, func(*Processor, []string) (string, error) { return "", &UnsupportedError{name} }}
}

// arg returns an argument, empty if it is not there.
func arg(args []string, n int) string {
	if n < len(args) {
		return args[n]
	}
	return ""
}

func define(p *Processor, args []string) (string, error) {
	if arg(args, 1) == "" {
		return "", errNoName
	}
	p.table.set(args[1], &definition{text: strings.Clone(arg(args, 2))})
	return "", nil
}

func pushdef(p *Processor, args []string) (string, error) {
	if arg(args, 1) == "" {
		return "", errNoName
	}
	p.table.push(args[1], &definition{text: arg(args, 2)})
	return "", nil
}

func popdef(p *Processor, args []string) (string, error) {
	for _, name := range args[1:] {
		p.table.pop(name)
	}
	return "", nil
}

func undefine(p *Processor, args []string) (string, error) {
	for _, name := range args[1:] {
		p.table.undefine(name)
	}
	return "", nil
}

func ifdef(p *Processor, args []string) (string, error) {
	if p.table.get(arg(args, 1)) != nil {
		return arg(args, 2), nil
	}
	return arg(args, 3), nil
}

func ifelse(_ *Processor, args []string) (string, error) {
	// Of two or fewer there is nothing to compare.
	for args = args[1:]; len(args) >= 3; args = args[3:] {
		if args[0] == args[1] {
			return args[2], nil
		}
		if len(args) == 4 || len(args) == 5 {
			return args[3], nil
		}
	}
	return "", nil
}

func shift(p *Processor, args []string) (string, error) {
	if len(args) < 3 {
		return "", nil
	}
	p.scratch = appendQuoted(p.scratch[:0], args[2:])
	return p.keep(p.scratch), nil
}

// add is for incr and decr. An empty argument is 0; of what is no number nothing
// comes, as m4 says with a warning.
func add(args []string, n int32) (string, error) {
	s := strings.TrimLeft(arg(args, 1), " \t\n\v\f\r")
	if s == "" {
		s = "0"
	}
	i, err := strconv.ParseInt(s, 10, 32)
	if err != nil {
		return "", nil
	}
	return strconv.Itoa(int(int32(i) + n)), nil
}

func divert(p *Processor, args []string) (string, error) {
	p.diverted = true
	switch strings.TrimSpace(arg(args, 1)) {
	case "", "0":
		p.discard = false
	case "-1":
		p.discard = true
	default:
		return "", &UnsupportedError{"divert other than 0 and -1"}
	}
	return "", nil
}

// maxMessages bounds what errprint collects, in bytes.
const maxMessages = 1 << 20

func errprint(p *Processor, args []string) (string, error) {
	text := strings.Join(args[1:], " ")
	if p.errored += len(text); p.errored > maxMessages {
		return "", fmt.Errorf("messages: %w", ErrLimit)
	}
	p.messages = append(p.messages, strings.TrimSpace(text))
	return "", nil
}
