package policy

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/sekit/sekit/internal/policydb"
)

// Change is a change to a policy that [Policy.With] can imagine: one of
// [SetBoolean], [AllowRule], [DontAuditRule], [AllowXperm], [RemoveRule],
// [MakePermissive] and [PortContext].
type Change interface {
	// String says the change in a few words, for people.
	fmt.Stringer
	json.Marshaler
	// apply adds the change to a copy of an overlay and a setting of booleans.
	apply(p *Policy, o *overlay, booleans []bool) error
}

// SetBoolean sets a boolean.
type SetBoolean struct {
	Name string
	On   bool
}

// AllowRule adds an allow rule. Source and Target are types or attributes;
// Target may be "self".
type AllowRule struct {
	Source, Target, Class string
	Permissions           []string
}

// DontAuditRule adds a dontaudit rule, which grants nothing and keeps denials
// out of the log. Source and Target are as in [AllowRule].
type DontAuditRule struct {
	Source, Target, Class string
	Permissions           []string
}

// AllowXperm adds an allowxperm rule for the extended permissions Low to High
// (ioctl commands, netlink message types) of the permission ioctl or nlmsg.
// Like any such rule it also takes away: once a (source, target, class) has
// one, only the extended permissions listed are granted.
type AllowXperm struct {
	Source, Target, Class string
	Permission            string // "ioctl" or "nlmsg"
	Low, High             uint16
}

// RemoveRule removes a rule of the policy itself: one with permissions or
// extended permissions, a type_member, a type_change, or a type_transition
// without a name.
type RemoveRule struct {
	Rule Rule
}

// MakePermissive makes the domain Type permissive.
type MakePermissive struct {
	Type string
}

// PortContext gives the ports Low to High of a protocol the context that portcon
// statements of Type have: what "semanage port -a" does. It takes precedence
// over the policy's own portcons. Type is any type, as for libsepol and the
// kernel: which ones an administrator is to give to ports is a convention (the
// attribute port_type, which semanage goes by) and not every policy has it. Where
// it counts, package port refuses the others.
type PortContext struct {
	Protocol  Protocol
	Low, High uint16
	Type      string
}

// overlay is what With lays over a policy. It is never changed once made. The
// methods work on a nil overlay.
type overlay struct {
	allow      []extraRule
	dontAudit  []extraRule
	xperms     []extraXperm
	removed    map[uint32]struct{} // rule numbers
	permissive []uint32            // types
	ports      []extraPort         // the last one that matches counts
}

// extraRule is an added allow or dontaudit rule, in values.
type extraRule struct {
	source, target uint32 // types or attributes; target 0 is self
	class          uint32
	perms          uint32
}

type extraXperm struct {
	extraRule
	nlmsg     bool // else ioctl
	low, high uint16
}

// extraPort is an added portcon.
type extraPort struct {
	protocol  Protocol
	low, high uint16
	typ       uint32
}

func (o *overlay) isRemoved(number uint32) bool {
	if o == nil || o.removed == nil {
		return false
	}
	_, removed := o.removed[number]
	return removed
}

func (o *overlay) clone() *overlay {
	if o == nil {
		return &overlay{}
	}
	c := &overlay{
		allow:      slices.Clone(o.allow),
		dontAudit:  slices.Clone(o.dontAudit),
		xperms:     slices.Clone(o.xperms),
		permissive: slices.Clone(o.permissive),
		ports:      slices.Clone(o.ports),
	}
	if o.removed != nil {
		c.removed = make(map[uint32]struct{}, len(o.removed)+1)
		for n := range o.removed {
			c.removed[n] = struct{}{}
		}
	}
	return c
}

// matches reports whether the rule is for two types with these attributes.
func (r *extraRule) matches(source, target, class uint32, sattr, tattr *policydb.Bitmap) bool {
	if r.class != class || !has(sattr, r.source-1) {
		return false
	}
	if r.target == 0 {
		return source == target
	}
	return has(tattr, r.target-1)
}

// With returns the policy as it would be with the changes made, in their
// order, on top of what p has. Nothing is copied but the changes, and p is not
// touched. Names that the policy doesn't have give a [*NameError].
func (p *Policy) With(changes ...Change) (*Policy, error) {
	o := p.over.clone()
	booleans := slices.Clone(p.state.booleans)
	for _, c := range changes {
		if c == nil {
			return nil, fmt.Errorf("nil change")
		}
		if err := c.apply(p, o, booleans); err != nil {
			return nil, fmt.Errorf("%s: %w", c, err)
		}
	}
	next := &Policy{db: p.db, sym: p.sym, engine: p.engine, state: p.state, over: o}
	if !slices.Equal(booleans, p.state.booleans) {
		next.state = newState(p.db, booleans)
	}
	return next, nil
}

