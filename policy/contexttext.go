package policy

import "github.com/sekit/sekit/internal/policydb"

// textStyle is how levels and ranges are written.
type textStyle uint8

const (
	// kernelText is what the kernel prints (mls_sid_to_context): low-high, and
	// two categories in a row as c0,c1.
	kernelText textStyle = iota
	// statementText is what SETools prints in statements: low - high, and two
	// categories in a row as c0.c1. A policy compiler takes either.
	statementText
)

// context returns a context of the policy as the kernel prints it.
func (p *Policy) context(c *policydb.Context) Context {
	if c.User == 0 || c.Role == 0 || c.Type == 0 {
		return Context{}
	}
	ctx, err := ParseContext(string(p.appendContext(nil, c, kernelText)))
	if err != nil {
		return Context{} // longer than a page: the kernel has no text for it either
	}
	return ctx
}

func (p *Policy) appendContext(b []byte, c *policydb.Context, style textStyle) []byte {
	if c.User == 0 || c.Role == 0 || c.Type == 0 {
		return b
	}
	b = append(b, p.userNameAt(int(c.User-1))...)
	b = append(b, ':')
	b = append(b, p.roleNameAt(int(c.Role-1))...)
	b = append(b, ':')
	b = append(b, p.sym.typeName(c.Type)...)
	if p.db.MLS {
		b = append(b, ':')
		b = p.appendRange(b, &c.Range, style)
	}
	return b
}

func (p *Policy) appendRange(b []byte, r *policydb.Range, style textStyle) []byte {
	b = p.sym.appendLevelStyle(b, &r.Low, style)
	if sameLevel(&r.Low, &r.High) {
		return b
	}
	if style == statementText {
		b = append(b, " - "...)
	} else {
		b = append(b, '-')
	}
	return p.sym.appendLevelStyle(b, &r.High, style)
}

func (p *Policy) appendLevel(b []byte, l *policydb.Level, style textStyle) []byte {
	return p.sym.appendLevelStyle(b, l, style)
}

// appendRange appends a range as the kernel prints it: one level if both are
// equal.
func (s *symbols) appendRange(b []byte, low, high *policydb.Level) []byte {
	b = s.appendLevel(b, low)
	if !sameLevel(low, high) {
		b = append(b, '-')
		b = s.appendLevel(b, high)
	}
	return b
}

// appendLevel appends a level as the kernel prints it.
func (s *symbols) appendLevel(b []byte, l *policydb.Level) []byte {
	return s.appendLevelStyle(b, l, kernelText)
}

func (s *symbols) appendLevelStyle(b []byte, l *policydb.Level, style textStyle) []byte {
	if l.Sensitivity == 0 {
		return b // a policy without MLS, which may have constraints on levels
	}
	b = append(b, s.sensitivities[l.Sensitivity-1]...)
	sep := byte(':')
	run, first, last := 0, uint32(0), uint32(0)
	flush := func() {
		if run == 0 {
			return
		}
		b = append(b, sep)
		sep = ','
		b = append(b, s.categories[first]...)
		if run == 1 {
			return
		}
		if run == 2 && style == kernelText {
			b = append(b, ',')
		} else {
			b = append(b, '.')
		}
		b = append(b, s.categories[last]...)
	}
	for c := range l.Categories.All() {
		if run > 0 && c == last+1 {
			run, last = run+1, c
			continue
		}
		flush()
		run, first, last = 1, c, c
	}
	flush()
	return b
}
