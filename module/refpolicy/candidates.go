package refpolicy

import (
	"fmt"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/sekit/sekit/module"
	"github.com/sekit/sekit/policy"
)

const (
	// maxCalls bounds how many calls are tried for one access.
	maxCalls = 5000
	// maxExpansion bounds what an interface comes to; the largest of Debian's
	// comes to 36 kB.
	maxExpansion = 1 << 20
	// maxArguments is how many an interface has at most that is tried, and
	// maxChoices how many ways to give them are.
	maxArguments, maxChoices = 5, 16
)

// suggestedCall is a call of an interface that may cure an access.
type suggestedCall struct {
	of   *undocumented
	args []string
	// Requirements are what the arguments are.
	requirements string
}

func (c suggestedCall) String() string { return c.of.Name + "(" + strings.Join(c.args, ", ") + ")" }

// index is what interfaces come to, by the words that are in it.
type index struct {
	once     sync.Once
	of       []indexed
	words    map[string][]int32 // interfaces by their words, ascending
	classes  map[string]string  // requirements of the frame, by name
	others   map[string]string
	hasFrame bool
}

// indexed is an interface with its arguments.
type indexed struct {
	*undocumented
	arguments []argument
}

// argumentKind is what an argument is the name of.
type argumentKind uint8

const (
	unusedArgument argumentKind = iota
	typeArgument
	prefixArgument // of names
	fileArgument
	classArgument
	roleArgument
)

type argument struct {
	kind argumentKind
	// around are the parts of names before and behind a prefix.
	around [][2]string
}

// placeholder stands for an argument where the index is made.
const placeholder = "sekit_argument"

// build expands all interfaces.
func (x *index) build(h *Headers) {
	all := h.interfaces()
	for i := range all {
		if !all[i].Template {
			x.of = append(x.of, indexed{undocumented: &all[i]})
		}
	}
	words := make([][]string, len(x.of))
	var wait sync.WaitGroup
	workers := runtime.GOMAXPROCS(0)
	for w := range workers {
		wait.Go(func() {
			for i := w; i < len(x.of); i += workers {
				words[i] = x.of[i].expand(h)
			}
		})
	}
	wait.Wait()
	x.words = make(map[string][]int32)
	for i, list := range words {
		for _, word := range list {
			l := x.words[word]
			if l == nil {
				word = strings.Clone(word) // and not all of the text
			}
			x.words[word] = append(l, int32(i))
		}
	}
	x.classes, x.others = make(map[string]string), make(map[string]string)
	frame := h.frame()
	m, err := module.ParseTE("", []byte(frame+"\nrequire { type t; }\n"))
	if x.hasFrame = frame != "" && err == nil; !x.hasFrame {
		return
	}
	for _, s := range m.Statements {
		r, ok := s.(*module.Require)
		if !ok {
			continue
		}
		for _, symbol := range r.Symbols {
			if symbol.Kind == module.ClassSymbol {
				x.classes[symbol.Name] = "class " + symbol.Name + " { " + strings.Join(symbol.Permissions, " ") + " };\n"
			} else {
				x.others[symbol.Name] = symbol.Kind.String() + " " + symbol.Name + ";\n"
			}
		}
	}
}

// reference is an argument in a macro's text.
var reference = regexp.MustCompile(`\$[1-9]`)

// expand finds an interface's arguments, and returns the words that it comes to;
// none of one that can't be expanded.
func (i *indexed) expand(h *Headers) []string {
	n := 0
	for _, m := range reference.FindAllString(h.macros.Text(i.Name), -1) {
		n = max(n, int(m[1]-'0'))
	}
	if n == 0 || n > maxArguments {
		return nil
	}
	args := make([]string, n)
	for k := range args {
		args[k] = placeholder + strconv.Itoa(k+1)
	}
	text, err := h.Expand(i.Name, args...)
	if err != nil || len(text) > maxExpansion {
		return nil
	}
	i.arguments = make([]argument, n)
	words := wordsOf(text)
	classify(text, i.arguments)
	return words
}

func isWord(r rune) bool {
	return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '_'
}

// wordsOf lists the words of a text, each once.
func wordsOf(text string) []string {
	seen := make(map[string]bool)
	var out []string
	for word := range strings.FieldsFuncSeq(text, func(r rune) bool { return !isWord(r) }) {
		if !seen[word] {
			seen[word] = true
			out = append(out, word)
		}
	}
	return out
}

