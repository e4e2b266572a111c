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
	order, permissions := sortKeys(rules, attribute)
	out, all := make([]Rule, 0, len(rules)), make([]string, 0, permissions)
	for len(order) > 0 {
		var group []ruleKey
		group, order = nextGroup(order, rules)
		r := rules[group[0].rule]
		if group[0].target == 0 {
			r.Target = Self
		}
		if len(group) > 1 || !ascending(r.Permissions) {
			start := len(all)
			for _, k := range group {
				all = append(all, rules[k.rule].Permissions...)
			}
			slices.Sort(all[start:])
			r.Permissions = slices.Compact(all[start:])
			all = all[:start+len(r.Permissions)]
		}
		if len(group) > 1 || len(r.Xperms) > 0 || len(r.Evidence) > 1 {
			r.Xperms, r.Evidence = nil, nil
			for _, k := range group {
				r.Xperms = append(r.Xperms, rules[k.rule].Xperms...)
				r.Evidence = append(r.Evidence, rules[k.rule].Evidence...)
			}
			r.Xperms, r.Evidence = mergeRanges(r.Xperms), unique(r.Evidence)
		}
		r.Permissions, r.Xperms, r.Evidence = clip(r.Permissions), clip(r.Xperms), clip(r.Evidence)
		out = append(out, r)
	}
	return out
}

// mergeForBinary returns the rules as [merge] does, but for the order within a
// rule and for what is said twice there: neither is seen in a binary module.
// Rules that stay as they are are not copied.
func mergeForBinary(list []Statement, rules []Rule, attribute func(string) bool) []Statement {
	order, _ := sortKeys(rules, attribute)
	for len(order) > 0 {
		var group []ruleKey
		group, order = nextGroup(order, rules)
		r := &rules[group[0].rule]
		if self := group[0].target == 0; len(group) > 1 || self != (r.Target == Self) {
			merged := *r
			if self {
				merged.Target = Self
			}
			for _, k := range group[1:] {
				if !r.Kind.xperm() { // those have the same one
					merged.Permissions = append(slices.Clip(merged.Permissions), rules[k.rule].Permissions...)
				}
				merged.Xperms = append(slices.Clip(merged.Xperms), rules[k.rule].Xperms...)
			}
			r = &merged
		}
		list = append(list, r)
	}
	return list
}

// nextGroup cuts off the first keys that are one.
func nextGroup(order []ruleKey, rules []Rule) (group, rest []ruleKey) {
	n := 1
	for n < len(order) && order[0].compare(&order[n], rules) == 0 {
		n++
	}
	return order[:n], order[n:]
}

// ruleKey is what rules are sorted and merged by. Names are given as their
// places in the order of names, from 1; a target 0 is self.
type ruleKey struct {
	source, target, class uint32
	kind                  Kind
	rule                  int32 // index
}

// compare orders rules by what makes them one.
func (k *ruleKey) compare(o *ruleKey, rules []Rule) int {
	switch {
	case k.source != o.source:
		return cmp.Compare(k.source, o.source)
	case k.target != o.target:
		return cmp.Compare(k.target, o.target)
	case k.class != o.class:
		return cmp.Compare(k.class, o.class)
	case k.kind != o.kind:
		return cmp.Compare(k.kind, o.kind)
	case k.kind.xperm():
		return slices.Compare(rules[k.rule].Permissions, rules[o.rule].Permissions)
	}
	return 0
}

// sortKeys returns the sorted keys of rules, and how many permissions they have
// in all. There may be many rules of few names: what is compared are these.
func sortKeys(rules []Rule, attribute func(string) bool) (keys []ruleKey, permissions int) {
	const self = 1<<32 - 1
	numbers := numbering{of: make(map[string]uint32, min(len(rules), 128))}
	keys = make([]ruleKey, len(rules))
	var before Rule
	for i := range rules {
		r, k := &rules[i], &keys[i]
		permissions += len(r.Permissions)
		if i > 0 {
			*k = keys[i-1] // neighbours are often about the same
		}
		if i == 0 || r.Source != before.Source {
			k.source = numbers.number(r.Source)
		}
		if i == 0 || r.Class != before.Class {
			k.class = numbers.number(r.Class)
		}
		switch {
		case r.Target == Self || r.Target == r.Source && !attribute(r.Source):
			k.target = self
		case i == 0 || k.target == self || r.Target != before.Target:
			k.target = numbers.number(r.Target)
		}
		k.rule, k.kind = int32(i), r.Kind
		before.Source, before.Target, before.Class = r.Source, r.Target, r.Class
	}
	places := numbers.places()
	sorted, xperms := true, false
	for i := range keys {
		k := &keys[i]
		k.source, k.class = places[k.source], places[k.class]
		if k.target == self {
			k.target = 0
		} else {
			k.target = places[k.target]
		}
		xperms = xperms || k.kind.xperm()
		sorted = sorted && (i == 0 || keys[i-1].compare(k, rules) <= 0)
	}
	switch {
	case sorted:
	case xperms:
		slices.SortStableFunc(keys, func(a, b ruleKey) int { return a.compare(&b, rules) })
	default:
		n, spare := len(places)+1, make([]ruleKey, len(keys))
		countingSort(spare, keys, 256, func(k *ruleKey) uint32 { return uint32(k.kind) })
		countingSort(keys, spare, n, func(k *ruleKey) uint32 { return k.class })
		countingSort(spare, keys, n, func(k *ruleKey) uint32 { return k.target })
		countingSort(keys, spare, n, func(k *ruleKey) uint32 { return k.source })
	}
	return keys, permissions
}

// countingSort puts keys into out, sorted by a value below n; those of the same
// value stay in their order.
func countingSort(out, keys []ruleKey, n int, value func(*ruleKey) uint32) {
	at := make([]int32, n+1)
	for i := range keys {
		at[value(&keys[i])+1]++
	}
	for i := 1; i < n; i++ {
		at[i] += at[i-1]
	}
	for i := range keys {
		v := value(&keys[i])
		out[at[v]] = keys[i]
		at[v]++
	}
}

// numbering numbers names.
type numbering struct {
	of    map[string]uint32
	names []string
}

func (n *numbering) number(name string) uint32 {
	i, ok := n.of[name]
	if !ok {
		i = uint32(len(n.names))
		n.of[name] = i
		n.names = append(n.names, name)
	}
	return i
}

// places returns for each number the name's place in the order of names, from 1.
func (n *numbering) places() []uint32 {
	slices.Sort(n.names)
	places := make([]uint32, len(n.names))
	for i, name := range n.names {
		places[n.of[name]] = uint32(i) + 1
	}
	return places
}

// ascending reports whether names are sorted, each once.
func ascending(names []string) bool {
	for i := 1; i < len(names); i++ {
		if names[i-1] >= names[i] {
			return false
		}
	}
	return true
}

// clip keeps what is appended to a list out of the array that it is part of.
// An empty one is nil.
func clip[T any](list []T) []T {
	if len(list) == 0 {
		return nil
	}
	return slices.Clip(list)
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
