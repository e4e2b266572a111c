package module

import (
	"errors"
	"fmt"
	"slices"

	"github.com/sekit/sekit/internal/policydb"
)

// The module policy versions that [Module.Mod] writes. They are the format's,
// not the module's own, and count apart from policy versions.
const (
	MinPolicyVersion = policydb.MinModuleVersion
	MaxPolicyVersion = policydb.MaxModuleVersion
)

// ModOptions say how a module is written in binary. The zero value is what
// most machines want.
type ModOptions struct {
	// PolicyVersion is the module policy version to write, as checkmodule's -c.
	// 0 stands for the lowest that can say what the module says: any machine
	// that can do that takes it, where the compiler's newest often is refused
	// ("version 21 does not match 4-19").
	PolicyVersion int
	// NoMLS is for policies without multi-level security; it is what
	// checkmodule does without -M. Only linkers of SELinux before 2.4 care.
	NoMLS bool
}

// PolicyVersionError says that a module policy version is none that is
// written, or cannot say what the module says. It is also
// [errors.ErrUnsupported].
type PolicyVersionError struct {
	Version int    // the one that was asked for
	What    string // what it cannot say; "" for a version that is none
	Since   int    // the version that brought What
}

func (e *PolicyVersionError) Error() string {
	if e.What == "" {
		return fmt.Sprintf("module policy version %d is not between %d and %d", e.Version, MinPolicyVersion, MaxPolicyVersion)
	}
	return fmt.Sprintf("module policy version %d has no %s (version %d brought that)", e.Version, e.What, e.Since)
}

// Is reports whether target is [errors.ErrUnsupported].
func (e *PolicyVersionError) Is(target error) bool { return target == errors.ErrUnsupported }

// Mod returns the module as checkmodule -m -M writes it for the text of
// [Module.TE]: a .mod file for semodule_package. Byte for byte it is the same
// file in the same version, but for the order of names in tables, where
// checkmodule has that of its hash tables and Mod a sorted one.
//
// Errors are those of TE, a [*PolicyVersionError], and an error for more than
// 32 permissions of one class, which no policy has.
//
// Extended permissions of nlmsg came without a new module policy version:
// libsepol before 3.8 refuses such a module.
func (m *Module) Mod(opts ModOptions) ([]byte, error) {
	b, err := m.binary(opts)
	if err != nil {
		return nil, err
	}
	return policydb.EncodeModule(b)
}

// PPOptions say what goes into a module package besides the module.
type PPOptions struct {
	ModOptions
	// FileContexts is the module's .fc: file_contexts statements with full
	// contexts, as gen_context has been expanded. Empty means no such section.
	FileContexts []byte
}

// PP returns the module package, a .pp file as semodule_package writes it, which
// semodule -i takes. File contexts are taken as they are, but for the end of
// the last line, which is added where it is missing: linkers put the contexts
// of all modules one after the other. Errors are those of [Module.Mod], and one
// for file contexts with a NUL.
func (m *Module) PP(opts PPOptions) ([]byte, error) {
	b, err := m.binary(opts.ModOptions)
	if err != nil {
		return nil, err
	}
	p := &policydb.Package{Version: policydb.PackageVersion, Module: b}
	if n := len(opts.FileContexts); n > 0 {
		if i := slices.Index(opts.FileContexts, 0); i >= 0 {
			return nil, fmt.Errorf("file contexts: NUL at byte %d", i)
		}
		p.FileContexts = opts.FileContexts
		if opts.FileContexts[n-1] != '\n' {
			p.FileContexts = append(slices.Clone(opts.FileContexts), '\n')
		}
	}
	return policydb.EncodePackage(p)
}

