package policydb

import "bytes"

// The header of a policy file (libsepol's policydb.h).
const (
	magicKernel  = 0xf97cff8c
	magicModule  = 0xf97cff8d
	magicPackage = 0xf97cff8f // a module package: a module and its file contexts

	idSELinux = "SE Linux"
	idXen     = "XenFlask"

	configMLS     = 1
	configUnknown = uint32(RejectUnknown | AllowUnknown)

	numSymtabs = 8
	// numOcontexts counts the tables of object contexts: initial SIDs, fs,
	// ports, interfaces, nodes, fs_use, IPv6 nodes.
	numOcontexts           = 7
	numOcontextsInfiniband = 9 // … ibpkeycon, ibendportcon
)

// Decode reads a kernel policy of version MinVersion to MaxVersion, as
// libsepol writes it and the kernel loads it (/etc/selinux/*/policy/policy.N,
// /sys/fs/selinux/policy).
//
// It checks what the kernel's and libsepol's readers check, and that all that
// refers to something refers to something that is there, so that a Policy
// from it needs no further check. Bytes after the policy are ignored, as the
// kernel and libsepol ignore them. An error is a *[FormatError], and the
// Policy nil then. Names share copies of parts of data, which itself is not kept.
func Decode(data []byte) (*Policy, error) {
	p, starts, err := read(data)
	if err == nil {
		err = p.checkRead(starts)
	}
	if err != nil {
		return nil, err
	}
	return p, nil
}

// read reads a policy that is still to be checked, and says where its sections
// start.
func read(data []byte) (*Policy, *[numSections]int, error) {
	c := &cursor{data: data, section: "header"}
	p := new(Policy)
	c.header(p)
	if c.err != nil {
		return nil, nil, c.err
	}
	starts := new([numSections]int)
	for s, read := range sectionReaders {
		c.section, starts[s] = section(s).String(), c.off
		read(c, p)
		if c.err != nil {
			return nil, nil, c.err
		}
	}
	return p, starts, nil
}

// checkRead says with what is wrong where its section starts.
func (p *Policy) checkRead(starts *[numSections]int) error {
	if s, err := p.check(); err != nil {
		return &FormatError{Section: s.String(), Offset: int64(starts[s]), Err: err}
	}
	return nil
}

// section is a part of the file, in the file's order.
type section uint8

const (
	secCapabilities section = iota
	secPermissive
	secNeverAudit
	secCommons
	secClasses
	secRoles
	secTypes
	secUsers
	secBooleans
	secSensitivities
	secCategories
	secAVTab
	secConditionals
	secRoleTransitions
	secRoleAllows
	secNameTransitions
	secInitialSIDs
	secFS
	secPortcons
	secNetifcons
	secNodecons
	secFSUses
	secNodecons6
	secIBPkeycons
	secIBEndportcons
	secGenfscons
	secRangeTransitions
	secTypeAttributes
	numSections
)

var sectionNames = [numSections]string{
	"policy capabilities", "permissive types", "neveraudit types",
	"commons", "classes", "roles", "types", "users", "booleans", "sensitivities", "categories",
	"access vector rules", "conditionals", "role transitions", "role allows", "name transitions",
	"initial SIDs", "fscon", "portcon", "netifcon", "nodecon", "fs_use", "nodecon (IPv6)",
	"ibpkeycon", "ibendportcon", "genfscon", "range transitions", "type attributes",
}

func (s section) String() string { return sectionNames[s] }

var sectionReaders = [numSections]func(*cursor, *Policy){
	secCapabilities: func(c *cursor, p *Policy) { p.Capabilities = c.bitmap() },
	secPermissive:   func(c *cursor, p *Policy) { p.Permissive = c.bitmap() },
	secNeverAudit: func(c *cursor, p *Policy) {
		if FeatureNeverAudit.In(p.Version) {
			p.NeverAudit = c.bitmap()
		}
	},
	secCommons:          (*cursor).commons,
	secClasses:          (*cursor).classes,
	secRoles:            (*cursor).roles,
	secTypes:            (*cursor).types,
	secUsers:            (*cursor).users,
	secBooleans:         (*cursor).booleans,
	secSensitivities:    (*cursor).sensitivities,
	secCategories:       (*cursor).categories,
	secAVTab:            (*cursor).avtab,
	secConditionals:     (*cursor).conditionals,
	secRoleTransitions:  (*cursor).roleTransitions,
	secRoleAllows:       (*cursor).roleAllows,
	secNameTransitions:  (*cursor).nameTransitions,
	secInitialSIDs:      (*cursor).initialSIDs,
	secFS:               (*cursor).fs,
	secPortcons:         (*cursor).portcons,
	secNetifcons:        (*cursor).netifcons,
	secNodecons:         (*cursor).nodecons,
	secFSUses:           (*cursor).fsUses,
	secNodecons6:        (*cursor).nodecons6,
	secIBPkeycons:       (*cursor).ibpkeycons,
	secIBEndportcons:    (*cursor).ibendportcons,
	secGenfscons:        (*cursor).genfscons,
	secRangeTransitions: (*cursor).rangeTransitions,
	secTypeAttributes:   (*cursor).typeAttributes,
}

// header reads what says how to read the rest.
func (c *cursor) header(p *Policy) {
	switch magic := c.u32(); {
	case c.err != nil:
		return
	case magic == magicModule || magic == magicPackage:
		c.off = 0
		c.fail(ErrModule)
		return
	case magic != magicKernel:
		c.off = 0
		c.fail(ErrMagic)
		return
	}
	n := c.u32()
	if n > 32 { // POLICYDB_STRING_MAX_LENGTH
		c.failf("identifier of %d bytes", n)
	}
	id := c.take(int(n))
	switch {
	case c.err != nil:
		return
	case bytes.Equal(id, []byte(idXen)):
		c.fail(ErrXen)
		return
	case !bytes.Equal(id, []byte(idSELinux)):
		c.failf("identifier %q instead of %q", id, idSELinux)
		return
	}
	p.Version = c.u32()
	if c.err == nil && (p.Version < MinVersion || p.Version > MaxVersion) {
		c.fail(&VersionError{Version: p.Version})
		return
	}
	config := c.u32()
	p.MLS = config&configMLS != 0
	p.HandleUnknown = HandleUnknown(config & configUnknown)
	p.OtherConfig = config &^ (configMLS | configUnknown)
	if p.HandleUnknown == RejectUnknown|AllowUnknown {
		c.failf("unknown classes are both rejected and allowed")
	}
	syms, ocons := c.u32(), c.u32()
	if wantSyms, wantOcons := tableCounts(p.Version); syms != wantSyms || ocons != wantOcons {
		c.failf("%d symbol and %d object context tables instead of %d and %d", syms, ocons, wantSyms, wantOcons)
	}
}

// tableCounts gives the table counts that a version's header states.
func tableCounts(version uint32) (symtabs, ocontexts uint32) {
	if FeatureInfiniband.In(version) {
		return numSymtabs, numOcontextsInfiniband
	}
	return numSymtabs, numOcontexts
}

// typeAttributes reads the last part: one bitmap for every type value.
func (c *cursor) typeAttributes(p *Policy) {
	p.TypeAttributes = make([]Bitmap, c.enough(p.NumTypes, bitmapHeadSize))
	for i := range p.TypeAttributes {
		p.TypeAttributes[i] = c.bitmap()
	}
}
