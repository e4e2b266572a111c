package fcontext

import (
	"slices"

	"github.com/sekit/sekit/policy"
)

// fileTypeAttributes are the attributes of the types that a file may have
// (seobject.py, fcontextRecords).
var fileTypeAttributes = []string{"file_type", "device_node"}

// FileTypes returns the types that files may have, sorted: those with the
// attribute file_type or device_node, which semanage goes by. In a policy with
// neither attribute it is the types of the policy's specs.
func (t *LocalTable) FileTypes() []string {
	var out []string
	known := false
	for _, name := range fileTypeAttributes {
		if a, err := t.base.p.Attribute(name); err == nil {
			known = true
			for typ := range a.Types() {
				out = append(out, typ.Name())
			}
		}
	}
	if !known {
		for _, e := range t.base.entries {
			if typ, err := t.base.p.Type(e.Context.Type()); err == nil {
				out = append(out, typ.Name())
			}
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// isFileType reports whether files may have the type.
func (t *LocalTable) isFileType(typ policy.Type) bool {
	known := false
	for _, name := range fileTypeAttributes {
		if a, err := t.base.p.Attribute(name); err == nil {
			if known = true; a.Has(typ) {
				return true
			}
		}
	}
	return !known && slices.Contains(t.FileTypes(), typ.Name())
}
