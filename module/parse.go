package module

import (
	"fmt"
	"slices"

	"github.com/sekit/sekit/internal/policydb"
)

// ParseTE reads a module in the module language, as checkmodule -m takes it:
// what policy_module, gen_require and the like of a .te file come to once m4
// has expanded them. File is its name, for errors and positions; #line
// comments in the text change it.
//
// Errors are a [*ParseError] that says what the grammar wants where (it wraps
// a [*SyntaxError]), and a [*StatementError] for what is wrong with a
// statement: an [*UnknownNameError], a [*DuplicateError], a [*NameError] or
// another. Statements of base modules and of whole policies are refused by
// name.
//
// Unlike checkmodule it takes extended permissions of 16 bits only, where that
// takes more and drops the rest.
func ParseTE(file string, data []byte) (*Module, error) {
	p, m, err := parseTE(file, data)
	if err != nil {
		return nil, err
	}
	if _, err := p.compile(m, ModOptions{NoMLS: p.noMLS}); err != nil {
		return nil, err
	}
	return m, nil
}

// CompileTE makes the package of a text, as checkmodule -m -M and
// semodule_package do. It is what [ParseTE] and [Module.PP] make of the text, in
// half their time. Errors are those of both.
func CompileTE(file string, data []byte, opts PPOptions) ([]byte, error) {
	p, m, err := parseTE(file, data)
	if err != nil {
		return nil, err
	}
	b, err := p.compile(m, opts.ModOptions)
	if err != nil {
		return nil, err
	}
	return pack(b, opts)
}

// parseTE reads a text as far as its grammar goes.
func parseTE(file string, data []byte) (*parser, *Module, error) {
	s, err := newScanner(file, data)
	if err != nil {
		return nil, nil, err
	}
	p := &parser{scanner: s}
	p.advance()
	m := &Module{}
	p.keyword("module")
	m.Name = p.name("a module name")
	m.Version = p.version()
	end := p.position()
	p.expect(';')
	if p.err == nil {
		if err := checkModuleName(m.Name); err != nil {
			return nil, nil, &ParseError{end, err}
		}
		if err := checkVersion(m.Version); err != nil {
			return nil, nil, &ParseError{end, err}
		}
	}
	m.Statements = p.block(tokenEOF, 0)
	return p, m, p.err
}

// compile makes the module policy of the text that was read: all that it uses it
// has to declare or require.
func (p *parser) compile(m *Module, opts ModOptions) (*policydb.Module, error) {
	b, err := compile(m, m.Statements, opts)
	if err == errNoRequire { // of the module as a whole
		err = &ParseError{p.position(), err}
	}
	return b, err
}

// parser reads the grammar of checkpolicy (policy_parse.y), as far as modules
// go. After an error all that it sees is the end of the file.
type parser struct {
	*scanner
	token    token
	err      error
	strings  []string     // lists share it
	gathered []string     // the names of the sets that are being read
	symbols  []Symbol     // of the require block that is being read
	rules    []AccessRule // rules are made several at a time
	noMLS    bool         // a user has no levels
}

func (p *parser) advance() {
	if p.err == nil {
		p.next(&p.token)
	}
}

// fail says that the grammar wants something else than the token.
func (p *parser) fail(expected string) {
	p.failAs(p.position(), &SyntaxError{Expected: expected, Found: p.token.String()})
}

func (p *parser) failAs(pos Pos, err error) {
	if p.err == nil {
		p.err = &ParseError{pos, err}
		p.token = token{}
	}
}

func (p *parser) expect(c tokenKind) {
	if p.token.kind != c {
		p.fail("'" + string(rune(c)) + "'")
		return
	}
	p.advance()
}

// accept passes over a token of this kind, if it is there.
func (p *parser) accept(c tokenKind) bool {
	if p.token.kind != c {
		return false
	}
	p.advance()
	return true
}

func (p *parser) isKeyword(k string) bool { return p.token.kind == tokenKeyword && p.token.text == k }

