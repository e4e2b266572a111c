package module

import (
	"fmt"
	"strings"

	"github.com/sekit/sekit/policy"
)

// fileKinds are the words that CIL has for kinds of files.
var fileKinds = [...]struct {
	word string
	kind FileKind
}{{"any", AnyFile}, {"file", RegularFile}, {"dir", Directory}, {"symlink", Symlink}, {"char", CharDevice},
	{"block", BlockDevice}, {"pipe", NamedPipe}, {"socket", Socket}}

// FormatFilecon writes file contexts in CIL, to stand after [Module.CIL]: CIL
// has no .fc beside it.
func FormatFilecon(list []FileContext) ([]byte, error) {
	var b []byte
	for i := range list {
		f := &list[i]
		if err := f.check(); err != nil {
			return nil, fmt.Errorf("file context %d: %w", i, err)
		}
		if strings.Contains(f.Regexp, `"`) {
			return nil, fmt.Errorf("file context %d: %w", i, &UnsupportedError{"a quote in a path in CIL"})
		}
		context := "()"
		if c := f.Context; c.IsValid() {
			for kind, name := range map[string]string{"user": c.User(), "role": c.Role(), "type": c.Type()} {
				if err := checkName(kind, name); err != nil {
					return nil, fmt.Errorf("file context %d: %w", i, err)
				}
			}
			text, err := cilContextRange(c.Range())
			if err != nil {
				return nil, fmt.Errorf("file context %d: %w", i, err)
			}
			context = "(" + c.User() + " " + c.Role() + " " + c.Type() + " " + text + ")"
		}
		for _, k := range fileKinds {
			if k.kind == f.Kind {
				b = fmt.Appendf(b, "(filecon \"%s\" %s %s)\n", f.Regexp, k.word, context)
			}
		}
	}
	return b, nil
}

// cilContextRange turns the range of a context into CIL. A context of a policy
// without multi-level security has s0 there, as pp does.
func cilContextRange(text string) (string, error) {
	if text == "" {
		text = "s0"
	}
	low, high, ok := strings.Cut(text, "-")
	if !ok {
		high = low
	}
	var r Range
	for _, l := range []struct {
		text string
		to   *Level
	}{{low, &r.Low}, {high, &r.High}} {
		sensitivity, categories, some := strings.Cut(l.text, ":")
		l.to.Sensitivity = sensitivity
		names := []string{sensitivity}
		if some {
			for c := range strings.SplitSeq(categories, ",") {
				first, last, isRange := strings.Cut(c, ".")
				if !isRange {
					last = first
				}
				l.to.Categories = append(l.to.Categories, CategoryRange{first, last})
				names = append(names, first, last)
			}
		}
		for _, n := range names {
			if err := checkName("level", n); err != nil {
				return "", err
			}
		}
	}
	return cilRange(&r), nil
}

// filecon reads a file context.
func (s *cilStatement) filecon() error {
	const what = "path kind (user role type ((sensitivity …) (sensitivity …)))"
	if len(s.args) != 3 || s.args[0].isList() || s.args[1].isList() || !s.args[2].isList() {
		return s.want(what)
	}
	f := FileContext{Regexp: s.args[0].symbol}
	known := false
	for _, k := range fileKinds {
		if k.word == s.args[1].symbol {
			f.Kind, known = k.kind, true
		}
	}
	if !known {
		return &ParseError{s.args[1].pos, &SyntaxError{Expected: "a kind of file", Found: fmt.Sprintf("%.40q", s.args[1].symbol)}}
	}
	if x := s.args[2].list; len(x) > 0 {
		if len(x) != 4 || x[0].isList() || x[1].isList() || x[2].isList() {
			return s.want(what)
		}
		r, err := rangeOf(&x[3])
		if err != nil {
			return err
		}
		text := x[0].symbol + ":" + x[1].symbol + ":" + x[2].symbol + ":" + r.Low.String()
		if !r.High.isZero() {
			text += "-" + r.High.String()
		}
		if f.Context, err = policy.ParseContext(text); err != nil {
			return err
		}
	}
	if err := f.check(); err != nil {
		return err
	}
	s.contexts = append(s.contexts, f)
	return nil
}
