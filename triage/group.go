package triage

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/sekit/sekit/avc"
)

// group is a denial with its repetitions.
type group struct {
	denial      *avc.Denial
	count       int
	first, last time.Time
	permissions []string
	// parts are the repetitions by what was asked for, if that is not all the
	// same: key is the permissions.
	parts []*group
	key   string
}

// groupKey says which denials are the same: one source, target, class and
// object. Of a file the permissions are not part of it: a program that may not
// read one may not open it either, and one fix must cure both. Others are apart:
// each capability is a matter of its own, and so are bind and connect.
type groupKey struct {
	source, target, class, object string
	permissions                   string
	permissive                    avc.Ternary
	verdict                       avc.Verdict
	userspace                     bool
	xperm                         uint32
}

func keyOf(d *avc.Denial) groupKey {
	k := groupKey{
		source: d.SourceText, target: d.TargetText, class: d.Class, object: objectOf(d),
		permissive: d.Permissive, verdict: d.Verdict, userspace: d.Manager != nil,
	}
	if _, isFile := fileKind(d.Class); !isFile && !strings.HasSuffix(d.Class, "_socket") ||
		d.HasPermission("name_bind") || d.HasPermission("name_connect") {
		k.permissions = permissionSet(d.Permissions)
	}
	switch {
	case d.HasIoctlcmd:
		k.xperm = 1<<16 | uint32(d.Ioctlcmd)
	case d.HasNlmsgType:
		k.xperm = 1<<17 | uint32(d.NlmsgType)
	}
	return k
}

// groups collects denials in the order of their first appearance.
type groups struct {
	byKey map[groupKey]*group
	order []*group
}

func (gs *groups) add(d *avc.Denial) {
	key := keyOf(d)
	g := gs.byKey[key]
	if g == nil {
		g = &group{denial: d, first: d.ID.Time, last: d.ID.Time}
		if gs.byKey == nil {
			gs.byKey = make(map[groupKey]*group)
		}
		gs.byKey[key] = g
		gs.order = append(gs.order, g)
	}
	g.add(d)
	g.addPart(d)
}

// addPart counts a denial with those that asked for the same.
func (g *group) addPart(d *avc.Denial) {
	key := permissionSet(d.Permissions)
	for _, p := range g.parts {
		if p.key == key {
			p.add(d)
			return
		}
	}
	p := &group{denial: d, key: key, first: d.ID.Time, last: d.ID.Time}
	p.add(d)
	g.parts = append(g.parts, p)
}

// permissionSet is a set of permissions as a key.
func permissionSet(perms []string) string {
	perms = slices.Clone(perms)
	slices.Sort(perms)
	return strings.Join(slices.Compact(perms), " ")
}

func (g *group) add(d *avc.Denial) {
	g.count++
	if at := d.ID.Time; !at.IsZero() {
		if g.first.IsZero() || at.Before(g.first) {
			g.first = at
		}
		if at.After(g.last) {
			g.last = at
		}
	}
	for _, p := range d.Permissions {
		if !slices.Contains(g.permissions, p) {
			g.permissions = append(g.permissions, p)
		}
	}
}

// objectOf says what was accessed, as far as the records know it. It is for
// people and for grouping, not for commands.
func objectOf(d *avc.Denial) string {
	if protocol, port, ok := d.Port(); ok {
		return fmt.Sprintf("%s port %d", protocol, port)
	}
	switch {
	case d.FullPath != "":
		return d.FullPath
	case d.Path != "":
		return d.Path
	case d.HasCapability:
		return d.Wanted
	case d.Name != "" && d.Inode != 0:
		return fmt.Sprintf("%s (inode %d on %s)", d.Name, d.Inode, d.Dev)
	case d.Name != "":
		return d.Name
	case d.Source == d.Target:
		return "itself"
	}
	return ""
}