// token cuts a text into words, strings and all else byte by byte; comments are
// none.
var token = regexp.MustCompile(`#.*|"[^"\n]*"|[A-Za-z0-9_.]+|[^\s]`)

// classify finds out what arguments are from where they stand.
func classify(text string, arguments []argument) {
	first, field, depth := "", 0, 0 // of the statement
	colon := false
	for _, t := range token.FindAllString(text, -1) {
		switch {
		case t[0] == '#':
			continue
		case t == ";":
			first, field, depth, colon = "", 0, 0, false
			continue
		case t == "{" && first != "" && first != "require" && first != "optional" && first != "else":
			depth++
			continue
		case t == "{" || t == "}" && depth == 0:
			first, field, colon = "", 0, false
			continue
		case t == "}":
			if depth--; depth == 0 {
				field++
			}
			continue
		case t == ":":
			colon, field = true, 0
			continue
		case t == "-" || t == "~" || t == "," || t == "(" || t == ")":
			continue
		}
		if first == "" {
			first = t
			continue
		}
		if strings.Contains(t, placeholder) {
			place(t, arguments, kindAt(first, field, colon))
		}
		if depth == 0 {
			field++
		}
	}
}

// kindAt is what a name in a statement is of: in the field with this number, of
// those behind the colon if there was one.
func kindAt(first string, field int, colon bool) argumentKind {
	switch {
	case first == "role" && field == 0, first == "roleattribute" || first == "attribute_role":
		return roleArgument
	case first == "role_transition" && !colon && field != 1, first == "role_transition" && colon && field > 0:
		return roleArgument
	case first == "type_transition" && colon && field == 2:
		return fileArgument
	case first == "class" && field == 0, colon && field == 0:
		return classArgument
	}
	return typeArgument
}

// place notes what an argument is where it stands.
func place(t string, arguments []argument, kind argumentKind) {
	before, rest, _ := strings.Cut(t, placeholder)
	if rest == "" || rest[0] < '1' || int(rest[0]-'0') > len(arguments) {
		return
	}
	a := &arguments[rest[0]-'1']
	switch after := rest[1:]; {
	case t[0] == '"':
		kind = fileArgument
	case before != "" || after != "":
		kind = prefixArgument
		if pair := [2]string{before, after}; !slices.Contains(a.around, pair) && len(a.around) < maxChoices {
			a.around = append(a.around, pair)
		}
	}
	a.kind = max(a.kind, kind)
}

// frame requires what a text names that modules have from policy_module.
func (x *index) frame(text string, c suggestedCall) string {
	var b strings.Builder
	b.WriteString("module suggested 1.0;\nrequire {\nrole object_r;\n" + c.requirements)
	for _, word := range wordsOf(text) {
		b.WriteString(x.classes[word])
		if other := x.others[word]; !strings.Contains(c.requirements, other) {
			b.WriteString(other)
		}
	}
	b.WriteString("}\n")
	return b.String()
}

// need is a denied access.
type need struct {
	policy.Access
	denied []string        // of its permissions
	names  map[string]bool // the target's type and attributes
}

func newNeed(p *policy.Policy, a policy.Access, d policy.Decision) (*need, error) {
	target, err := p.Type(a.Target.Type())
	if err != nil {
		return nil, err
	}
	n := &need{Access: a, names: map[string]bool{target.Name(): true}}
	for at := range target.Attributes() {
		n.names[at.Name()] = true
	}
	for _, r := range d.Denied {
		n.denied = append(n.denied, r.Permission)
	}
	return n, nil
}

// plausible reports whether a text may cure: it gives a type an attribute, or has
// a rule for the target with the class and permissions. That is quicker than to
// read it.
func (n *need) plausible(text string) bool {
	left := make(map[string]bool, len(n.denied))
	for _, perm := range n.denied {
		left[perm] = true
	}
	for statement := range strings.SplitSeq(text, ";") {
		target, class := false, false
		for word := range strings.FieldsFuncSeq(statement, func(r rune) bool { return !isWord(r) }) {
			switch {
			case word == "typeattribute":
				return true
			case n.names[word]:
				target = true
			case word == n.Class:
				class = true
			case target && class:
				delete(left, word)
			}
		}
	}
	return len(left) == 0
}

