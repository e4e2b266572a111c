package module

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// CILOptions say of a module in CIL what its text does not.
type CILOptions struct {
	// Name is the module's name, that of its file; Version its version, if any.
	Name, Version string
	// RequireAttributes are the names that are attributes of the policy, for
	// the module's own field of this name: only the binary forms and the module
	// language tell them from types.
	RequireAttributes []string
}

// ParseCIL reads a module in CIL: the statements that pp makes of a package, and
// that [Module.CIL] and [FormatFilecon] write; file contexts come apart. File
// is its name, for errors and positions. All else that CIL has (blocks, macros,
// classes, constraints, contexts of ports, …) is refused with an
// [*UnsupportedError] by name, and so are expressions over sets that a rule of
// the module language has no place for. Errors have a [*ParseError] or
// [*StatementError] around that says where.
//
// Statements of CIL are in no order; those of the module are, declarations
// before what they are needed for.
//
// An attribute that the text declares and defines by "and not" or "not" becomes
// the set itself in the rules that name it, as it was before pp made it one.
func ParseCIL(file string, data []byte, opts CILOptions) (*Module, []FileContext, error) {
	s, err := newScanner(file, data)
	if err != nil {
		return nil, nil, err
	}
	p := &cilParser{scanner: s, sets: make(map[string]TypeSet), attributes: make(map[string]bool), roleAttributes: make(map[string]bool)}
	for _, a := range opts.RequireAttributes {
		p.attributes[a] = true
	}
	top, err := p.list(0)
	if err != nil {
		return nil, nil, err
	}
	p.findSets(top)
	m := &Module{Name: opts.Name, Version: opts.Version, RequireAttributes: opts.RequireAttributes}
	if m.Statements, err = p.statements(top, false); err != nil {
		return nil, nil, err
	}
	if err := m.Check(); err != nil {
		return nil, nil, err
	}
	if _, err := m.written(); err != nil {
		return nil, nil, err
	}
	return m, p.contexts, nil
}

// expression is a symbol, a string, or a list of expressions.
type expression struct {
	pos    Pos
	symbol string
	quoted bool
	list   []expression // nil of a symbol
}

func (x *expression) isList() bool { return x.list != nil }

type cilParser struct {
	*scanner
	sets map[string]TypeSet // what attributes stand for
	// Attributes are the names that the text or the caller knows for such.
	attributes, roleAttributes map[string]bool
	contexts                   []FileContext
}

// list reads expressions up to the end of a list, or of the text.
func (p *cilParser) list(depth int) ([]expression, error) {
	out := []expression{}
	for {
		pos := p.skipCIL()
		if p.off == len(p.src) {
			if depth > 0 {
				return nil, &ParseError{pos, &SyntaxError{Expected: "')'", Found: "end of file"}}
			}
			return out, nil
		}
		switch c := p.src[p.off]; c {
		case '(':
			if depth == maxDepth {
				return nil, &ParseError{pos, fmt.Errorf("lists deeper than %d", maxDepth)}
			}
			p.off++
			list, err := p.list(depth + 1)
			if err != nil {
				return nil, err
			}
			out = append(out, expression{pos: pos, list: list})
		case ')':
			if depth == 0 {
				return nil, &ParseError{pos, &SyntaxError{Expected: "'('", Found: `")"`}}
			}
			p.off++
			return out, nil
		case '"':
			n := strings.IndexAny(p.src[p.off+1:], "\"\n")
			if n < 0 || p.src[p.off+1+n] == '\n' {
				return nil, &ParseError{pos, errors.New("a string without an end")}
			}
			out = append(out, expression{pos: pos, symbol: p.src[p.off+1 : p.off+1+n], quoted: true})
			p.off += n + 2
		default:
			begin := p.off
			for p.off < len(p.src) && !isSpace(p.src[p.off]) && !strings.ContainsRune("();\"", rune(p.src[p.off])) {
				p.off++
			}
			out = append(out, expression{pos: pos, symbol: p.src[begin:p.off]})
		}
		if depth == 0 && !out[len(out)-1].isList() {
			return nil, &ParseError{pos, &SyntaxError{Expected: "'('", Found: fmt.Sprintf("%.40q", out[len(out)-1].symbol)}}
		}
	}
}

