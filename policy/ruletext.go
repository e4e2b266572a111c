package policy

import (
	"cmp"
	"math/bits"
	"slices"
)

// String returns the rule as sesearch prints it, with its condition, for
// instance
//
//	allow httpd_t port_type:tcp_socket name_connect; [ httpd_can_network_connect ]:True
//
// Names of new objects are not quoted; [Rule.Statement] quotes them.
func (r Rule) String() string { return string(r.append(make([]byte, 0, 128), false)) }

// AppendText appends what [Rule.String] returns. It implements
// [encoding.TextAppender]; the error is always nil.
func (r Rule) AppendText(b []byte) ([]byte, error) { return r.append(b, false), nil }

// MarshalText implements [encoding.TextMarshaler].
func (r Rule) MarshalText() ([]byte, error) { return r.append(nil, false), nil }

// Statement returns the rule as a policy's source has it, without its
// condition.
func (r Rule) Statement() string { return string(r.append(nil, true)) }

func (r Rule) append(b []byte, source bool) []byte {
	if r.p == nil {
		return b
	}
	kind := r.Kind()
	b = append(b, ruleKeyword(kind)...)
	b = append(b, ' ')
	b = append(b, r.Source()...)
	b = append(b, ' ')
	b = append(b, r.Target()...)
	if kind == KindRoleAllow {
		return append(b, ';')
	}
	b = append(b, ':')
	b = append(b, r.Class()...)
	b = append(b, ' ')
	switch {
	case kind&AccessKinds != 0:
		b = r.classInfo().appendNames(b, r.vector())
	case kind&XpermKinds != 0:
		b = r.appendXperms(b, source)
	case kind == KindRangeTransition:
		b = r.p.appendRange(b, &r.p.db.RangeTransitions[r.index].Range, statementText)
	default:
		b = append(b, r.Default()...)
		if name := r.Name(); name != "" {
			b = append(b, ' ')
			b = appendObjectName(b, name, source)
		}
	}
	b = append(b, ';')
	if r.cond.p != nil && !source {
		b = append(b, ' ')
		b = r.cond.append(b)
	}
	return b
}

// ruleKeyword returns the keyword of one kind.
func ruleKeyword(kind RuleKind) string { return ruleKeywords[bits.TrailingZeros16(uint16(kind))] }

func appendObjectName(b []byte, name string, quoted bool) []byte {
	if !quoted {
		return append(b, name...)
	}
	b = append(b, '"')
	b = append(b, name...)
	return append(b, '"')
}

// appendXperms appends the extended permissions. A range alone has no braces in
// sesearch's output, but needs them in a source.
func (r Rule) appendXperms(b []byte, source bool) []byte {
	b = append(b, r.xpermPermission()...)
	b = append(b, ' ')
	start := len(b)
	n, bare := 0, true
	for x := range r.Xperms() {
		bare = !source || x.Low == x.High
		if n > 0 {
			b = append(b, ' ')
		}
		b = append(b, x.String()...)
		n++
	}
	if n == 1 && bare {
		return b
	}
	b = slices.Insert(b, start, '{', ' ')
	return append(b, " }"...)
}

// appendNames appends the permissions in an access vector by name: one alone,
// or several in braces.
func (c *classInfo) appendNames(b []byte, vector uint32) []byte {
	one := vector != 0 && vector&(vector-1) == 0
	if !one {
		b = append(b, "{ "...)
	}
	for _, bit := range c.byName {
		if vector&(1<<bit) == 0 {
			continue
		}
		b = append(b, c.permissions[bit]...)
		if one {
			return b
		}
		b = append(b, ' ')
	}
	return append(b, '}')
}

// permissionOrder returns the bits of the permissions, in the order of their
// names.
func permissionOrder(names []string) []uint8 {
	order := make([]uint8, 0, len(names))
	for i, name := range names {
		if name != "" {
			order = append(order, uint8(i))
		}
	}
	slices.SortFunc(order, func(a, b uint8) int { return cmp.Compare(names[a], names[b]) })
	return order
}
