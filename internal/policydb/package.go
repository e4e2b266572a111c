package policydb

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// Package is a decoded module package, a .pp file: a module and text for other
// parts of the policy.
type Package struct {
	Version uint32 // of the package's format: 1
	Module  *Module
	// The texts are kept as they are; nil says that there is no such section.
	FileContexts      []byte // file_contexts statements
	NetfilterContexts []byte // netfilter_contexts statements
}

const (
	PackageVersion = 1 // the one version of the format
	maxSections    = 5 // a module, and each kind of text
)

// What the sections that are not a module start with (module.c in libsepol).
const (
	sectionFileContexts = 0xf97cff90
	sectionSEUsers      = 0x097cff91
	sectionUserExtra    = 0x097cff92
	sectionNetfilter    = 0x097cff93
)

// DecodePackage reads a module package as semodule_package writes it. It is
// stricter than libsepol's reader where that tool writes no such thing: the
// sections follow the head and each other without gaps, the module first, and
// seusers and user_extra are refused, as only packages with a base module have
// them. Errors are as those of [DecodeModule], with offsets into data.
func DecodePackage(data []byte) (*Package, error) {
	c := &cursor{data: data, section: "package header"}
	switch magic := c.u32(); {
	case c.err != nil:
	case magic == magicKernel:
		c.off = 0
		c.fail(ErrKernel)
	case magic != magicPackage:
		c.off = 0
		c.fail(errors.New("not a module package: wrong magic number"))
	}
	p := &Package{Version: c.u32()}
	if c.err == nil && p.Version != PackageVersion {
		c.failf("package version %d instead of %d", p.Version, PackageVersion)
	}
	n := c.count(4)
	if c.err == nil && (n < 1 || n > maxSections) {
		c.failf("%d sections", n)
	}
	ends := make([]int, 0, maxSections+1)
	for range n {
		ends = append(ends, int(c.u32()))
	}
	if c.err != nil {
		return nil, c.err
	}
	ends = append(ends, len(data))
	start := c.off
	for i, end := range ends {
		// A negative one is beyond what an int of this machine can count.
		if i == 0 && end != start || end < start || end > len(data) {
			c.failf("section %d at %d where %d to %d belong", i, uint32(end), start, len(data))
			return nil, c.err
		}
		if i == 0 {
			continue
		}
		if err := p.section(data[start:end], i-1, start); err != nil {
			return nil, err
		}
		start = end
	}
	return p, nil
}

// section reads one section, which starts at an offset of the package.
func (p *Package) section(data []byte, index, offset int) error {
	if index == 0 {
		m, err := DecodeModule(data)
		var f *FormatError
		if errors.As(err, &f) {
			f.Offset += int64(offset)
		}
		p.Module = m
		return err
	}
	fail := func(format string, args ...any) error {
		return &FormatError{Section: "package sections", Offset: int64(offset), Err: fmt.Errorf(format, args...)}
	}
	if len(data) < 4 {
		return fail("section %d: %w", index, errTruncated)
	}
	text := append([]byte{}, data[4:]...)
	switch magic := binary.LittleEndian.Uint32(data); magic {
	case sectionFileContexts:
		if p.FileContexts != nil || p.NetfilterContexts != nil {
			return fail("section %d: file contexts twice or late", index)
		}
		p.FileContexts = text
	case sectionNetfilter:
		if p.NetfilterContexts != nil {
			return fail("section %d: netfilter contexts twice", index)
		}
		p.NetfilterContexts = text
	case sectionSEUsers, sectionUserExtra:
		return fail("section %d: seusers or user_extra, which only a base module has", index)
	default:
		return fail("section %d: unknown magic number %#x", index, magic)
	}
	return nil
}

// EncodePackage writes a module package as libsepol's
// sepol_module_package_write does. Errors are as those of [EncodeModule].
func EncodePackage(p *Package) ([]byte, error) {
	if p.Version != PackageVersion || p.Module == nil {
		err := fmt.Errorf("package version %d, module %v", p.Version, p.Module != nil)
		return nil, &FormatError{Section: "package header", Offset: -1, Err: err}
	}
	texts := []struct {
		magic uint32
		text  []byte
	}{{sectionFileContexts, p.FileContexts}, {sectionNetfilter, p.NetfilterContexts}}
	n, more := 1, uint64(0)
	for _, t := range texts {
		if t.text != nil {
			n++
			more += 4 + uint64(len(t.text))
		}
	}
	if more > 1<<31-1 {
		return nil, &FormatError{Section: "package sections", Offset: -1, Err: fmt.Errorf("%d bytes", more)}
	}
	head := (3 + n) * 4
	data, err := appendModule(make([]byte, head), p.Module, int(more))
	if err != nil {
		return nil, err
	}
	offset := uint64(len(data))
	if offset+more > 1<<32-1 {
		return nil, &FormatError{Section: "package sections", Offset: -1, Err: fmt.Errorf("%d bytes", offset+more)}
	}
	w := &writer{b: data[:0]} // over the place of the head
	w.u32(magicPackage, PackageVersion, uint32(n), uint32(head))
	for _, t := range texts {
		if t.text != nil {
			w.u32(uint32(offset))
			offset += 4 + uint64(len(t.text))
		}
	}
	w.b = data
	for _, t := range texts {
		if t.text != nil {
			w.u32(t.magic)
			w.b = append(w.b, t.text...)
		}
	}
	return w.b, nil
}