// skipCIL passes over white space and comments, and says where the next
// expression begins.
func (p *cilParser) skipCIL() Pos {
	for p.off < len(p.src) {
		switch c := p.src[p.off]; {
		case c == '\n':
			p.off++
			p.start = p.off
			p.pos.Line++
		case isSpace(c):
			p.off++
		case c == ';':
			for p.off < len(p.src) && p.src[p.off] != '\n' {
				p.off++
			}
		default:
			pos := p.pos
			pos.Column = p.off - p.start + 1
			return pos
		}
	}
	pos := p.pos
	pos.Column = p.off - p.start + 1
	return pos
}

const genRequire = "cil_gen_require"

// findSets notes the attributes that stand for a set which no module can give
// an attribute.
func (p *cilParser) findSets(list []expression) {
	for i := range list {
		x := list[i].list
		if len(x) == 0 || x[0].isList() {
			continue
		}
		switch x[0].symbol {
		case "optional":
			p.findSets(x[1:])
		case "typeattributeset":
			if len(x) == 3 && !x[1].isList() {
				p.attributes[x[1].symbol] = true
				if s, ok := setOf(&x[2]); ok {
					p.sets[x[1].symbol] = s
				}
			}
		case "roleattributeset", "roleattribute":
			if len(x) > 1 && !x[1].isList() {
				p.roleAttributes[x[1].symbol] = true
			}
		case "typeattribute":
			if len(x) == 2 && !x[1].isList() {
				p.attributes[x[1].symbol] = true
			}
		}
	}
}

// setOf reads an expression that is more than a list of names: (all), (not
// (…)), (and (…) (not (…))).
func setOf(x *expression) (TypeSet, bool) {
	operator := ""
	if len(x.list) > 0 {
		operator = x.list[0].symbol
	}
	switch {
	case operator == "all" && len(x.list) == 1:
		return TypeSet{All: true}, true
	case operator == "not" && len(x.list) == 2:
		if names, ok := plainNames(&x.list[1]); ok {
			return TypeSet{Names: names, Complement: true}, true
		}
		if s, ok := setOf(&x.list[1]); ok && !s.All && !s.Complement {
			s.Complement = true
			return s, true
		}
	case operator == "and" && len(x.list) == 3:
		names, ok := plainNames(&x.list[1])
		not := &x.list[2]
		if ok && len(not.list) == 2 && not.list[0].symbol == "not" {
			if except, ok := plainNames(&not.list[1]); ok {
				return TypeSet{Names: names, Except: except}, true
			}
		}
	}
	return TypeSet{}, false
}

// plainNames are those of a list without operators, or of a name alone.
func plainNames(x *expression) ([]string, bool) {
	if !x.isList() {
		return []string{x.symbol}, !x.quoted
	}
	names := make([]string, 0, len(x.list))
	for i := range x.list {
		e := &x.list[i]
		if e.isList() || e.quoted || i == 0 && isSetOperator(e.symbol) {
			return nil, false
		}
		names = append(names, e.symbol)
	}
	return names, len(names) > 0
}

func isSetOperator(s string) bool {
	switch s {
	case "and", "or", "xor", "not", "all", "range", "eq", "neq":
		return true
	}
	return false
}

