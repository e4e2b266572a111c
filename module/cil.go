package module

import (
	"fmt"
	"strconv"
	"strings"
)

// CIL returns the module in CIL, which semodule takes as it is from SELinux 2.4
// on: no compiling, no module version to match. CIL has no statement for a
// module's name and version (the file's name is the module's); they stand in a
// comment. What the module says comes in the order of [Module.TE], as pp says it;
// but * of permissions is those that the module requires of the class, as it is
// for a compiled module.
//
// An optional block with an else branch gives an [*UnsupportedError]: CIL has
// none, and pp drops the branch.
func (m *Module) CIL() ([]byte, error) {
	if err := m.Check(); err != nil {
		return nil, err
	}
	list, err := m.written()
	if err != nil {
		return nil, err
	}
	b := appendComments(nil, "; ", m.Comment)
	b = fmt.Appendf(b, "; module %s %s\n", m.Name, m.version())
	w := cilWriter{b: b, module: m.Name, permissions: make(map[string][]string)}
	w.learn(list)
	if err := w.block(list); err != nil {
		return nil, err
	}
	return w.b, nil
}

func appendCIL(b []byte, r Rule) []byte {
	if !r.Kind.xperm() {
		return fmt.Appendf(b, "(%s %s %s (%s (%s)))", r.Kind, r.Source, r.Target, r.Class,
			strings.Join(r.Permissions, " "))
	}
	keyword := strings.TrimSuffix(r.Kind.String(), "perm") // allowx, …
	b = fmt.Appendf(b, "(%s %s %s (%s %s (", keyword, r.Source, r.Target, r.Permissions[0], r.Class)
	for i, x := range r.Xperms {
		if i > 0 {
			b = append(b, ' ')
		}
		if x.Low == x.High {
			b = append(b, "0x"...)
			b = strconv.AppendUint(b, uint64(x.Low), 16)
			continue
		}
		b = fmt.Appendf(b, "(range %#x %#x)", x.Low, x.High)
	}
	return append(b, ")))"...)
}
