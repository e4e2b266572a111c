package sekit

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/sekit/sekit/fcontext"
	"github.com/sekit/sekit/module"
	"github.com/sekit/sekit/policy"
	"github.com/sekit/sekit/port"
	"github.com/sekit/sekit/port/infiniband"
)

// Bundle returns settings that come to the same as others, with ports,
// Infiniband's, file contexts and permissive domains in one module in CIL: a package that installs
// it under its own name and priority owns what it brings, and takes all of it
// away with the module ([Without.Modules]). Booleans, other modules and what is
// to be relabelled stay what they are.
//
// A module adds statements beside the policy's and replaces none. What only a
// local record can do is [errors.ErrUnsupported]: another type for ports, or a
// pattern, that the policy itself has as narrowly; equivalences; ranges with
// categories. Patterns compete with the policy's own by how specific they are,
// where a local record would win. What is so already is left out.
func (s *System) Bundle(ctx context.Context, key module.Key, want Settings) (Settings, error) {
	if len(want.Without.Ports)+len(want.Without.Infiniband)+len(want.Without.Contexts)+len(want.Without.Equivalences)+len(want.Without.Permissive) > 0 {
		return Settings{}, fmt.Errorf("a module takes no records away: %w", errors.ErrUnsupported)
	}
	p, err := s.Plan(ctx, Settings{Ports: want.Ports, Infiniband: want.Infiniband, Contexts: want.Contexts, Equivalences: want.Equivalences, Permissive: want.Permissive})
	if err != nil {
		return Settings{}, err
	}
	var b bytes.Buffer
	for _, c := range p.Permissive {
		fmt.Fprintf(&b, "(typepermissive %s)\n", c.Domain)
	}
	for _, c := range p.Ports {
		if err := portconCIL(&b, c); err != nil {
			return Settings{}, err
		}
	}
	for _, c := range p.Infiniband {
		if err := infinibandCIL(&b, s, c); err != nil {
			return Settings{}, err
		}
	}
	for _, c := range p.Contexts {
		if err := fileconCIL(&b, c); err != nil {
			return Settings{}, err
		}
	}
	out := Settings{Modules: want.Modules, Booleans: want.Booleans, Without: want.Without, Relabel: want.Relabel}
	if b.Len() > 0 {
		out.Modules = append(out.Modules[:len(out.Modules):len(out.Modules)], ModuleSetting{key, "cil", b.Bytes()})
	}
	return out, nil
}

func portconCIL(b *bytes.Buffer, c port.Change) error {
	if c.Op != port.Add {
		return fmt.Errorf("%s by a module: %w", c, errors.ErrUnsupported)
	}
	for _, e := range c.Shadows {
		// Of statements the one for fewer ports counts (libsepol,
		// cil_post_portcon_compare), of local records the newest.
		if e.Origin == port.FromLocal || e.High-e.Low <= c.Key.High-c.Key.Low {
			return fmt.Errorf("%s by a module, over the %s record %s: %w", c, e.Origin, e.Key, errors.ErrUnsupported)
		}
	}
	ports := fmt.Sprint(c.Key.Low)
	if c.Key.Low != c.Key.High {
		ports = fmt.Sprintf("(%d %d)", c.Key.Low, c.Key.High)
	}
	text, err := contextCIL(c.After.Context)
	if err == nil {
		fmt.Fprintf(b, "(portcon %s %s %s)\n", c.Key.Protocol, ports, text)
	}
	return err
}

// infinibandCIL writes a statement for keys that no other has a part of: which of
// two would count is another thing among statements than among local records.
func infinibandCIL(b *bytes.Buffer, s *System, c infiniband.Change) error {
	for _, e := range s.infiniband().Entries() {
		if e.Overlaps(c.Key) {
			return fmt.Errorf("%s by a module, over the %s record %s: %w", c, e.Origin, e.Key, errors.ErrUnsupported)
		}
	}
	text, err := contextCIL(c.After.Context)
	if err != nil {
		return err
	}
	if c.Key.OfPkeys() {
		fmt.Fprintf(b, "(ibpkeycon %s (%d %d) %s)\n", c.Key.Subnet, c.Key.Low, c.Key.High, text)
	} else {
		fmt.Fprintf(b, "(ibendportcon %s %d %s)\n", c.Key.Device, c.Key.Low, text)
	}
	return nil
}

// cilKinds are CIL's words for kinds of files.
var cilKinds = map[fcontext.Kind]string{
	fcontext.Any: "any", fcontext.File: "file", fcontext.Dir: "dir", fcontext.CharDevice: "char", fcontext.BlockDevice: "block",
	fcontext.Socket: "socket", fcontext.Pipe: "pipe", fcontext.Symlink: "symlink",
}

func fileconCIL(b *bytes.Buffer, c fcontext.LocalChange) error {
	kind, ok := cilKinds[c.Key.Kind]
	// A string of CIL ends with the next quotation mark, and has no escapes.
	if c.Op != fcontext.Add || c.OfEquivalence() || !ok || strings.ContainsAny(c.Key.Pattern, "\"\n") {
		return fmt.Errorf("%s by a module: %w", c, errors.ErrUnsupported)
	}
	text := "()"
	if !c.After.None {
		var err error
		if text, err = contextCIL(c.After.Context); err != nil {
			return err
		}
	}
	fmt.Fprintf(b, "(filecon \"%s\" %s %s)\n", c.Key.Pattern, kind, text)
	return nil
}

// contextCIL writes a context whose range, if it has one, is a sensitivity.
func contextCIL(c policy.Context) (string, error) {
	level := c.Range()
	if level == "" {
		level = "s0" // CIL has levels in every policy
	}
	if !policy.ValidName(level) {
		return "", fmt.Errorf("the range %s by a module: %w", level, errors.ErrUnsupported)
	}
	return fmt.Sprintf("(%s %s %s ((%s) (%s)))", c.User(), c.Role(), c.Type(), level, level), nil
}