// statements reads statements, those of conditionals too.
func (p *cilParser) statements(list []expression, conditional bool) ([]Statement, error) {
	out := make([]Statement, 0, len(list))
	users := make(map[string]*User)
	for i := range list {
		x := &list[i]
		if len(x.list) == 0 || x.list[0].isList() {
			return nil, &ParseError{x.pos, &SyntaxError{Expected: "a statement", Found: "another expression"}}
		}
		s := &cilStatement{cilParser: p, at: at{x.pos}, keyword: x.list[0].symbol, args: x.list[1:], users: users}
		made, err := s.rule()
		if err == nil && made == nil && !s.done && !conditional {
			made, err = s.declaration()
		}
		if err == nil && made == nil && !s.done {
			err = &UnsupportedError{fmt.Sprintf("the statement %.40q of CIL in a module", s.keyword)}
			if conditional {
				err = &UnsupportedError{fmt.Sprintf("the statement %.40q of CIL in a conditional", s.keyword)}
			}
		}
		if err != nil {
			var e *ParseError
			if !errors.As(err, &e) {
				err = &ParseError{x.pos, err}
			}
			return nil, err
		}
		for _, m := range made {
			if r, ok := m.(*Require); ok && len(out) > 0 {
				if last, ok := out[len(out)-1].(*Require); ok {
					last.Symbols = append(last.Symbols, r.Symbols...)
					continue
				}
			}
			out = append(out, m)
		}
	}
	if !conditional {
		slices.SortStableFunc(out, func(a, b Statement) int { return rank(a) - rank(b) })
	}
	return out, nil
}

// rank orders statements by what must have been said before them.
func rank(s Statement) int {
	switch s.(type) {
	case *Require, *Attribute, *Type, *AttributeRole, *Role, *Boolean:
		return 0
	case *TypeAlias:
		return 1
	case *TypeAttribute, *RoleAttribute:
		return 2
	}
	return 3
}

// cilStatement is a statement as it is read.
type cilStatement struct {
	*cilParser
	at      at
	keyword string
	args    []expression
	users   map[string]*User // of the block
	done    bool             // read, though nothing is made of it
}

// want says what the statement's arguments are.
func (s *cilStatement) want(what string) error {
	return &SyntaxError{Expected: "(" + s.keyword + " " + what + ")", Found: fmt.Sprintf("%d other arguments", len(s.args))}
}

// symbols are the arguments if they are n names.
func (s *cilStatement) symbols(n int, what string) ([]string, error) {
	if len(s.args) != n {
		return nil, s.want(what)
	}
	out := make([]string, n)
	for i := range s.args {
		if s.args[i].isList() || s.args[i].quoted {
			return nil, s.want(what)
		}
		out[i] = s.args[i].symbol
	}
	return out, nil
}

// types is the set that a name in a rule stands for.
func (s *cilStatement) types(name string) TypeSet {
	if set, ok := s.sets[name]; ok {
		return set
	}
	return Types(name)
}

func (s *cilStatement) rule() ([]Statement, error) {
	switch s.keyword {
	case "allow", "auditallow", "dontaudit", "neverallow":
		return s.accessRule(map[string]Kind{"allow": Allow, "auditallow": AuditAllow, "dontaudit": DontAudit, "neverallow": NeverAllow}[s.keyword])
	case "allowx", "auditallowx", "dontauditx", "neverallowx":
		return s.accessRule(map[string]Kind{"allowx": AllowXperm, "auditallowx": AuditAllowXperm, "dontauditx": DontAuditXperm,
			"neverallowx": NeverAllowXperm}[s.keyword])
	case "typetransition":
		return s.typeRule(TypeTransition)
	case "typemember":
		return s.typeRule(TypeMember)
	case "typechange":
		return s.typeRule(TypeChange)
	}
	return nil, nil
}