func (c SetBoolean) apply(p *Policy, _ *overlay, booleans []bool) error {
	v := p.sym.booleanByName[c.Name]
	if v == 0 {
		return &NameError{"boolean", c.Name}
	}
	booleans[v-1] = c.On
	return nil
}

func (c AllowRule) apply(p *Policy, o *overlay, _ []bool) error {
	r, err := p.extraRule(c.Source, c.Target, c.Class, c.Permissions)
	if err == nil {
		o.allow = append(o.allow, r)
	}
	return err
}

func (c DontAuditRule) apply(p *Policy, o *overlay, _ []bool) error {
	r, err := p.extraRule(c.Source, c.Target, c.Class, c.Permissions)
	if err == nil {
		o.dontAudit = append(o.dontAudit, r)
	}
	return err
}

func (c AllowXperm) apply(p *Policy, o *overlay, _ []bool) error {
	if c.Permission != "ioctl" && c.Permission != "nlmsg" {
		return fmt.Errorf("permission %s has no extended permissions", quote(c.Permission))
	}
	if c.Low > c.High {
		return fmt.Errorf("%#x-%#x does not ascend", c.Low, c.High)
	}
	r, err := p.extraRule(c.Source, c.Target, c.Class, []string{c.Permission})
	if err == nil {
		o.xperms = append(o.xperms, extraXperm{r, c.Permission == "nlmsg", c.Low, c.High})
	}
	return err
}

func (c RemoveRule) apply(p *Policy, o *overlay, _ []bool) error {
	number, ok := p.ruleNumber(c.Rule)
	if !ok {
		return fmt.Errorf("no rule of this policy")
	}
	if o.removed == nil {
		o.removed = make(map[uint32]struct{}, 1)
	}
	o.removed[number] = struct{}{}
	return nil
}

func (c MakePermissive) apply(p *Policy, o *overlay, _ []bool) error {
	t, err := p.Type(c.Type)
	if err == nil {
		o.permissive = append(o.permissive, t.value)
	}
	return err
}

func (c PortContext) apply(p *Policy, o *overlay, _ []bool) error {
	if _, err := ParseProtocol(c.Protocol.String()); err != nil {
		return &NameError{"protocol", c.Protocol.String()}
	}
	if c.Low > c.High {
		return fmt.Errorf("ports %d-%d do not ascend", c.Low, c.High)
	}
	t, err := p.Type(c.Type)
	if err != nil {
		return err
	}
	if err := p.checkTemplate(p.portTemplate(t.value)); err != nil {
		return err
	}
	o.ports = append(o.ports, extraPort{c.Protocol, c.Low, c.High, t.value})
	return nil
}

// checkTemplate refuses a context that libsepol would refuse; one with nothing to
// be made after is the kernel's to make.
func (p *Policy) checkTemplate(c policydb.Context) error {
	if c.User == 0 {
		return nil
	}
	s := SID{sym: p.sym, user: c.User, role: c.Role, typ: c.Type, low: c.Range.Low, high: c.Range.High}
	if part, problem := p.invalid(&s); problem != "" {
		return &ContextError{p.context(&c), part, problem, nil}
	}
	return nil
}

// extraRule looks up the names of an added rule.
func (p *Policy) extraRule(source, target, class string, perms []string) (extraRule, error) {
	r := extraRule{source: p.sym.typeByName[source], class: p.sym.classByName[class]}
	if r.source == 0 {
		return extraRule{}, &NameError{"type", source}
	}
	if target != "self" {
		if r.target = p.sym.typeByName[target]; r.target == 0 {
			return extraRule{}, &NameError{"type", target}
		}
	}
	if r.class == 0 {
		return extraRule{}, &NameError{"class", class}
	}
	av, err := p.vector(r.class, perms)
	r.perms = av
	return r, err
}

// vector returns the access vector of the named permissions of a class.
func (p *Policy) vector(class uint32, perms []string) (uint32, error) {
	var av uint32
	for _, name := range perms {
		bit := p.sym.classes[class-1].permByName[name]
		if bit == 0 {
			return 0, &NameError{"permission", name}
		}
		av |= bit
	}
	if av == 0 {
		return 0, fmt.Errorf("no permissions")
	}
	return av, nil
}