func (p *parser) keyword(k string) {
	if !p.isKeyword(k) {
		p.fail(k)
		return
	}
	p.advance()
}

func (p *parser) name(what string) string {
	if p.token.kind != tokenName {
		p.fail(what)
		return ""
	}
	text := p.token.text
	p.advance()
	return text
}

func (p *parser) version() string {
	if p.token.kind != tokenVersion && p.token.kind != tokenNumber {
		p.fail("a version, such as 1.0")
		return ""
	}
	text := p.token.text
	p.advance()
	return text
}

// one makes a list of one name.
func (p *parser) one(name string) []string { return p.keep(name) }

// keep makes a list.
func (p *parser) keep(names ...string) []string {
	if len(p.strings)+len(names) > cap(p.strings) {
		p.strings = make([]string, 0, max(256, len(names)))
	}
	p.strings = append(p.strings, names...)
	n := len(p.strings)
	return p.strings[n-len(names) : n : n]
}

// commaList reads names with commas between.
func (p *parser) commaList(what string) []string {
	list := p.one(p.name(what))
	for p.accept(',') {
		list = append(list, p.name(what))
	}
	return list
}

// set is a set of names as the grammar has it, nested sets flattened.
type set struct {
	names, except   []string
	all, complement bool
}

// newRule makes a rule.
func (p *parser) newRule(at at, kind Kind) *AccessRule {
	if len(p.rules) == cap(p.rules) {
		p.rules = make([]AccessRule, 0, min(2*cap(p.rules)+1, 64))
	}
	p.rules = append(p.rules, AccessRule{at: at, Kind: kind})
	return &p.rules[len(p.rules)-1]
}

// names reads what the grammar calls so.
func (p *parser) names(what string) set {
	var s set
	s.complement = p.accept('~')
	switch {
	case p.token.kind == tokenName:
		s.names = p.one(p.token.text)
		p.advance()
		if !s.complement && p.accept('-') {
			s.except = p.one(p.name(what))
		}
	case p.token.kind == '{':
		p.gathered = p.gathered[:0]
		p.nested(&s, what, 0)
		s.names = p.keep(p.gathered...)
	case !s.complement && p.accept('*'):
		s.all = true
	default:
		p.fail(what + " or a set of such")
	}
	return s
}

func (p *parser) nested(s *set, what string, depth int) {
	if depth > maxDepth {
		p.failAs(p.position(), fmt.Errorf("sets deeper than %d", maxDepth))
		return
	}
	p.expect('{')
	for first := true; first || p.token.kind != '}' && p.err == nil; first = false {
		switch {
		case p.token.kind == tokenName:
			p.gathered = append(p.gathered, p.token.text)
			p.advance()
		case p.token.kind == '{':
			p.nested(s, what, depth+1)
		case p.accept('-'):
			s.except = append(s.except, p.name(what))
		default:
			p.fail(what + ", '-' or '}'")
		}
	}
	p.expect('}')
}

func (p *parser) typeSet(t *TypeSet) {
	s := p.names("a type")
	t.Names, t.Except, t.All, t.Complement = s.names, s.except, s.all, s.complement
	t.Names, t.Self = withoutSelf(t.Names)
	t.Except, t.NotSelf = withoutSelf(t.Except)
}

// withoutSelf takes self out of a list.
func withoutSelf(names []string) (_ []string, had bool) {
	for i := 0; i < len(names); i++ {
		if names[i] == Self {
			names = append(names[:i:i], names[i+1:]...)
			had = true
			i--
		}
	}
	return names, had
}

// list reads a set that may only be a list.
func (p *parser) list(what string) []string {
	pos := p.position()
	s := p.names(what)
	if s.all || s.complement || len(s.except) > 0 {
		p.failAs(pos, fmt.Errorf("*, ~ and - are not for sets of this kind, where %s or several go", what))
	}
	return s.names
}

