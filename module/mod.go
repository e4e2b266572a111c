package module

import (
	"bytes"
	"cmp"
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
	// NetfilterContexts is the text of that section. Nothing reads it today.
	NetfilterContexts []byte
}

// PP returns the module package, a .pp file as semodule_package writes it, which
// semodule -i takes. File contexts are taken as they are, but for the end of
// the last line, which is added where it is missing: linkers put the contexts
// of all modules one after the other. Errors are those of [Module.Mod], and one
// for contexts with a NUL.
func (m *Module) PP(opts PPOptions) ([]byte, error) {
	b, err := m.binary(opts.ModOptions)
	if err != nil {
		return nil, err
	}
	return pack(b, opts)
}

// pack makes a package of a module.
func pack(b *policydb.Module, opts PPOptions) (_ []byte, err error) {
	p := &policydb.Package{Version: policydb.PackageVersion, Module: b}
	if p.FileContexts, err = contexts("file", opts.FileContexts); err != nil {
		return nil, err
	}
	if p.NetfilterContexts, err = contexts("netfilter", opts.NetfilterContexts); err != nil {
		return nil, err
	}
	return policydb.EncodePackage(p)
}

// contexts is a section of text as it is written, nil for none.
func contexts(kind string, text []byte) ([]byte, error) {
	if i := bytes.IndexByte(text, 0); i >= 0 {
		return nil, fmt.Errorf("%s contexts: NUL at byte %d", kind, i)
	}
	switch n := len(text); {
	case n == 0:
		return nil, nil
	case text[n-1] != '\n':
		return append(slices.Clone(text), '\n'), nil
	}
	return text, nil
}

// binary compiles the module. That checks what Check does, but for who is
// wrong.
func (m *Module) binary(opts ModOptions) (*policydb.Module, error) {
	if err := m.checkHead(); err != nil {
		return nil, err
	}
	list, err := m.complete(true)
	var out *policydb.Module
	if err == nil {
		out, err = compile(m, list, opts)
	}
	if err == nil {
		err = checkDots(m.Rules)
	}
	if err != nil {
		return nil, cmp.Or(m.Check(), err)
	}
	return out, nil
}

var ruleKinds = [...]policydb.AVKind{
	Allow: policydb.Allow, AuditAllow: policydb.AuditAllow, DontAudit: policydb.DontAudit,
	AllowXperm: policydb.XPermsAllow, AuditAllowXperm: policydb.XPermsAuditAllow, DontAuditXperm: policydb.XPermsDontAudit,
	NeverAllow: policydb.NeverAllow, NeverAllowXperm: policydb.XPermsNeverAllow, AuditDeny: policydb.AuditDeny,
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
