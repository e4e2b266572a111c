package module

import (
	"errors"
	"fmt"
	"strconv"
)

// rule reads the statements that conditionals may have, too.
func (p *parser) rule(at at, word string) Statement {
	switch word {
	case "allow":
		p.advance()
		return p.allow(at)
	case "auditallow":
		return p.accessRule(at, AuditAllow)
	case "dontaudit":
		return p.accessRule(at, DontAudit)
	case "auditdeny":
		return p.accessRule(at, AuditDeny)
	case "neverallow":
		return p.accessRule(at, NeverAllow)
	case "allowxperm":
		return p.accessRule(at, AllowXperm)
	case "auditallowxperm":
		return p.accessRule(at, AuditAllowXperm)
	case "dontauditxperm":
		return p.accessRule(at, DontAuditXperm)
	case "neverallowxperm":
		return p.accessRule(at, NeverAllowXperm)
	case "type_transition":
		return p.typeRule(at, TypeTransition)
	case "type_member":
		return p.typeRule(at, TypeMember)
	case "type_change":
		return p.typeRule(at, TypeChange)
	}
	return nil
}

// allow reads an access rule, or one between roles.
func (p *parser) allow(at at) Statement {
	r := p.newRule(at, Allow)
	p.typeSet(&r.Sources)
	p.typeSet(&r.Targets)
	if p.token.kind == ':' {
		p.vector(r)
		return r
	}
	if p.token.kind != ';' {
		p.fail("':' and a class, or ';' after two roles")
		return nil
	}
	for _, s := range [...]*TypeSet{&r.Sources, &r.Targets} {
		if s.All || s.Complement || s.Self || s.NotSelf || len(s.Except) > 0 {
			p.failAs(at.pos, errors.New("*, ~, - and self are not for roles"))
			return nil
		}
	}
	p.advance()
	return &RoleAllow{at: at, From: r.Sources.Names, To: r.Targets.Names}
}

func (p *parser) accessRule(at at, kind Kind) Statement {
	p.advance()
	r := p.newRule(at, kind)
	p.typeSet(&r.Sources)
	p.typeSet(&r.Targets)
	p.vector(r)
	return r
}

// vector reads the rest of an access rule, from the colon on.
func (p *parser) vector(r *AccessRule) {
	p.expect(':')
	r.Classes = p.list("a class")
	if r.Kind.xperm() {
		r.Permissions.Names = p.one(p.name("ioctl or nlmsg"))
		r.Xperms = p.xperms()
		p.expect(';')
		return
	}
	pos := p.position()
	s := p.names("a permission")
	if len(s.except) > 0 {
		p.failAs(pos, errors.New("- is not for permissions"))
	}
	r.Permissions = PermissionSet{Names: s.names, All: s.all, Complement: s.complement}
	p.expect(';')
}

// xperms reads extended permissions; a complement is turned round.
func (p *parser) xperms() []XpermRange {
	pos := p.position()
	complement := p.accept('~')
	var list []XpermRange
	if p.token.kind == '{' {
		list = p.nestedXperms(nil, 0)
	} else {
		n := p.xperm()
		list = []XpermRange{{Low: n, High: n}}
	}
	if !complement || p.err != nil {
		return list
	}
	list = invertRanges(mergeRanges(list))
	if len(list) == 0 {
		p.failAs(pos, errors.New("no extended permission left"))
	}
	return list
}

func (p *parser) nestedXperms(list []XpermRange, depth int) []XpermRange {
	if depth > maxDepth {
		p.failAs(p.position(), fmt.Errorf("sets deeper than %d", maxDepth))
		return nil
	}
	p.expect('{')
	for first := true; first || p.token.kind != '}' && p.err == nil; first = false {
		if p.token.kind == '{' {
			list = p.nestedXperms(list, depth+1)
			continue
		}
		pos := p.position()
		r := XpermRange{Low: p.xperm()}
		r.High = r.Low
		if p.accept('-') {
			r.High = p.xperm()
		}
		if r.High < r.Low {
			p.failAs(pos, fmt.Errorf("reversed range %#x-%#x", r.Low, r.High))
		}
		list = append(list, r)
	}
	p.expect('}')
	return list
}

func (p *parser) xperm() uint16 {
	if p.token.kind != tokenNumber {
		p.fail("a number")
		return 0
	}
	n, err := strconv.ParseUint(p.token.text, 0, 16)
	if err != nil {
		p.failAs(p.position(), fmt.Errorf("%s is no extended permission: %w", p.token.String(), errors.Unwrap(err)))
	}
	p.advance()
	return uint16(n)
}

// invertRanges are the values that merged ranges leave out.
func invertRanges(list []XpermRange) []XpermRange {
	var out []XpermRange
	next := 0
	for _, r := range list {
		if int(r.Low) > next {
			out = append(out, XpermRange{Low: uint16(next), High: r.Low - 1})
		}
		next = int(r.High) + 1
	}
	if next <= 0xffff {
		out = append(out, XpermRange{Low: uint16(next), High: 0xffff})
	}
	return out
}

func (p *parser) typeRule(at at, kind TypeRuleKind) Statement {
	p.advance()
	r := &TypeRule{at: at, Kind: kind}
	p.typeSet(&r.Sources)
	p.typeSet(&r.Targets)
	p.expect(':')
	r.Classes = p.list("a class")
	r.NewType = p.name("a type")
	if kind == TypeTransition && p.token.kind == tokenFile {
		r.FileName = p.token.text
		p.advance()
	}
	p.expect(';')
	return r
}