// block reads statements up to a token, which it leaves.
func (p *parser) block(end tokenKind, depth int) []Statement {
	if depth > maxDepth {
		p.failAs(p.position(), fmt.Errorf("blocks deeper than %d", maxDepth))
	}
	out := []Statement{}
	users := false
	for first := true; p.err == nil && (p.token.kind != end || first); first = false {
		if p.accept(';') {
			continue
		}
		if p.token.kind != tokenKeyword {
			if end == tokenEOF {
				p.fail("a statement")
			} else {
				p.fail("a statement or '}'")
			}
			break
		}
		if users && !p.isKeyword("user") {
			p.fail("a user statement or the end of the block: users come last")
			break
		}
		users = p.isKeyword("user")
		if s := p.statement(depth); s != nil {
			out = append(out, s)
		}
	}
	return out
}

// statement reads one statement.
func (p *parser) statement(depth int) Statement {
	at := at{p.position()}
	word := p.token.text
	if s := p.rule(at, word); s != nil || p.err != nil {
		return s
	}
	p.advance()
	switch word {
	case "require":
		return p.require(at)
	case "optional":
		s := &Optional{at: at}
		s.Body = p.braces(depth)
		if p.isKeyword("else") {
			p.advance()
			s.Else = p.braces(depth)
		}
		return s
	case "if":
		return p.conditional(at)
	}
	s := p.declaration(at, word)
	if s == nil {
		if p.err == nil {
			p.failAs(at.pos, unknownStatement(word))
		}
		return nil
	}
	p.expect(';')
	return s
}

func (p *parser) braces(depth int) []Statement {
	p.expect('{')
	list := p.block('}', depth+1)
	p.expect('}')
	return list
}

// unknownStatement says why a keyword begins no statement here.
func unknownStatement(word string) error {
	switch word {
	case "class", "common", "sid", "inherits", "constrain", "validatetrans", "mlsconstrain", "mlsvalidatetrans",
		"dominance", "category", "sensitivity", "level", "default_user", "default_role", "default_type", "default_range",
		"policycap", "portcon", "netifcon", "nodecon", "genfscon", "fs_use_xattr", "fs_use_task", "fs_use_trans", "fscon",
		"ibpkeycon", "ibendportcon", "pirqcon", "iomemcon", "ioportcon", "pcidevicecon", "devicetreecon":
		return &UnsupportedError{"the statement " + word + " in a module: only base modules have it"}
	}
	return &SyntaxError{Expected: "a statement", Found: "the keyword " + word}
}

// require reads the rest of a require block.
func (p *parser) require(at at) Statement {
	p.symbols = p.symbols[:0]
	p.expect('{')
	for first := true; first || p.token.kind != '}' && p.err == nil; first = false {
		if p.token.kind != tokenKeyword {
			p.fail("class, type, attribute, role, attribute_role, user, bool, tunable, sensitivity or category")
			break
		}
		word := p.token.text
		if word == "class" {
			p.advance()
			k := Symbol{Kind: ClassSymbol, Name: p.name("a class")}
			k.Permissions = p.list("a permission")
			p.symbols = append(p.symbols, k)
			p.expect(';')
			continue
		}
		kind := requirable(word)
		if kind == 0 {
			p.fail("class, type, attribute, role, attribute_role, user, bool, tunable, sensitivity or category")
			break
		}
		p.advance()
		p.symbols = append(p.symbols, Symbol{Kind: kind, Name: p.name("a name")})
		for p.accept(',') {
			p.symbols = append(p.symbols, Symbol{Kind: kind, Name: p.name("a name")})
		}
		p.expect(';')
	}
	p.expect('}')
	return &Require{at: at, Symbols: slices.Clone(p.symbols)}
}

func requirable(word string) SymbolKind {
	for k := TypeSymbol; k <= CategorySymbol; k++ {
		if k.String() == word {
			return k
		}
	}
	return 0
}

