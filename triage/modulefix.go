package triage

import (
	"fmt"
	"hash/fnv"
	"io"
	"path"
	"slices"
	"strings"

	"github.com/sekit/sekit"
	"github.com/sekit/sekit/avc"
	"github.com/sekit/sekit/fcontext"
	"github.com/sekit/sekit/module"
	"github.com/sekit/sekit/policy"
)

// byModule is the last resort: a module with the one rule that is missing. It
// is offered only where nothing else cures the denial and the guard lets it
// pass.
func (c *investigation) byModule() {
	if c.leaked() {
		c.byDontAudit()
		return
	}
	rule := c.missingRule()
	summary := "allow it by a module: " + strings.TrimSuffix(rule.String(), ";")
	var warnings []string
	for _, found := range c.t.guard.Check(c.t.pol, []module.Rule{rule}) {
		if found.Refuses() || overridesUnix(rule) && !found.Lifted {
			c.f.reject(Module, summary, "refused (%s): %s", found.ID, found.Reason)
			return
		}
		warnings = append(warnings, found.Reason)
	}
	warnings = withoutPrefixes(warnings)
	if reason, ok := c.futile(rule); ok {
		c.f.reject(Module, summary, "does not cure it: %s", reason)
		return
	}
	if _, isFile := fileKind(rule.Class); isFile && c.t.types.base(rule.Target) && !c.proper(rule) {
		c.f.reject(Module, summary, "refused (base-type): %s labels what nobody has labelled more closely; the rule would open all of it", rule.Target)
		return
	}
	for _, f := range c.f.Fixes {
		if !wideBoolean(f) {
			c.f.reject(Module, summary, "not needed: %s", f.Summary)
			return
		}
	}
	if c.mislabelled && !named(rule.Target, rule.Source) {
		c.f.reject(Module, summary, "refused (mislabelled): the object has a type that it should not have: give it the right one, and see what is denied then")
		return
	}
	c.offerModule(rule, summary, warnings)
}

// futile reports whether the denied access stays denied with a rule added, and
// why: by a constraint, say.
func (c *investigation) futile(rule module.Rule) (string, bool) {
	if c.f.Access.HasXperm {
		return "", false // one rule of two: offerModule proves both together
	}
	pol, err := c.t.pol.With(module.Changes([]module.Rule{rule})...)
	if err != nil {
		return err.Error(), true
	}
	d, err := pol.Decide(c.f.Access)
	if err != nil {
		return err.Error(), true
	}
	return firstReason(d), !d.Allowed
}

// proper reports whether a rule only reads (or runs) what rightly has its type:
// its file system gives it, as that of /proc does, or the path is known and the
// file contexts give it that type, by a spec that is not the one for all that has
// no other. What the policy's authors put under a base type there is no better type
// for; log files of no daemon in particular under /var/log, and programs in
// /usr/bin.
func (c *investigation) proper(rule module.Rule) bool {
	kind, isFile := fileKind(c.d.Class)
	if !isFile || kind == fcontext.CharDevice || kind == fcontext.BlockDevice || c.contained() || c.f.Access.HasXperm {
		return false
	}
	for _, p := range rule.Permissions {
		switch p {
		case "getattr", "read", "open", "map", "lock", "search", "execute", "execute_no_trans":
		default:
			return false
		}
	}
	if c.byFileSystem() {
		return !slices.ContainsFunc(rule.Permissions, isExecution)
	}
	if c.t.sys.Contexts == nil || c.at == "" || c.d.PathCertainty != avc.CertaintyKnown {
		return false
	}
	m, ok := c.t.sys.Contexts.Lookup(c.at, kind)
	last, lost := c.t.sys.Contexts.Lookup(nowhere, kind)
	return ok && !m.None && m.Context.Type() == rule.Target && !(lost && m.Spec == last.Spec)
}

// overridesUnix reports whether a rule lets a domain past owner and mode of all
// files: it cures the denial, and is the wrong end to mend.
func overridesUnix(r module.Rule) bool {
	return slices.Contains(r.Permissions, "dac_override") || slices.Contains(r.Permissions, "dac_read_search")
}