func (s *cilStatement) accessRule(kind Kind) ([]Statement, error) {
	what := "source target (class (permission …))"
	if kind.xperm() {
		what = "source target (ioctl class (number or (range low high) …))"
	}
	if len(s.args) != 3 || s.args[0].isList() || s.args[1].isList() || !s.args[2].isList() {
		return nil, s.want(what)
	}
	r := &AccessRule{at: s.at, Kind: kind, Sources: s.types(s.args[0].symbol), Targets: s.types(s.args[1].symbol)}
	vector := s.args[2].list
	if kind.xperm() {
		if len(vector) != 3 || vector[0].isList() || vector[1].isList() || !vector[2].isList() {
			return nil, s.want(what)
		}
		r.Permissions, r.Classes = Permissions(vector[0].symbol), []string{vector[1].symbol}
		for i := range vector[2].list {
			x, err := xpermOf(&vector[2].list[i])
			if err != nil {
				return nil, err
			}
			r.Xperms = append(r.Xperms, x)
		}
		return []Statement{r}, nil
	}
	if len(vector) != 2 || vector[0].isList() {
		return nil, s.want(what)
	}
	names, ok := plainNames(&vector[1])
	if !ok || !vector[1].isList() {
		return nil, &ParseError{vector[1].pos, &UnsupportedError{"an expression over permissions"}}
	}
	r.Classes, r.Permissions = []string{vector[0].symbol}, PermissionSet{Names: names}
	return []Statement{r}, nil
}

// xpermOf reads a number or a range of such.
func xpermOf(x *expression) (XpermRange, error) {
	number := func(x *expression) (uint16, error) {
		n, err := strconv.ParseUint(x.symbol, 0, 16)
		if err != nil || x.isList() {
			return 0, &ParseError{x.pos, &SyntaxError{Expected: "an extended permission", Found: fmt.Sprintf("%.40q", x.symbol)}}
		}
		return uint16(n), nil
	}
	if !x.isList() {
		n, err := number(x)
		return XpermRange{Low: n, High: n}, err
	}
	if len(x.list) != 3 || x.list[0].symbol != "range" {
		return XpermRange{}, &ParseError{x.pos, &UnsupportedError{"an expression over extended permissions"}}
	}
	low, err1 := number(&x.list[1])
	high, err2 := number(&x.list[2])
	return XpermRange{Low: low, High: high}, errors.Join(err1, err2)
}

func (s *cilStatement) typeRule(kind TypeRuleKind) ([]Statement, error) {
	const what = "source target class [name] type"
	r := &TypeRule{at: s.at, Kind: kind}
	args := s.args
	if len(args) == 5 && kind == TypeTransition && !args[3].isList() && args[3].symbol != "*" {
		r.FileName = args[3].symbol
		args = slices.Delete(slices.Clone(args), 3, 4)
	}
	if len(args) != 4 || slices.ContainsFunc(args, func(x expression) bool { return x.isList() || x.quoted }) {
		return nil, s.want(what)
	}
	r.Sources, r.Targets = s.types(args[0].symbol), s.types(args[1].symbol)
	r.Classes, r.NewType = []string{args[2].symbol}, args[3].symbol
	return []Statement{r}, nil
}