// binary compiles the module.
func (m *Module) binary(opts ModOptions) (*policydb.Module, error) {
	if err := m.Check(); err != nil {
		return nil, err
	}
	rules := m.Merged()
	if err := checkDots(rules); err != nil {
		return nil, err
	}
	version, err := policyVersion(rules, opts)
	if err != nil {
		return nil, err
	}
	c := &compiler{
		m:     &policydb.Module{Version: version, MLS: !opts.NoMLS, Name: m.Name, Release: m.version()},
		decl:  policydb.Decl{ID: 1}, // enabled by linkers
		types: make(map[string]policydb.TypeSet), classes: make(map[string]classValues),
	}
	if err := c.require(m.requirements(rules)); err != nil {
		return nil, err
	}
	c.decl.Rules = make([]policydb.ModuleRule, 0, len(rules))
	data := make([]policydb.ClassData, len(rules))
	for i := range rules {
		c.rule(&rules[i], data[i:i+1:i+1])
	}
	c.m.Blocks = []policydb.Block{{Branches: []policydb.Decl{c.decl}}}
	return c.m, nil
}

// policyVersion chooses the version to write.
func policyVersion(rules []Rule, opts ModOptions) (uint32, error) {
	if v := opts.PolicyVersion; v != 0 && (v < MinPolicyVersion || v > MaxPolicyVersion) {
		return 0, &PolicyVersionError{Version: v}
	}
	lowest, what := uint32(MinPolicyVersion), ""
	if !opts.NoMLS {
		f := policydb.ModuleMLS
		lowest, what = f.Since(), f.String()
	}
	if slices.ContainsFunc(rules, func(r Rule) bool { return r.Kind.xperm() }) {
		f := policydb.ModuleXPerms
		lowest, what = f.Since(), f.String()
	}
	switch v := uint32(opts.PolicyVersion); {
	case v == 0:
		return lowest, nil
	case v < lowest:
		return 0, &PolicyVersionError{Version: int(v), What: what, Since: int(lowest)}
	default:
		return v, nil
	}
}

// compiler makes a module policy of one declaration.
type compiler struct {
	m       *policydb.Module
	decl    policydb.Decl
	types   map[string]policydb.TypeSet // each type and attribute alone
	classes map[string]classValues
}

type classValues struct {
	value       uint32
	permissions map[string]uint32 // bits
}

// require gives values to what the rules use, in the order of the require
// block that TE writes.
func (c *compiler) require(req requirements) error {
	symbols := &c.m.Symbols
	c.role()
	add := func(name string, flavor policydb.TypeFlavor) {
		symbols.Num[policydb.TableTypes]++
		value := symbols.Num[policydb.TableTypes]
		symbols.Types = append(symbols.Types, policydb.ModuleType{Name: name, Value: value, Primary: 1, Flavor: flavor})
		c.types[name] = policydb.TypeSet{Types: policydb.NewBitmap(value - 1)}
	}
	for _, name := range req.attributes {
		add(name, policydb.FlavorAttribute)
	}
	for _, name := range req.types {
		add(name, policydb.FlavorType)
	}
	c.scope(policydb.TableTypes)
	for _, k := range req.classes {
		if len(k.permissions) > 32 {
			return fmt.Errorf("%d permissions of the class %q: a class has at most 32", len(k.permissions), k.name)
		}
		symbols.Num[policydb.TableClasses]++
		class := policydb.Class{Name: k.name, Value: symbols.Num[policydb.TableClasses], NumPerms: uint32(len(k.permissions))}
		values := classValues{class.Value, make(map[string]uint32, len(k.permissions))}
		bits := make([]uint32, len(k.permissions))
		for i, name := range k.permissions {
			class.Permissions = append(class.Permissions, policydb.Permission{Name: name, Value: uint32(i) + 1})
			values.permissions[name], bits[i] = 1<<i, uint32(i)
		}
		symbols.Classes = append(symbols.Classes, class)
		c.classes[k.name] = values
		c.decl.Required.Permissions = append(c.decl.Required.Permissions, policydb.NewBitmap(bits...))
	}
	c.scope(policydb.TableClasses)
	for i := range symbols.Classes {
		c.scoped(policydb.TableClasses, symbols.Classes[i].Name, policydb.ScopeRequired)
	}
	for i := range symbols.Types {
		c.scoped(policydb.TableTypes, symbols.Types[i].Name, policydb.ScopeRequired)
	}
	return nil
}

