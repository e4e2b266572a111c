package module

import (
	"cmp"
	"errors"
	"fmt"
	"slices"

	"github.com/sekit/sekit/policy"
)

// Self as a rule's target stands for the source type itself: of an attribute,
// each of its types for itself alone.
const Self = "self"

// Kind is the kind of an access vector rule.
type Kind uint8

const (
	Allow Kind = iota + 1
	AuditAllow
	DontAudit
	AllowXperm
	AuditAllowXperm
	DontAuditXperm
	// NeverAllow and NeverAllowXperm are assertions: a policy that allows what
	// they name is not built.
	NeverAllow
	NeverAllowXperm
	// AuditDeny is what DontAudit came to replace: denials to log.
	AuditDeny
)

// String returns the rule's keyword in the module language.
func (k Kind) String() string {
	switch k {
	case Allow:
		return "allow"
	case AuditAllow:
		return "auditallow"
	case DontAudit:
		return "dontaudit"
	case AllowXperm:
		return "allowxperm"
	case AuditAllowXperm:
		return "auditallowxperm"
	case DontAuditXperm:
		return "dontauditxperm"
	case NeverAllow:
		return "neverallow"
	case NeverAllowXperm:
		return "neverallowxperm"
	case AuditDeny:
		return "auditdeny"
	}
	return fmt.Sprintf("Kind(%d)", uint8(k))
}

// MarshalText implements [encoding.TextMarshaler].
func (k Kind) MarshalText() ([]byte, error) { return []byte(k.String()), nil }

// xperm reports whether rules of this kind have ranges of extended permissions.
func (k Kind) xperm() bool { return k >= AllowXperm && k <= DontAuditXperm || k == NeverAllowXperm }

// never reports whether rules of this kind are assertions.
func (k Kind) never() bool { return k == NeverAllow || k == NeverAllowXperm }

// XpermRange is a range of extended permissions, both ends included: ioctl
// commands, or netlink message types.
type XpermRange = policy.XpermRange

// Rule is one access vector rule.
type Rule struct {
	Kind Kind `json:"kind"`
	// Source and Target are types, or attributes that the module's
	// RequireAttributes name. Target may be [Self].
	Source string `json:"source"`
	Target string `json:"target"`
	Class  string `json:"class"`
	// Permissions are the class's permissions; of an xperm rule the one
	// permission that it refines: ioctl or nlmsg.
	Permissions []string `json:"permissions"`
	// Xperms are the ranges of an xperm rule.
	Xperms []XpermRange `json:"xperms,omitempty"`
	// Evidence says where the rule came from, a line each. It becomes comments,
	// made safe, and counts for nothing else.
	Evidence []string `json:"evidence,omitempty"`
}

// Position implements [Statement].
func (r *Rule) Position() Pos { return Pos{} }
func (r *Rule) statement()    {}

// String returns the rule in the module language, on one line and without its
// evidence; of a rule that does not check, something readable.
func (r Rule) String() string {
	return string(appendRule(nil, r, 0))
}

// check says what is wrong with the rule.
func (r *Rule) check() error {
	if r.Kind < Allow || r.Kind > AuditDeny {
		return fmt.Errorf("unknown rule kind %d", r.Kind)
	}
	if err := checkName("type", r.Source); err != nil {
		return err
	}
	if r.Target != Self {
		if err := checkName("type", r.Target); err != nil {
			return err
		}
	}
	if err := checkName("class", r.Class); err != nil {
		return err
	}
	if len(r.Permissions) == 0 {
		return errors.New("no permission")
	}
	for _, p := range r.Permissions {
		if err := checkName("permission", p); err != nil {
			return err
		}
	}
	return checkXperms(r.Kind, r.Permissions, r.Xperms)
}

func checkXperms(kind Kind, permissions []string, ranges []XpermRange) error {
	if !kind.xperm() {
		if len(ranges) > 0 {
			return fmt.Errorf("%s rule with extended permissions", kind)
		}
		return nil
	}
	if len(permissions) != 1 || permissions[0] != "ioctl" && permissions[0] != "nlmsg" {
		return fmt.Errorf("%s rule must refine the permission ioctl or nlmsg, and that alone", kind)
	}
	if len(ranges) == 0 {
		return fmt.Errorf("%s rule without extended permissions", kind)
	}
	for _, x := range ranges {
		if x.Low > x.High {
			return fmt.Errorf("reversed range %#x-%#x", x.Low, x.High)
		}
	}
	return nil
}