// missingRule is the least rule that grants what is denied, with the
// permissions that the same operation asks for on the same object.
func (c *investigation) missingRule() module.Rule {
	access := c.f.Access
	perms := deniedOf(*c.f.Decision)
	for _, s := range c.operation[1:] {
		if s.Assumed || s.Access.Class != access.Class || s.Access.Target != access.Target {
			continue
		}
		if d, err := c.t.pol.Decide(s.Access); err == nil {
			for _, p := range deniedOf(d) {
				if !slices.Contains(perms, p) {
					perms = append(perms, p)
				}
			}
		}
	}
	if c.staysIn() && !slices.Contains(perms, "execute_no_trans") {
		perms = append(perms, "execute_no_trans")
	}
	slices.Sort(perms)
	target := c.canonical(access.Target.Type())
	if target == c.canonical(access.Source.Type()) {
		target = module.Self
	}
	return module.Rule{
		Kind: module.Allow, Source: c.canonical(access.Source.Type()), Target: target, Class: access.Class,
		Permissions: perms, Evidence: []string{c.evidence()},
	}
}

func (c *investigation) offerModule(rule module.Rule, summary string, warnings []string) {
	cand := candidate{kind: Module, summary: summary, warnings: warnings}
	if len(c.hiddenPermissions()) == len(c.f.Decision.Denied) {
		cand.warnings = append(cand.warnings, "the policy's authors hide this denial and hold that nobody needs the access: make sure that something fails without it")
	}
	if c.mayBeInherited() {
		cand.warnings = append(cand.warnings, sentence("the log does not tell whether %s asked for this itself or was handed the descriptor by mistake; in that case the program goes on without, and nothing is to be allowed", c.f.Denial.Comm))
	}
	if _, isFile := fileKind(rule.Class); isFile && inHome(c.at) && !c.contained() && !c.t.types.has(rule.Source, "userdomain") && c.generalAt(c.at) == rule.Target {
		cand.warnings = append(cand.warnings, sentence("%s is the type of whatever lies in homes, and the rule opens all of it: a copy (cp, not mv) where the policy has such files for %s opens nothing", rule.Target, rule.Source))
	}
	if c.runsWhatItWrites(rule) {
		cand.warnings = append(cand.warnings, sentence("%s may write files of this type itself: whoever makes it write one can then have it run", c.d.Source.Type()))
	}
	if better, ok := c.marked(rule); ok {
		cand.warnings = append(cand.warnings, sentence("%s is the type for what %s may use so: giving it to the one object opens less than a rule for all of %s", better, c.d.Source.Type(), rule.Target))
	}
	var rules []module.Rule
	if c.lacksRule() {
		rules = append(rules, rule)
	}
	if c.f.Access.HasXperm {
		rules = append(rules, c.addXperm(&cand, rule)...)
	}
	cand.changes = module.Changes(rules)
	c.afterExecution(&cand, c.d.Target)
	if generic, ports := c.genericTarget(); generic {
		cand.warnings = append(cand.warnings, fmt.Sprintf("%s is the type of %d ports that nobody has registered, and the rule opens all of them", rule.Target, ports))
	}
	if err := c.packageModule(&cand, rules); err != nil {
		c.f.reject(Module, summary, "%v", err)
		return
	}
	if fix, ok := c.try(&cand); ok {
		c.f.Fixes = append(c.f.Fixes, fix)
	}
}

// lacksRule reports whether the denied permissions lack an allow rule, and not
// only an extended permission.
func (c *investigation) lacksRule() bool {
	for _, r := range c.f.Decision.Reasons() {
		if r.Kind() != "xperm" {
			return true
		}
	}
	return false
}

// addXperm returns the rule for the extended permission: the one that was asked
// for, and so none of the others.
func (c *investigation) addXperm(cand *candidate, rule module.Rule) []module.Rule {
	perm, x := rule.Permissions[0], c.f.Access.Xperm
	if len(rule.Permissions) != 1 || perm != "ioctl" && perm != "nlmsg" {
		return nil
	}
	rule.Kind, rule.Xperms = module.AllowXperm, []module.XpermRange{{Low: x, High: x}}
	if !c.lacksRule() {
		cand.summary = "allow it by a module: " + strings.TrimSuffix(rule.String(), ";")
		cand.warnings = append(cand.warnings, fmt.Sprintf(
			"the policy's authors listed what %s may ask of %s here, and left this out", perm, rule.Class))
	}
	return []module.Rule{rule}
}

// genericTarget reports whether the target is a type of ports that nobody has
// registered, and how many ports it has.
func (c *investigation) genericTarget() (bool, int) {
	name, _, ok := c.d.Port()
	protocol, err := policy.ParseProtocol(name)
	if !ok || err != nil {
		return false, 0
	}
	typ := c.canonical(c.d.Target.Type())
	return c.generic(protocol, typ), c.portCount(protocol, typ)
}