// role adds object_r, which every module has (roles_init in libsepol).
func (c *compiler) role() {
	symbols := &c.m.Symbols
	symbols.Num[policydb.TableRoles] = 1
	symbols.Roles = []policydb.ModuleRole{{Name: "object_r", Value: 1}}
	c.scoped(policydb.TableRoles, "object_r", policydb.ScopeDeclared)
}

// scope says that the declaration requires all values of a table.
func (c *compiler) scope(t policydb.Table) {
	values := make([]uint32, c.m.Symbols.Num[t])
	for i := range values {
		values[i] = uint32(i)
	}
	c.decl.Required.Symbols[t] = policydb.NewBitmap(values...)
}

func (c *compiler) scoped(t policydb.Table, name string, kind policydb.ScopeKind) {
	c.m.Scopes[t] = append(c.m.Scopes[t], policydb.Scope{Name: name, Kind: kind, Decls: []uint32{c.decl.ID}})
}

// rule adds the rules of the file for one rule: one, or for extended
// permissions one for all drivers that are meant as a whole and one for each
// other driver.
func (c *compiler) rule(r *Rule, data []policydb.ClassData) {
	class := c.classes[r.Class]
	out := policydb.ModuleRule{Kind: ruleKinds[r.Kind], Sources: c.types[r.Source]}
	if r.Target == Self {
		out.Flags = policydb.RuleSelf
	} else {
		out.Targets = c.types[r.Target]
	}
	var bits uint32
	for _, p := range r.Permissions {
		bits |= class.permissions[p]
	}
	data[0] = policydb.ClassData{Class: class.value, Data: bits}
	out.Classes = data
	if !r.Kind.xperm() {
		c.decl.Rules = append(c.decl.Rules, out)
		return
	}
	for _, x := range splitXperms(r.Xperms, r.Permissions[0] == "nlmsg") {
		out.XPerms = &x
		c.decl.Rules = append(c.decl.Rules, out)
	}
}

var ruleKinds = [...]policydb.AVKind{
	Allow: policydb.Allow, AuditAllow: policydb.AuditAllow, DontAudit: policydb.DontAudit,
	AllowXperm: policydb.XPermsAllow, AuditAllowXperm: policydb.XPermsAuditAllow, DontAuditXperm: policydb.XPermsDontAudit,
}

// splitXperms gives the sets that merged ranges come to. A driver is the high
// byte of an ioctl command or of a netlink message type; only ioctl has a set
// of whole drivers.
func splitXperms(ranges []XpermRange, nlmsg bool) []policydb.XPerms {
	whole := policydb.XPerms{Specified: policydb.XPermsIoctlDriver}
	var some []policydb.XPerms
	specified := policydb.XPermsIoctlFunction
	if nlmsg {
		specified = policydb.XPermsNlmsg
	}
	for _, r := range ranges {
		for driver := int(r.Low >> 8); driver <= int(r.High>>8); driver++ {
			low, high := max(int(r.Low), driver<<8)&0xff, min(int(r.High), driver<<8|0xff)&0xff
			if low == 0 && high == 0xff && !nlmsg {
				whole.Perms[driver/32] |= 1 << (driver % 32)
				continue
			}
			if n := len(some); n == 0 || int(some[n-1].Driver) != driver {
				some = append(some, policydb.XPerms{Specified: specified, Driver: uint8(driver)})
			}
			x := &some[len(some)-1]
			for n := low; n <= high; n++ {
				x.Perms[n/32] |= 1 << (n % 32)
			}
		}
	}
	if whole.Perms != [8]uint32{} {
		return append([]policydb.XPerms{whole}, some...)
	}
	return some
}