// permissionsOf names the permissions of a vector, in the order of their bits.
func (p *Policy) permissionsOf(class, av uint32) []string {
	var names []string
	for i, name := range p.sym.classes[class-1].permissions {
		if av>>i&1 == 1 && name != "" {
			names = append(names, name)
		}
	}
	return names
}

// String returns "set boolean NAME on" or "… off".
func (c SetBoolean) String() string { return "set boolean " + c.Name + " " + onOff(c.On) }

func onOff(on bool) string {
	if on {
		return "on"
	}
	return "off"
}

// String returns the rule as in policy source, without the semicolon.
func (c AllowRule) String() string {
	return fmt.Sprintf("allow %s %s:%s %s", c.Source, c.Target, c.Class, braced(c.Permissions))
}

// String returns the rule as in policy source, without the semicolon.
func (c DontAuditRule) String() string {
	return fmt.Sprintf("dontaudit %s %s:%s %s", c.Source, c.Target, c.Class, braced(c.Permissions))
}

func braced(names []string) string {
	if len(names) == 1 {
		return names[0]
	}
	return "{ " + strings.Join(names, " ") + " }"
}

// String returns the rule as in policy source, without the semicolon.
func (c AllowXperm) String() string {
	xperms := fmt.Sprintf("%#x", c.Low)
	if c.High != c.Low {
		xperms = fmt.Sprintf("{ %#x-%#x }", c.Low, c.High)
	}
	return fmt.Sprintf("allowxperm %s %s:%s %s %s", c.Source, c.Target, c.Class, c.Permission, xperms)
}

// String returns "remove" and the rule.
func (c RemoveRule) String() string { return "remove " + ruleText(c.Rule) }

// String returns "make TYPE permissive".
func (c MakePermissive) String() string { return "make " + c.Type + " permissive" }

// String returns "label PROTOCOL port N as TYPE".
func (c PortContext) String() string {
	ports := fmt.Sprintf("port %d", c.Low)
	if c.High != c.Low {
		ports = fmt.Sprintf("ports %d-%d", c.Low, c.High)
	}
	return fmt.Sprintf("label %s %s as %s", c.Protocol, ports, c.Type)
}

// MarshalJSON adds "change": "boolean" to the fields.
func (c SetBoolean) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		Change string `json:"change"`
		Name   string `json:"name"`
		On     bool   `json:"on"`
	}{"boolean", c.Name, c.On})
}

type ruleJSON struct {
	Change      string   `json:"change"`
	Source      string   `json:"source"`
	Target      string   `json:"target"`
	Class       string   `json:"class"`
	Permissions []string `json:"permissions"`
	Low         uint16   `json:"low,omitempty"`
	High        uint16   `json:"high,omitempty"`
}

// MarshalJSON adds "change": "allow" to the fields.
func (c AllowRule) MarshalJSON() ([]byte, error) {
	return json.Marshal(ruleJSON{"allow", c.Source, c.Target, c.Class, c.Permissions, 0, 0})
}

// MarshalJSON adds "change": "dontaudit" to the fields.
func (c DontAuditRule) MarshalJSON() ([]byte, error) {
	return json.Marshal(ruleJSON{"dontaudit", c.Source, c.Target, c.Class, c.Permissions, 0, 0})
}

// MarshalJSON adds "change": "allowxperm" to the fields.
func (c AllowXperm) MarshalJSON() ([]byte, error) {
	return json.Marshal(ruleJSON{"allowxperm", c.Source, c.Target, c.Class, []string{c.Permission}, c.Low, c.High})
}

// MarshalJSON gives "change": "remove" and the rule's text.
func (c RemoveRule) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		Change string `json:"change"`
		Rule   string `json:"rule"`
	}{"remove", ruleText(c.Rule)})
}

// MarshalJSON adds "change": "permissive" to the fields.
func (c MakePermissive) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		Change string `json:"change"`
		Type   string `json:"type"`
	}{"permissive", c.Type})
}

// MarshalJSON adds "change": "port" to the fields.
func (c PortContext) MarshalJSON() ([]byte, error) {
	return json.Marshal(struct {
		Change   string   `json:"change"`
		Protocol Protocol `json:"protocol"`
		Low      uint16   `json:"low"`
		High     uint16   `json:"high"`
		Type     string   `json:"type"`
	}{"port", c.Protocol, c.Low, c.High, c.Type})
}