// calls returns the calls that may cure an access.
func (h *Headers) calls(p *policy.Policy, need *need) ([]suggestedCall, error) {
	h.index.once.Do(func() { h.index.build(h) })
	x := &h.index
	if !x.hasFrame {
		return nil, &module.UnsupportedError{What: "headers without policy_module"}
	}
	names := make(map[int32]bool) // interfaces that name the target
	for name := range need.names {
		for _, i := range x.words[name] {
			names[i] = true
		}
	}
	given, err := x.giving(p, need)
	if err != nil {
		return nil, err
	}
	var out []suggestedCall
	for i := range x.of {
		in, n := &x.of[i], int32(i)
		says := x.fits(n, need) && (names[n] || len(in.arguments) > 1)
		if len(in.arguments) == 0 || !says && !given[n] {
			continue
		}
		if out = in.calls(out, need.Access); len(out) > maxCalls {
			return nil, fmt.Errorf("more than %d calls for %s", maxCalls, need.Target.Type())
		}
	}
	return out, nil
}

// giving are the interfaces that may give a type an attribute with which it, or
// the domain with it, may do what is denied.
func (x *index) giving(p *policy.Policy, need *need) (map[int32]bool, error) {
	out := make(map[int32]bool)
	for _, q := range [...]policy.RuleQuery{{Target: need.Target.Type()}, {Source: need.Source.Type()}} {
		q.Kinds, q.Classes, q.Permissions = policy.KindAllow, []string{need.Class}, need.denied
		rules, err := p.Rules(q)
		if err != nil {
			return nil, err
		}
		for r := range rules {
			name := r.Source()
			if q.Source != "" {
				name = r.Target()
			}
			if _, err := p.Attribute(name); err != nil {
				continue
			}
			for _, i := range x.words[name] {
				out[i] = out[i] || x.has("typeattribute", i)
			}
		}
	}
	return out, nil
}

// fits reports whether an interface has the class and what is denied of it.
func (x *index) fits(i int32, need *need) bool {
	if !x.has(need.Class, i) && !slices.ContainsFunc(x.of[i].arguments, func(g argument) bool { return g.kind == classArgument }) {
		return false
	}
	return !slices.ContainsFunc(need.denied, func(perm string) bool { return !x.has(perm, i) })
}

func (x *index) has(word string, i int32) bool {
	_, ok := slices.BinarySearch(x.words[word], i)
	return ok
}

// calls adds the ways to call an interface about an access.
func (i *indexed) calls(out []suggestedCall, a policy.Access) []suggestedCall {
	choices := []suggestedCall{{of: i.undocumented}}
	sources := []bool{false} // whether an argument is the domain
	types := 0
	for n, g := range i.arguments {
		values := g.values(a, len(i.arguments))
		if g.kind == typeArgument {
			types++
		}
		if g.kind == fileArgument && n > 0 && n == len(i.arguments)-1 {
			break // any name
		}
		var next []suggestedCall
		var nextSources []bool
		for k, c := range choices {
			for _, v := range values {
				if len(next) == maxChoices {
					break
				}
				c := suggestedCall{of: c.of, args: append(slices.Clip(c.args), v), requirements: c.requirements}
				is := sources[k]
				switch g.kind {
				case typeArgument:
					is = is || v == a.Source.Type()
					if !strings.Contains(c.requirements, "type "+v+";") {
						c.requirements += "type " + v + ";\n"
					}
				case prefixArgument:
					for _, x := range g.around {
						is = is || x[0]+v+x[1] == a.Source.Type()
					}
				case roleArgument:
					c.requirements += "role " + v + ";\n"
				}
				next, nextSources = append(next, c), append(nextSources, is)
			}
		}
		choices, sources = next, nextSources
	}
	for k, c := range choices {
		if sources[k] && (types < 2 || slices.Contains(c.args, a.Target.Type())) {
			out = append(out, c)
		}
	}
	return out
}

// values are what an argument may be.
func (g *argument) values(a policy.Access, arguments int) []string {
	source, target := a.Source.Type(), a.Target.Type()
	switch g.kind {
	case classArgument:
		return []string{a.Class}
	case roleArgument:
		return []string{a.Source.Role()}
	case prefixArgument:
		var out []string
		for _, x := range g.around {
			for _, name := range [...]string{source, target, a.Source.Role()} {
				rest, ok1 := strings.CutPrefix(name, x[0])
				rest, ok2 := strings.CutSuffix(rest, x[1])
				if ok1 && ok2 && rest != "" && !slices.Contains(out, rest) {
					out = append(out, rest)
				}
			}
		}
		return out
	case fileArgument:
		return nil
	}
	if arguments == 1 || g.kind == unusedArgument {
		return []string{source}
	}
	return []string{source, target}
}