// merge returns the rules sorted (source; self, then targets; class; kind),
// those of one key merged into one, their permissions, ranges and evidence
// each once. A type that is its own target becomes self; an attribute does
// not, for there both differ.
func merge(rules []Rule, attribute func(string) bool) []Rule {
	// There may be many rules: they are sorted where they are.
	order, targets := make([]int32, len(rules)), make([]string, len(rules))
	permissions := 0
	for i := range rules {
		r := &rules[i]
		permissions += len(r.Permissions)
		order[i], targets[i] = int32(i), r.Target
		if r.Source == r.Target && !attribute(r.Source) {
			targets[i] = Self
		}
	}
	slices.SortFunc(order, func(i, j int32) int {
		if c := compareKey(&rules[i], &rules[j], targets[i], targets[j]); c != 0 {
			return c
		}
		return int(i) - int(j)
	})
	out, all := make([]Rule, 0, len(rules)), make([]string, 0, permissions)
	for i := 0; i < len(order); {
		first, n := order[i], 1
		for i+n < len(order) && compareKey(&rules[first], &rules[order[i+n]], targets[first], targets[order[i+n]]) == 0 {
			n++
		}
		r := rules[first]
		r.Target = targets[first]
		if n > 1 || !tidy(&r) {
			r.Permissions, r.Xperms, r.Evidence = all[len(all):], nil, nil
			for _, j := range order[i : i+n] {
				r.Permissions = append(r.Permissions, rules[j].Permissions...)
				r.Xperms = append(r.Xperms, rules[j].Xperms...)
				r.Evidence = append(r.Evidence, rules[j].Evidence...)
			}
			all = all[:len(all)+len(r.Permissions)]
			slices.Sort(r.Permissions)
			r.Permissions = slices.Compact(r.Permissions)
			r.Xperms = mergeRanges(r.Xperms)
			r.Evidence = unique(r.Evidence)
		}
		r.Permissions, r.Xperms, r.Evidence = clip(r.Permissions), clip(r.Xperms), clip(r.Evidence)
		out = append(out, r)
		i += n
	}
	return out
}

// tidy reports whether a rule alone merges to itself.
func tidy(r *Rule) bool {
	for i := 1; i < len(r.Permissions); i++ {
		if r.Permissions[i-1] >= r.Permissions[i] {
			return false
		}
	}
	return len(r.Xperms) == 0 && len(r.Evidence) < 2
}

// clip keeps what is appended to a list out of the array that it is part of.
// An empty one is nil.
func clip[T any](list []T) []T {
	if len(list) == 0 {
		return nil
	}
	return slices.Clip(list)
}

// compareKey orders rules with the given targets by what makes them one.
func compareKey(a, b *Rule, to, toB string) int {
	if c := cmp.Compare(a.Source, b.Source); c != 0 {
		return c
	}
	if to != toB {
		if to == Self {
			return -1
		}
		if toB == Self {
			return 1
		}
		return cmp.Compare(to, toB)
	}
	if c := cmp.Compare(a.Class, b.Class); c != 0 {
		return c
	}
	c := cmp.Compare(a.Kind, b.Kind)
	if c == 0 && a.Kind.xperm() {
		return slices.Compare(a.Permissions, b.Permissions)
	}
	return c
}

// mergeRanges sorts ranges and joins those that touch. It reuses rs.
func mergeRanges(rs []XpermRange) []XpermRange {
	if len(rs) == 0 {
		return nil
	}
	slices.SortFunc(rs, func(a, b XpermRange) int {
		return cmp.Or(cmp.Compare(a.Low, b.Low), cmp.Compare(a.High, b.High))
	})
	n := 0
	for _, r := range rs[1:] {
		if uint32(r.Low) <= uint32(rs[n].High)+1 {
			rs[n].High = max(rs[n].High, r.High)
			continue
		}
		n++
		rs[n] = r
	}
	return rs[:n+1]
}

// unique drops repeats and keeps the order. It reuses lines.
func unique(lines []string) []string {
	if len(lines) < 2 {
		return lines
	}
	seen := make(map[string]bool, len(lines))
	return slices.DeleteFunc(lines, func(s string) bool {
		had := seen[s]
		seen[s] = true
		return had
	})
}
