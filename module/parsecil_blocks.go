package module

import (
	"fmt"
	"slices"
)

// requiredType is the kind of a name that is required: CIL does not say.
func (p *cilParser) requiredType(name string) SymbolKind {
	if p.attributes[name] {
		return AttributeSymbol
	}
	return TypeSymbol
}

func (p *cilParser) requiredRole(name string) SymbolKind {
	if p.roleAttributes[name] {
		return RoleAttributeSymbol
	}
	return RoleSymbol
}

func (s *cilStatement) rangeTransition() ([]Statement, error) {
	const what = "source target class ((sensitivity (category …)) (sensitivity (category …)))"
	if len(s.args) != 4 || slices.ContainsFunc(s.args[:3], func(x expression) bool { return x.isList() || x.quoted }) {
		return nil, s.want(what)
	}
	r, err := rangeOf(&s.args[3])
	if err != nil {
		return nil, err
	}
	return []Statement{&RangeTransition{at: s.at, Sources: s.types(s.args[0].symbol), Targets: s.types(s.args[1].symbol),
		Classes: []string{s.args[2].symbol}, Range: r}}, nil
}

// rangeOf reads two levels.
func rangeOf(x *expression) (Range, error) {
	if len(x.list) != 2 {
		return Range{}, &ParseError{x.pos, &SyntaxError{Expected: "a list of two levels", Found: "something else"}}
	}
	low, err := levelOf(&x.list[0])
	if err != nil {
		return Range{}, err
	}
	high, err := levelOf(&x.list[1])
	if low.String() == high.String() {
		high = Level{}
	}
	return Range{Low: low, High: high}, err
}

// levelOf reads a sensitivity and its categories. Pp writes a range that is not
// the first without a list of its own.
func levelOf(x *expression) (Level, error) {
	bad := &ParseError{x.pos, &SyntaxError{Expected: "(sensitivity (category …))", Found: "something else"}}
	if len(x.list) < 1 || len(x.list) > 2 || x.list[0].isList() {
		return Level{}, bad
	}
	l := Level{Sensitivity: x.list[0].symbol}
	if len(x.list) == 1 {
		return l, nil
	}
	categories := x.list[1].list
	for i := 0; i < len(categories); i++ {
		c := &categories[i]
		switch {
		case c.isList() && len(c.list) == 3 && c.list[0].symbol == "range" && !c.list[1].isList() && !c.list[2].isList():
			l.Categories = append(l.Categories, CategoryRange{c.list[1].symbol, c.list[2].symbol})
		case !c.isList() && c.symbol == "range" && i+2 < len(categories) && !categories[i+1].isList() && !categories[i+2].isList():
			l.Categories = append(l.Categories, CategoryRange{categories[i+1].symbol, categories[i+2].symbol})
			i += 2
		case !c.isList() && !isSetOperator(c.symbol):
			l.Categories = append(l.Categories, CategoryRange{c.symbol, c.symbol})
		default:
			return Level{}, bad
		}
	}
	return l, nil
}

func (s *cilStatement) conditional() ([]Statement, error) {
	const what = "expression (true …) (false …)"
	if len(s.args) < 2 || len(s.args) > 3 {
		return nil, s.want(what)
	}
	out := &If{at: s.at}
	var err error
	if out.Condition, err = conditionOf(&s.args[0]); err != nil {
		return nil, err
	}
	for i := 1; i < len(s.args); i++ {
		x := s.args[i].list
		if len(x) == 0 || x[0].isList() {
			return nil, s.want(what)
		}
		branch, err := s.statements(x[1:], true)
		switch {
		case err != nil:
			return nil, err
		case x[0].symbol == "true" && out.Then == nil:
			out.Then = branch
		case x[0].symbol == "false" && out.Else == nil:
			out.Else = branch
		default:
			return nil, s.want(what)
		}
	}
	return []Statement{out}, nil
}

// conditionOf reads an expression over booleans; how deep it is the lists have
// limited.
func conditionOf(x *expression) (*Condition, error) {
	if !x.isList() {
		return When(x.symbol), nil
	}
	if len(x.list) == 1 && !x.list[0].isList() {
		return When(x.list[0].symbol), nil
	}
	operator := 0
	if len(x.list) > 0 {
		operator = max(0, slices.Index(cilOperators[:], x.list[0].symbol))
	}
	if operator == 0 || x.list[0].symbol == "" || len(x.list) != 3 && !(Operator(operator) == OpNot && len(x.list) == 2) ||
		Operator(operator) == OpNot && len(x.list) != 2 {
		return nil, &ParseError{x.pos, &SyntaxError{Expected: "a boolean, or and, or, xor, eq, neq or not of such", Found: "another expression"}}
	}
	left, err := conditionOf(&x.list[1])
	if err != nil || len(x.list) == 2 {
		return &Condition{Operator: Operator(operator), Left: left}, err
	}
	right, err := conditionOf(&x.list[2])
	return &Condition{Operator: Operator(operator), Left: left, Right: right}, err
}

func (s *cilStatement) optional() ([]Statement, error) {
	if len(s.args) == 0 || s.args[0].isList() {
		return nil, s.want("name statement …")
	}
	body, err := s.statements(s.args[1:], false)
	if err != nil {
		return nil, err
	}
	return []Statement{&Optional{at: s.at, Body: body}}, nil
}

// user declares a user, or says more of one that the block has declared.
func (s *cilStatement) user() ([]Statement, error) {
	if s.keyword == "user" {
		a, err := s.symbols(1, "name")
		if err != nil {
			return nil, err
		}
		u := &User{at: s.at, Name: a[0]}
		s.users[u.Name] = u
		return []Statement{u}, nil
	}
	if len(s.args) != 2 || s.args[0].isList() {
		return nil, s.want("name and what it gets")
	}
	u := s.users[s.args[0].symbol]
	if u == nil {
		return nil, &UnsupportedError{fmt.Sprintf("%s of a user that is not declared there", s.keyword)}
	}
	s.done = true
	x := &s.args[1]
	var err error
	switch {
	case s.keyword == "userlevel":
		u.Level, err = levelOf(x)
	case s.keyword == "userrange":
		u.Range, err = rangeOf(x)
	case x.isList():
		return nil, s.want("name role")
	case x.symbol != objectR: // which every user has
		u.Roles = append(u.Roles, x.symbol)
	}
	return nil, err
}
