package policydb

import (
	"errors"
	"fmt"
	"math"
	"math/bits"
)

func bitLen(m uint64) int { return bits.Len64(m) }

// dominates reports whether l dominates o (mls_level_dom).
func (l *Level) dominates(o *Level) bool {
	return l.Sensitivity >= o.Sensitivity && l.Categories.Contains(o.Categories)
}

// checkSingle wants a range that is written as one level to be one.
func checkSingle(r *Range) error {
	if r.Single && (r.Low.Sensitivity != r.High.Sensitivity || !r.Low.Categories.Equal(r.High.Categories)) {
		return errors.New("a range of one level with two")
	}
	return nil
}

// checkRange checks what mls_range_isvalid does: levels of the policy, with
// categories that their sensitivities may have, the high one dominating.
func (k *checker) checkRange(r *Range) error {
	if err := checkSingle(r); err != nil || !k.p.MLS {
		return err
	}
	for _, l := range [...]*Level{&r.Low, &r.High} {
		if err := k.sensitivities.need("sensitivity", l.Sensitivity); err != nil {
			return err
		}
		if !k.levelAt[l.Sensitivity-1].Categories.Contains(l.Categories) {
			return fmt.Errorf("categories that the sensitivity %d has not", l.Sensitivity)
		}
	}
	if !r.High.dominates(&r.Low) {
		return errors.New("a high level that does not dominate the low one")
	}
	return nil
}

// checkContext checks what policydb_context_isvalid does: both readers refuse
// a policy in which a context is not one of the policy's own.
func (k *checker) checkContext(c *Context) error {
	if !k.users.has(c.User) || !k.roles.has(c.Role) || !k.types.has(c.Type) {
		return fmt.Errorf("context of user %d, role %d and type %d: %w", c.User, c.Role, c.Type, errNoValue)
	}
	if err := k.checkRange(&c.Range); err != nil {
		return err
	}
	if c.Role == objectRValue {
		return nil
	}
	u := k.userAt[c.User-1]
	if !k.roleAt[c.Role-1].Types.Has(c.Type-1) || !u.Roles.Has(c.Role-1) {
		return fmt.Errorf("context of user %d, role %d and type %d, which do not go together", c.User, c.Role, c.Type)
	}
	if k.p.MLS && (!c.Range.Low.dominates(&u.Range.Low) || !u.Range.High.dominates(&c.Range.High)) {
		return fmt.Errorf("context with a range outside that of user %q", u.Name)
	}
	return nil
}

func (k *checker) checkInitialSIDs() error {
	seen := map[uint32]bool{}
	for i := range k.p.InitialSIDs {
		s := &k.p.InitialSIDs[i]
		if s.SID == 0 || s.SID == math.MaxUint32 || seen[s.SID] {
			return fmt.Errorf("initial SID %d is 0, reserved or there %w", s.SID, errDuplicate)
		}
		seen[s.SID] = true
		if err := k.checkContext(&s.Context); err != nil {
			return fmt.Errorf("initial SID %d: %w", s.SID, err)
		}
	}
	return nil
}

// maxDevice is the length of a file system's or interface's name, and of an
// Infiniband device's (IB_DEVICE_NAME_MAX).
const maxDevice = 63

func checkDevice(name string) error {
	if !validName(name) {
		return errName
	}
	if len(name) > maxDevice {
		return fmt.Errorf("a name of %d bytes", len(name))
	}
	return nil
}

func (k *checker) checkFS() error {
	for i := range k.p.FS {
		f := &k.p.FS[i]
		if err := first(checkDevice(f.Name), k.checkContext(&f.Context), k.checkContext(&f.File)); err != nil {
			return fmt.Errorf("%q: %w", f.Name, err)
		}
	}
	return nil
}

// checkPortcons bounds what the kernel keeps in 8 and 16 bits.
func (k *checker) checkPortcons() error {
	for i := range k.p.Portcons {
		if err := k.checkPortcon(&k.p.Portcons[i]); err != nil {
			return fmt.Errorf("%d: %w", i, err)
		}
	}
	return nil
}

func (k *checker) checkPortcon(c *Portcon) error {
	if c.Low > c.High || c.High > math.MaxUint16 || c.Protocol > math.MaxUint8 {
		return fmt.Errorf("ports %d to %d of protocol %d", c.Low, c.High, c.Protocol)
	}
	return k.checkContext(&c.Context)
}