// declaration reads what conditionals do not have.
func (s *cilStatement) declaration() ([]Statement, error) {
	one := func(what string, make func(name string) Statement) ([]Statement, error) {
		a, err := s.symbols(1, what)
		if err != nil {
			return nil, err
		}
		return []Statement{make(a[0])}, nil
	}
	two := func(what string, make func(a, b string) Statement) ([]Statement, error) {
		a, err := s.symbols(2, what)
		if err != nil {
			return nil, err
		}
		if made := make(a[0], a[1]); made != nil {
			return []Statement{made}, nil
		}
		s.done = true
		return nil, nil
	}
	switch s.keyword {
	case "type":
		return one("name", func(name string) Statement { return &Type{at: s.at, Name: name} })
	case "typealias":
		s.done = true // the next statement says of what
		_, err := s.symbols(1, "name")
		return nil, err
	case "typealiasactual":
		return two("alias type", func(a, b string) Statement { return &TypeAlias{at: s.at, Type: b, Aliases: []string{a}} })
	case "typebounds":
		return two("parent child", func(a, b string) Statement { return &TypeBounds{at: s.at, Parent: a, Types: []string{b}} })
	case "typepermissive":
		return one("type", func(name string) Statement { return &Permissive{at: s.at, Type: name} })
	case "typeneveraudit":
		return one("type", func(name string) Statement { return &NeverAudit{at: s.at, Type: name} })
	case "typeattribute":
		a, err := s.symbols(1, "name")
		if err != nil {
			return nil, err
		}
		if _, ok := s.sets[a[0]]; ok {
			s.done = true
			return nil, nil
		}
		return []Statement{&Attribute{at: s.at, Name: a[0]}}, nil
	case "typeattributeset", "roleattributeset":
		return s.attributeSet()
	case "expandtypeattribute":
		if len(s.args) == 2 && !s.args[1].isList() {
			names, ok := plainNames(&s.args[0])
			if value := s.args[1].symbol; ok && (value == "true" || value == "false") {
				return []Statement{&ExpandAttribute{at: s.at, Attributes: names, Expand: value == "true"}}, nil
			}
		}
		return nil, s.want("(attribute …) true or false")
	case "boolean", "tunable":
		a, err := s.symbols(2, "name true or false")
		if err != nil || a[1] != "true" && a[1] != "false" {
			return nil, s.want("name true or false")
		}
		return []Statement{&Boolean{at: s.at, Name: a[0], Default: a[1] == "true", Tunable: s.keyword == "tunable"}}, nil
	case "role":
		return one("name", func(name string) Statement { return &Role{at: s.at, Name: name} })
	case "roleattribute":
		return one("name", func(name string) Statement { return &AttributeRole{at: s.at, Name: name} })
	case "roletype":
		return two("role type", func(a, b string) Statement {
			if a == objectR {
				return nil // as every type of a module
			}
			return &RoleTypes{at: s.at, Role: a, Types: s.types(b)}
		})
	case "roleallow":
		return two("role role", func(a, b string) Statement { return &RoleAllow{at: s.at, From: []string{a}, To: []string{b}} })
	case "roletransition":
		a, err := s.symbols(4, "role type class role")
		if err != nil {
			return nil, err
		}
		return []Statement{&RoleTransition{at: s.at, Roles: a[:1], Types: s.types(a[1]), Classes: a[2:3], NewRole: a[3]}}, nil
	case "rangetransition":
		return s.rangeTransition()
	case "booleanif", "tunableif":
		return s.conditional()
	case "optional":
		return s.optional()
	case "user", "userrole", "userlevel", "userrange":
		return s.user()
	case "filecon":
		s.done = true
		return nil, s.filecon()
	}
	return nil, nil
}

// attributeSet gives an attribute to types or roles, or requires these.
func (s *cilStatement) attributeSet() ([]Statement, error) {
	if len(s.args) != 2 || s.args[0].isList() {
		return nil, s.want("attribute (name …)")
	}
	attribute, types := s.args[0].symbol, s.keyword == "typeattributeset"
	if _, ok := s.sets[attribute]; ok && types {
		s.done = true
		return nil, nil
	}
	names, ok := plainNames(&s.args[1])
	if !ok {
		return nil, &ParseError{s.args[1].pos, &UnsupportedError{"an attribute defined by such an expression"}}
	}
	var out []Statement
	for _, name := range names {
		switch {
		case attribute == genRequire && types:
			out = append(out, &Require{at: s.at, Symbols: []Symbol{{Kind: s.requiredType(name), Name: name}}})
		case attribute == genRequire:
			out = append(out, &Require{at: s.at, Symbols: []Symbol{{Kind: s.requiredRole(name), Name: name}}})
		case types:
			out = append(out, &TypeAttribute{at: s.at, Type: name, Attributes: []string{attribute}})
		default:
			out = append(out, &RoleAttribute{at: s.at, Role: name, Attributes: []string{attribute}})
		}
	}
	return out, nil
}