// packageModule makes the module of a candidate and the commands that install
// it: in CIL, which semodule takes without a compiler.
func (c *investigation) packageModule(cand *candidate, rules []module.Rule) error {
	name := moduleName(rules)
	cand.module = &module.Module{Name: name, Rules: rules}
	if err := cand.module.Check(); err != nil {
		return err
	}
	pp, err := cand.module.PP(module.PPOptions{})
	if err != nil {
		return err
	}
	cand.settings.Modules = []sekit.ModuleSetting{{Key: module.Key{Name: name}, Language: "pp", Data: pp}}
	cand.commands = []Command{{"semodule", "-i", name + ".cil"}}
	cand.undo = []Command{{"semodule", "-r", name}}
	return nil
}

// moduleName names a module after what it is for. A module replaces the one of
// the same name, so that those of two findings must not share one.
func moduleName(rules []module.Rule) string {
	h := fnv.New32a()
	for _, r := range rules {
		io.WriteString(h, r.String()+"\n")
	}
	source := strings.ReplaceAll(strings.TrimSuffix(rules[0].Source, "_t"), ".", "_")
	return fmt.Sprintf("local_%s_%08x", source, h.Sum32())
}

// byDontAudit keeps the denial of a leaked descriptor out of the log: the
// program was handed it by mistake and gets along without.
func (c *investigation) byDontAudit() {
	rule := c.missingRule()
	rule.Kind = module.DontAudit
	c.f.note("leaked-descriptor", "the descriptor was inherited: the kernel closed it when %s was executed, and the program goes on. The one that leaks it should open it with O_CLOEXEC", c.d.Comm)
	summary := "keep quiet about it by a module: " + strings.TrimSuffix(rule.String(), ";")
	cand := candidate{kind: Module, summary: summary, hides: true,
		changes: []policy.Change{policy.DontAuditRule{
			Source: rule.Source, Target: rule.Target, Class: rule.Class, Permissions: rule.Permissions,
		}}}
	if err := c.packageModule(&cand, []module.Rule{rule}); err != nil {
		c.f.reject(Module, summary, "%v", err)
		return
	}
	if fix, ok := c.try(&cand); ok {
		c.f.Fixes = append(c.f.Fixes, fix)
	}
}

// evidence says in one line what a rule was made from.
func (c *investigation) evidence() string {
	s := fmt.Sprintf("%d x %s denied", c.f.Count, strings.Join(c.f.Access.Permissions, ", "))
	if c.d.Comm != "" {
		s += " to " + c.d.Comm
	}
	if c.f.Object != "" {
		s += " on " + c.f.Object
	}
	if !c.d.ID.IsZero() {
		s += ", " + c.d.ID.String()
	}
	return s
}

// generalAt is the type of files in a path's directory that nothing is said of.
func (c *investigation) generalAt(p string) string {
	if c.t.sys.Contexts == nil {
		return ""
	}
	m, ok := c.t.sys.Contexts.Lookup(path.Dir(p)+nowhere, fcontext.File)
	if !ok || m.None {
		return ""
	}
	return m.Context.Type()
}

// runsWhatItWrites reports whether a rule lets a domain execute files of a type
// that it may write.
func (c *investigation) runsWhatItWrites(rule module.Rule) bool {
	if rule.Class != "file" || !slices.ContainsFunc(rule.Permissions, isExecution) {
		return false
	}
	for _, write := range [...]string{"write", "append"} {
		access := policy.Access{Source: c.d.Source, Target: c.d.Target, Class: "file", Permissions: []string{write}}
		if d, err := c.t.pol.Decide(access); err == nil && d.Allowed {
			return true
		}
	}
	return false
}

// marked returns the type that is, by its name, the rule's target with the
// rights that the rule would give, if the policy has one: of several that want
// booleans the one whose open least.
func (c *investigation) marked(rule module.Rule) (string, bool) {
	if _, isFile := fileKind(rule.Class); !isFile {
		return "", false
	}
	best, least := "", 0
	for typ := range c.t.pol.Types() {
		if !sibling(typ.Name(), rule.Target) {
			continue
		}
		access := c.operation[0].Access
		access.Target = access.Target.WithType(typ.Name())
		if d, err := c.t.pol.Decide(access); err == nil && d.Allowed {
			return typ.Name(), true
		}
		sets, err := c.t.pol.BooleanSets(access)
		if err == nil && len(sets) > 0 && (best == "" || sets[0].Exposure.Tuples < least) {
			best, least = typ.Name(), sets[0].Exposure.Tuples
		}
	}
	return best, best != ""
}
