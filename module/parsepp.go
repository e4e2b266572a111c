package module

import (
	"errors"

	"github.com/sekit/sekit/internal/policydb"
)

// UnsupportedError says what a package, a text or CIL has that a [Module]
// cannot say. It is also [errors.ErrUnsupported].
type UnsupportedError struct{ What string }

func (e *UnsupportedError) Error() string { return "not supported: " + e.What }

// Is reports whether target is [errors.ErrUnsupported].
func (e *UnsupportedError) Is(target error) bool { return target == errors.ErrUnsupported }

// Package is a module package, a .pp file.
type Package struct {
	Module *Module
	// PolicyVersion is the module policy version that the file is in, and NoMLS
	// that it is for policies without multi-level security.
	PolicyVersion int
	NoMLS         bool
	// FileContexts and NetfilterContexts are the texts of these sections, as
	// they are; nil for none.
	FileContexts, NetfilterContexts []byte
}

// ParsePackage reads a module package, as [Module.PP] and semodule_package
// write it and semodule -E extracts it.
//
// A module that has nothing but access vector rules of one source, target and
// class each comes as Rules, any other as Statements: those that compile to the
// same module, in an order of their own. Attributes that are to be expanded or
// not are not in the file, nor how optional blocks stood in each other: they are
// put where the same comes of it.
//
// What a Module cannot say gives an [*UnsupportedError] that names it: a base
// module, policy capabilities, roles that dominate others. Other errors say in
// which section and at which byte the package is damaged; names that the package
// may have and the module language not give a [*NameError].
func ParsePackage(data []byte) (*Package, error) {
	p, err := policydb.DecodePackage(data)
	if err != nil {
		return nil, baseError(err)
	}
	m, err := decompile(p.Module)
	if err != nil {
		return nil, err
	}
	return &Package{Module: m, PolicyVersion: int(p.Module.Version), NoMLS: !p.Module.MLS,
		FileContexts: p.FileContexts, NetfilterContexts: p.NetfilterContexts}, nil
}

// ParsePP is [ParsePackage] for the module and its file contexts, nil for none.
// A package with netfilter contexts it refuses.
func ParsePP(data []byte) (*Module, []byte, error) {
	p, err := ParsePackage(data)
	if err != nil {
		return nil, nil, err
	}
	if p.NetfilterContexts != nil {
		return nil, nil, &UnsupportedError{"netfilter contexts"}
	}
	return p.Module, p.FileContexts, nil
}

// ParseMod reads a module as [Module.Mod] and checkmodule write it, a .mod
// file. Errors are those of [ParsePackage].
func ParseMod(data []byte) (*Module, error) {
	m, err := policydb.DecodeModule(data)
	if err != nil {
		return nil, baseError(err)
	}
	return decompile(m)
}

func baseError(err error) error {
	if errors.Is(err, policydb.ErrBase) {
		return &UnsupportedError{"a base module"}
	}
	return err
}
