package port

import (
	"errors"
	"fmt"

	"github.com/sekit/sekit/policy"
)

// defaultRange is the range that semanage gives a port record by itself.
const defaultRange = "s0"

// Setting says what shall be so: the ports Low to High of a protocol have the
// type. High may be 0 for the one port Low.
type Setting struct {
	Protocol Protocol `json:"protocol"`
	Low      int      `json:"low"`            // 1 to 65535
	High     int      `json:"high,omitempty"` // 1 to 65535, or 0
	// Type is a port type of the policy, or an alias of one.
	Type string `json:"type"`
	// Range is the MLS range; empty keeps that of the record that is modified,
	// and is s0 for a new one.
	Range string `json:"range,omitempty"`
}

// Port is a setting for one port.
func Port(protocol Protocol, port int, typ string) Setting {
	return Setting{Protocol: protocol, Low: port, High: port, Type: typ}
}

// MakeKey checks a protocol and a range and makes them a key. The range is 1 to
// 65535; a high end of 0 stands for the one port low. (semanage takes the port
// 0, too: no program can use what comes of it.)
func MakeKey(protocol Protocol, low, high int) (Key, error) {
	if err := checkProtocol(protocol); err != nil {
		return Key{}, err
	}
	if high == 0 {
		high = low
	}
	if low < 1 || low > 65535 || high < 1 || high > 65535 {
		return Key{}, fmt.Errorf("%w %d-%d: not in 1-65535", ErrInvalidPort, low, high)
	}
	if low > high {
		return Key{}, fmt.Errorf("%w %d-%d: reversed range", ErrInvalidPort, low, high)
	}
	return Key{protocol, uint16(low), uint16(high)}, nil
}

// PlanSet returns the change that makes a setting so, and changes nothing:
//
//   - Nothing if all of its ports already have the type (and the range, if one
//     is given), by whatever records;
//   - Modify if there is a record of exactly this key, local or the policy's;
//   - Add otherwise, also within a wider record of the policy, which the new
//     one then shadows.
//
// The error says what can't be: an invalid port or range, a type that the
// policy does not have or that is no port type, a range that the policy does
// not take, a local record of another key that overlaps ([*OverlapError]).
func (t *Table) PlanSet(s Setting) (Change, error) {
	c, err := t.planSet(s)
	if err != nil {
		key := fmt.Sprintf("%s %d", s.Protocol, s.Low)
		if s.High != 0 && s.High != s.Low {
			key += fmt.Sprintf("-%d", s.High)
		}
		return Change{}, opError("set", key, err)
	}
	return c, nil
}

func (t *Table) planSet(s Setting) (Change, error) {
	key, err := MakeKey(s.Protocol, s.Low, s.High)
	if err != nil {
		return Change{}, err
	}
	typ, err := portType(t.p, s.Type)
	if err != nil {
		return Change{}, err
	}
	if e, ok := t.decides(key, typ, s.Range); ok {
		return Change{Op: Nothing, Key: key, Before: e}, nil
	}
	before, exists := t.find(key)
	for _, r := range t.local {
		if r.Key != key && r.Overlaps(key) {
			return Change{}, &OverlapError{Entry{r, FromLocal}}
		}
	}
	c := Change{Op: Add, Key: key, Before: before}
	if exists {
		c.Op = Modify
	}
	if c.After, err = t.record(key, before, typ, s.Range); err != nil {
		return Change{}, err
	}
	for _, e := range t.entries {
		if e.Overlaps(key) && e.Context.Type() != typ {
			c.Shadows = append(c.Shadows, e)
		}
	}
	return c, nil
}

// decides reports whether every port of the key already has the type and, if
// one is given, the range; and returns the record that says so of the first.
func (t *Table) decides(key Key, typ, rng string) (Entry, bool) {
	var first Entry
	for port := uint32(key.Low); port <= uint32(key.High); {
		m := t.lookup(key.Protocol, uint16(port))
		if m.Context.Type() != typ || rng != "" && !sameRange(t.p, m.Context, rng) {
			return Entry{}, false
		}
		if !first.IsValid() {
			first = m.Entry
		}
		port = t.next(m, port)
	}
	return first, true
}

// record makes the local record of a setting: that which is modified with
// another type, or a new one (seobject.py, portRecords.__add and __modify).
func (t *Table) record(key Key, before Entry, typ, rng string) (Record, error) {
	c := before.Context
	if !before.IsValid() {
		c = policy.MustParseContext("system_u:object_r:unlabeled_t")
		if t.p.MLS() && rng == "" {
			rng = defaultRange
		}
	}
	if c = c.WithType(typ); rng != "" {
		if !t.p.MLS() {
			return Record{}, fmt.Errorf("%w: the policy has no ranges", ErrInvalidPort)
		}
		c = c.WithRange(rng)
	}
	if err := t.p.CheckContext(c); err != nil {
		return Record{}, err
	}
	return Record{key, canonicalContext(t.p, c)}, nil
}

// PlanDelete returns the change that removes the local record of a key, and
// changes nothing. The error is a [*OwnerError] (fs.ErrPermission) if the
// policy has the record, a [*MissingError] (fs.ErrNotExist) if none has.
func (t *Table) PlanDelete(key Key) (Change, error) {
	// The port 0, which semanage takes, must be got rid of, too.
	if err := checkProtocol(key.Protocol); err != nil {
		return Change{}, opError("delete", key.String(), err)
	}
	e, ok := t.find(key)
	switch {
	case ok && e.Origin == FromLocal:
		return Change{Op: Delete, Key: key, Before: e}, nil
	case ok:
		return Change{}, opError("delete", key.String(), &OwnerError{e})
	}
	return Change{}, opError("delete", key.String(), &MissingError{t.lookup(key.Protocol, key.Low).Entry})
}

// With returns the table with changes made to its local records. The error is
// that of [Apply].
func (t *Table) With(changes ...Change) (*Table, error) {
	local, err := Apply(t.local, changes...)
	if err != nil {
		return nil, err
	}
	out := &Table{p: t.p, local: local}
	out.addLocal()
	for _, e := range t.entries {
		if e.Origin == FromPolicy {
			out.entries = append(out.entries, e)
		}
	}
	return out, nil
}

// portType checks that a type may be a port's and returns its name.
func portType(p *policy.Policy, name string) (string, error) {
	if !policy.ValidName(name) {
		return "", fmt.Errorf("type %q: %w", clip(name), errInvalidName)
	}
	typ, err := p.Type(name)
	if err != nil {
		return "", err
	}
	if !isPortType(p, typ) {
		return "", fmt.Errorf("%s: %w", typ.Name(), ErrNotPortType)
	}
	return typ.Name(), nil
}

var errInvalidName = errors.New("invalid name")

// canonicalContext returns a context as the policy writes it: s0:c1.c3 for
// s0:c1,c2,c3. One that the policy does not take is returned as it is.
func canonicalContext(p *policy.Policy, c policy.Context) policy.Context {
	sid, err := p.SID(c)
	if err != nil {
		return c
	}
	return sid.Context()
}

// sameRange reports whether a context has the range, however it is written.
func sameRange(p *policy.Policy, c policy.Context, rng string) bool {
	return canonicalContext(p, c) == canonicalContext(p, c.WithRange(rng))
}

func canonical(p *policy.Policy, name string) string {
	if t, err := p.Type(name); err == nil {
		return t.Name()
	}
	return name
}