func (k *checker) checkNetifcons() error {
	for i := range k.p.Netifcons {
		c := &k.p.Netifcons[i]
		if err := first(checkDevice(c.Name), k.checkContext(&c.Interface), k.checkContext(&c.Packet)); err != nil {
			return fmt.Errorf("%q: %w", c.Name, err)
		}
	}
	return nil
}

func (k *checker) checkNodecons() error {
	for i := range k.p.Nodecons {
		if err := k.checkContext(&k.p.Nodecons[i].Context); err != nil {
			return fmt.Errorf("%d: %w", i, err)
		}
	}
	return nil
}

func (k *checker) checkNodecons6() error {
	for i := range k.p.Nodecons6 {
		if err := k.checkContext(&k.p.Nodecons6[i].Context); err != nil {
			return fmt.Errorf("%d: %w", i, err)
		}
	}
	return nil
}

func (k *checker) checkFSUses() error {
	for i := range k.p.FSUses {
		f := &k.p.FSUses[i]
		if f.Behavior < 1 || f.Behavior > 3 {
			return fmt.Errorf("%q: behavior %d", f.Name, f.Behavior)
		}
		if !validName(f.Name) {
			return errName
		}
		if err := k.checkContext(&f.Context); err != nil {
			return fmt.Errorf("%q: %w", f.Name, err)
		}
	}
	return nil
}

func (k *checker) checkIBPkeycons() error {
	for i := range k.p.IBPkeycons {
		if err := k.checkIBPkeycon(&k.p.IBPkeycons[i]); err != nil {
			return fmt.Errorf("%d: %w", i, err)
		}
	}
	return nil
}

func (k *checker) checkIBPkeycon(c *IBPkeycon) error {
	if v := k.p.Version; !FeatureInfiniband.In(v) {
		return FeatureInfiniband.missing(v)
	}
	if c.Low > c.High || c.High > math.MaxUint16 {
		return fmt.Errorf("keys %d to %d", c.Low, c.High)
	}
	return k.checkContext(&c.Context)
}

func (k *checker) checkIBEndportcons() error {
	for i := range k.p.IBEndportcons {
		c := &k.p.IBEndportcons[i]
		if err := k.checkIBEndportcon(c); err != nil {
			return fmt.Errorf("%q: %w", c.Device, err)
		}
	}
	return nil
}

func (k *checker) checkIBEndportcon(c *IBEndportcon) error {
	if v := k.p.Version; !FeatureInfiniband.In(v) {
		return FeatureInfiniband.missing(v)
	}
	if c.Port == 0 || c.Port > math.MaxUint8 {
		return fmt.Errorf("port %d", c.Port)
	}
	return first(checkDevice(c.Device), k.checkContext(&c.Context))
}

// checkGenfscons wants each file system type once, and each path of it once
// for a class (genfs_read).
func (k *checker) checkGenfscons() error {
	types := names{}
	for i := range k.p.Genfscons {
		g := &k.p.Genfscons[i]
		err := types.add(g.FSType)
		if err == nil {
			err = k.checkPaths(g.Paths)
		}
		if err != nil {
			return fmt.Errorf("%q: %w", g.FSType, err)
		}
	}
	return nil
}

func (k *checker) checkPaths(paths []Genfscon) error {
	type by struct {
		path  string
		class uint32
	}
	seen := make(map[by]struct{}, len(paths))
	classed := map[string]bool{} // paths with an entry for one class
	for i := range paths {
		g := &paths[i]
		if !validName(g.Path) {
			return errName
		}
		if g.Class != 0 {
			if err := k.classes.need("class", g.Class); err != nil {
				return fmt.Errorf("%q: %w", g.Path, err)
			}
		}
		_, same := seen[by{g.Path, g.Class}]
		_, all := seen[by{g.Path, 0}]
		if same || all || g.Class == 0 && classed[g.Path] {
			return fmt.Errorf("%q: %w", g.Path, errDuplicate)
		}
		seen[by{g.Path, g.Class}] = struct{}{}
		if g.Class != 0 {
			classed[g.Path] = true
		}
		if err := k.checkContext(&g.Context); err != nil {
			return fmt.Errorf("%q: %w", g.Path, err)
		}
	}
	return nil
}
