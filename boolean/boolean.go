package boolean

import (
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"slices"
	"strings"

	"github.com/sekit/sekit/policy"
)

// Boolean is a boolean with its values.
type Boolean struct {
	Name string `json:"name"`
	// Current is the value that the kernel decides by. Where no kernel is asked
	// it is Default.
	Current bool `json:"current"`
	// Pending is the value that the next commit of pending values makes
	// current. It differs from Current only while somebody is in between.
	Pending bool `json:"pending"`
	// Default is the value that the boolean has after the next load of the
	// policy: that of the local record, else the policy's own. semanage boolean
	// -l calls it so.
	Default bool `json:"default"`
	// Local says that Default is a local record's (setsebool -P).
	Local bool `json:"local,omitempty"`
}

// String returns the boolean as getsebool prints it: NAME --> on, with the
// pending value where it differs.
func (b Boolean) String() string {
	s := b.Name + " --> " + onOff(b.Current)
	if b.Pending != b.Current {
		s += " pending: " + onOff(b.Pending)
	}
	return s
}

func onOff(on bool) string {
	if on {
		return "on"
	}
	return "off"
}

// Error is the error of an operation on booleans.
type Error struct {
	Op     string // "set", "reset", "undo", "list", "look up", "commit", "open"
	Object string // "boolean"
	Key    string // the boolean's name, or "" if it concerns all
	Err    error
}

func (e *Error) Error() string {
	if e.Key == "" {
		return fmt.Sprintf("%s %s: %v", e.Op, e.Object, e.Err)
	}
	return fmt.Sprintf("%s %s %s: %v", e.Op, e.Object, e.Key, e.Err)
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

var errNoBoolean = fmt.Errorf("the policy has no such boolean: %w", fs.ErrNotExist)

func opError(op, key string, err error) error {
	if !policy.ValidName(key) && key != "" {
		key = fmt.Sprintf("%q", clip(key))
	}
	key = clip(key)
	return &Error{Op: op, Object: "boolean", Key: key, Err: err}
}

// ErrChanged says that a boolean no longer has the values that a change was
// planned on. Nothing was written; plan again.
var ErrChanged = errors.New("the boolean has changed since")

// Record is a boolean with one value: a local record of the store.
type Record struct {
	Name string `json:"name"`
	On   bool   `json:"on"`
}

// String returns the record as booleans.local and semanage have it: NAME=1.
func (r Record) String() string {
	if r.On {
		return r.Name + "=1"
	}
	return r.Name + "=0"
}

// Active is a boolean with the two values that a running kernel has.
type Active struct {
	Name    string `json:"name"`
	Current bool   `json:"current"`
	Pending bool   `json:"pending"`
}

// Table is the booleans of a policy with all their values: an immutable
// picture, taken by [Booleans.Table] or made by [NewTable]. It is safe for
// concurrent use.
type Table struct {
	p        *policy.Policy
	booleans []Boolean // by name
	local    []Record  // in the store's order
	active   bool      // a kernel was asked
	subs     Substitutions
}

// NewTable joins the booleans of a policy with the values of a running kernel
// (nil where none runs) and local records. Booleans that the policy lacks are
// left out: libsemanage drops their records, too, and a kernel that has them
// runs another policy.
func NewTable(p *policy.Policy, active []Active, local []Record) *Table {
	t := &Table{p: p, local: slices.Clone(local), active: active != nil}
	index := make(map[string]int)
	for b := range p.Booleans() {
		index[b.Name()] = len(t.booleans)
		t.booleans = append(t.booleans, Boolean{Name: b.Name(), Default: b.Default()})
	}
	for _, r := range local {
		if i, ok := index[r.Name]; ok {
			t.booleans[i].Default, t.booleans[i].Local = r.On, true
		}
	}
	for i := range t.booleans {
		t.booleans[i].Current = t.booleans[i].Default
		t.booleans[i].Pending = t.booleans[i].Default
	}
	for _, a := range active {
		if i, ok := index[a.Name]; ok {
			t.booleans[i].Current, t.booleans[i].Pending = a.Current, a.Pending
		}
	}
	return t
}

// Policy returns the policy.
func (t *Table) Policy() *policy.Policy { return t.p }

// All returns all booleans, sorted by name.
func (t *Table) All() []Boolean { return slices.Clone(t.booleans) }

// Lookup returns a boolean. The error is an [*Error] that is [fs.ErrNotExist]
// if the policy has none of that name.
func (t *Table) Lookup(name string) (Boolean, error) {
	name = t.subs.Name(name)
	i, ok := slices.BinarySearchFunc(t.booleans, name, func(b Boolean, name string) int {
		return strings.Compare(b.Name, name)
	})
	if !ok {
		return Boolean{}, opError("look up", name, errNoBoolean)
	}
	return t.booleans[i], nil
}

// Rules lists the rules that depend on a boolean, alone or with others; their
// conditions say how. Of an unknown boolean there are none.
func (t *Table) Rules(name string) iter.Seq[policy.Rule] {
	b, err := t.p.Boolean(name)
	if err != nil {
		return func(func(policy.Rule) bool) {}
	}
	return b.Rules()
}

// Exposure returns what setting a boolean newly allows on the whole policy,
// with all booleans at their current values.
func (t *Table) Exposure(name string, on bool) (policy.Exposure, error) {
	var now []policy.Change
	for _, b := range t.booleans {
		now = append(now, policy.SetBoolean{Name: b.Name, On: b.Current})
	}
	p, err := t.p.With(now...)
	if err != nil {
		return policy.Exposure{}, opError("look up", name, err)
	}
	x, err := p.Exposure(policy.SetBoolean{Name: name, On: on})
	if err != nil {
		return policy.Exposure{}, opError("look up", name, err)
	}
	return x, nil
}

// Local returns the local records as their store has them, in its order.
func (t *Table) Local() []Record { return slices.Clone(t.local) }

// Active reports whether a running kernel was asked for its values.
func (t *Table) Active() bool { return t.active }
