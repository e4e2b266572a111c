package module

import (
	"fmt"
)

// conditional reads the rest of an if statement.
func (p *parser) conditional(at at) Statement {
	s := &If{at: at}
	s.Condition = p.condition(lowest, 0)
	s.Then = p.conditionalRules()
	if p.isKeyword("else") {
		p.advance()
		s.Else = p.conditionalRules()
	}
	return s
}

func (p *parser) conditionalRules() []Statement {
	p.expect('{')
	var out []Statement
	for p.token.kind == tokenKeyword {
		pos, word := p.position(), p.token.text
		var s Statement
		if word == "require" {
			p.advance()
			s = p.require(at{pos})
		} else {
			s = p.rule(at{pos}, word)
		}
		if p.err != nil {
			return nil
		}
		a, isAccess := s.(*AccessRule)
		_, isRoles := s.(*RoleAllow)
		if s == nil || isRoles || isAccess && a.Kind.never() {
			p.failAs(pos, &SyntaxError{Expected: "a rule that can be conditional", Found: "the keyword " + word})
			return nil
		}
		out = append(out, s)
	}
	if p.token.kind != '}' {
		p.fail("a rule or '}'")
	}
	p.expect('}')
	return out
}

// How strongly operators of conditions bind.
const (
	lowest = iota
	bindsOr
	bindsXor
	bindsAnd
	bindsNot
	bindsEqual
)

// condition reads an expression of operators that bind at least so strongly.
func (p *parser) condition(least, depth int) *Condition {
	if depth > maxDepth {
		p.failAs(p.position(), fmt.Errorf("condition deeper than %d", maxDepth))
		return nil
	}
	var left *Condition
	switch {
	case p.token.kind == '!' || p.isKeyword("not"):
		p.advance()
		left = Not(p.condition(bindsEqual, depth+1))
	case p.accept('('):
		left = p.condition(lowest, depth+1)
		p.expect(')')
	default:
		left = When(p.name("a boolean"))
	}
	for n := 0; ; n++ {
		op, binds := p.operation()
		if op == 0 || binds < least {
			return left
		}
		if n > maxDepth {
			p.failAs(p.position(), fmt.Errorf("condition deeper than %d", maxDepth))
			return nil
		}
		p.advance()
		left = &Condition{Operator: op, Left: left, Right: p.condition(binds+1, depth+1)}
	}
}

// operation is the operator that the token is, if it is one.
func (p *parser) operation() (op Operator, binds int) {
	switch p.token.kind {
	case tokenAnd:
		return OpAnd, bindsAnd
	case tokenOr:
		return OpOr, bindsOr
	case '^':
		return OpXor, bindsXor
	case tokenEqual:
		return OpEqual, bindsEqual
	case tokenNotEqual:
		return OpNotEqual, bindsEqual
	case tokenKeyword:
		switch p.token.text {
		case "and":
			return OpAnd, bindsAnd
		case "or":
			return OpOr, bindsOr
		case "xor":
			return OpXor, bindsXor
		case "eq":
			return OpEqual, bindsEqual
		}
	}
	return 0, 0
}