// declaration reads the rest of a statement that is neither block nor rule,
// but for its semicolon.
func (p *parser) declaration(at at, word string) Statement {
	switch word {
	case "attribute":
		return &Attribute{at: at, Name: p.name("an attribute")}
	case "type":
		s := &Type{at: at, Name: p.name("a type")}
		if p.isKeyword("alias") {
			p.advance()
			s.Aliases = p.list("an alias")
		}
		if p.accept(',') {
			s.Attributes = p.commaList("an attribute")
		}
		if p.token.kind != ';' {
			p.fail("alias, ',' or ';'")
		}
		return s
	case "typealias":
		s := &TypeAlias{at: at, Type: p.name("a type")}
		p.keyword("alias")
		s.Aliases = p.list("an alias")
		return s
	case "typeattribute":
		return &TypeAttribute{at: at, Type: p.name("a type"), Attributes: p.commaList("an attribute")}
	case "typebounds":
		return &TypeBounds{at: at, Parent: p.name("a type"), Types: p.commaList("a type")}
	case "expandattribute":
		return &ExpandAttribute{at: at, Attributes: p.list("an attribute"), Expand: p.truth()}
	case "permissive":
		return &Permissive{at: at, Type: p.name("a type")}
	case "neveraudit":
		return &NeverAudit{at: at, Type: p.name("a type")}
	case "bool", "tunable":
		return &Boolean{at: at, Tunable: word == "tunable", Name: p.name("a boolean"), Default: p.truth()}
	case "role":
		return p.role(at)
	case "attribute_role":
		return &AttributeRole{at: at, Name: p.name("an attribute of roles")}
	case "roleattribute":
		return &RoleAttribute{at: at, Role: p.name("a role"), Attributes: p.commaList("an attribute of roles")}
	case "role_transition":
		s := &RoleTransition{at: at, Roles: p.list("a role")}
		p.typeSet(&s.Types)
		if p.accept(':') {
			s.Classes = p.list("a class")
		}
		s.NewRole = p.name("a role")
		return s
	case "range_transition":
		s := &RangeTransition{at: at}
		p.typeSet(&s.Sources)
		p.typeSet(&s.Targets)
		if p.accept(':') {
			s.Classes = p.list("a class")
		}
		s.Range = p.mlsRange()
		return s
	case "user":
		s := &User{at: at, Name: p.name("a user")}
		p.keyword("roles")
		s.Roles = p.list("a role")
		if p.isKeyword("level") {
			p.advance()
			s.Level = p.level()
			p.keyword("range")
			s.Range = p.mlsRange()
		} else {
			p.noMLS = true
		}
		return s
	}
	return nil
}

func (p *parser) role(at at) Statement {
	name := p.name("a role")
	if p.isKeyword("types") {
		p.advance()
		s := &RoleTypes{at: at, Role: name}
		p.typeSet(&s.Types)
		return s
	}
	s := &Role{at: at, Name: name}
	if p.accept(',') {
		s.Attributes = p.commaList("an attribute of roles")
	}
	if p.token.kind != ';' {
		p.fail("types, ',' or ';'")
	}
	return s
}

func (p *parser) truth() bool {
	if !p.isKeyword("true") && !p.isKeyword("false") {
		p.fail("true or false")
		return false
	}
	v := p.token.text == "true"
	p.advance()
	return v
}

func (p *parser) mlsRange() Range {
	r := Range{Low: p.level()}
	if p.accept('-') {
		r.High = p.level()
	}
	return r
}

func (p *parser) level() Level {
	l := Level{Sensitivity: p.name("a sensitivity")}
	if !p.accept(':') {
		return l
	}
	for _, c := range p.commaList("a category") {
		r := CategoryRange{c, c}
		for i := 1; i < len(c); i++ {
			if c[i] == '.' {
				r = CategoryRange{c[:i], c[i+1:]}
				break
			}
		}
		l.Categories = append(l.Categories, r)
	}
	return l
}
