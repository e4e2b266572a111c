package port

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/sekit/sekit/policy"
)

// Table is what a policy and a set of local records say about ports: an
// immutable picture, taken by [Ports.Table] or made by [NewTable]. It is safe
// for concurrent use.
type Table struct {
	p       *policy.Policy
	local   []Record // in the store's order
	entries []Entry  // in the order that the kernel goes by
}

// NewTable lays local records, in the order of their store, over a policy's
// portcon statements, as libsepol does when a policy is built
// (sepol_port_modify): each before all that came before it. So a local record
// wins over the policy, and the newest is listed first.
//
// A policy that was built with these local records already has them at its
// head (policy.kern in the store, the installed policy and the kernel's own);
// these are told apart and listed once, as local. Without knowledge of the
// local records, pass none: they then count as the policy's.
//
// Local records that overlap each other or lie outside the policy's rules are
// kept as they are: this is how they are listed, too.
func NewTable(p *policy.Policy, local []Record) *Table {
	t := &Table{p: p, local: slices.Clone(local)}
	fromPolicy := portcons(p)
	if len(local) > 0 && len(fromPolicy) >= len(local) && sameRecords(p, fromPolicy[:len(local)], local) {
		fromPolicy = fromPolicy[len(local):]
	}
	t.entries = make([]Entry, 0, len(local)+len(fromPolicy))
	t.addLocal()
	for _, r := range fromPolicy {
		t.entries = append(t.entries, Entry{r, FromPolicy})
	}
	return t
}

// addLocal makes entries of the local records, the newest first, with contexts
// as the kernel will have them.
func (t *Table) addLocal() {
	for _, r := range slices.Backward(t.local) {
		r.Context = canonicalContext(t.p, r.Context)
		t.entries = append(t.entries, Entry{r, FromLocal})
	}
}

// sameRecords reports whether a policy's records and local ones are the same,
// in any order. A local record's range may be written in another way.
func sameRecords(p *policy.Policy, fromPolicy, local []Record) bool {
	count := make(map[Record]int, len(fromPolicy))
	for _, r := range fromPolicy {
		count[r]++
	}
	for _, r := range local {
		r.Context = canonicalContext(p, r.Context)
		if count[r] == 0 {
			return false
		}
		count[r]--
	}
	return true
}

// Policy returns the policy.
func (t *Table) Policy() *policy.Policy { return t.p }

// Entries returns all records in the order that the kernel goes by: the first
// one that contains a port decides. Their contexts are as the policy writes
// them. Local records shadow the policy's; what
// they shadow is listed as well, as semanage does.
func (t *Table) Entries() []Entry { return slices.Clone(t.entries) }

// Local returns the local records as their store has them, in its order.
func (t *Table) Local() []Record { return slices.Clone(t.local) }

// Match is the answer to which record decides about a port.
type Match struct {
	// Entry is the record that decides. Where none does, its origin is
	// [FromInitialSID] and its range the port alone.
	Entry
	// Shadowed are the records that contain the port too and do not decide, in
	// the kernel's order.
	Shadowed []Entry
}

// Exact reports whether the record that decides is for this one port.
func (m Match) Exact() bool { return m.Origin != FromInitialSID && m.Low == m.High }

// Lookup returns which record decides about a port: the first that contains
// it, as in the kernel's security_port_sid. The port is 0 to 65535; 0 stands
// for "any free port" in bind and is in no record of the usual policies.
func (t *Table) Lookup(protocol Protocol, port int) (Match, error) {
	if err := checkProtocol(protocol); err != nil {
		return Match{}, opError("look up", fmt.Sprint(port), err)
	}
	if port < 0 || port > 65535 {
		return Match{}, opError("look up", fmt.Sprintf("%s %d", protocol, port),
			fmt.Errorf("%w: not in 0-65535", ErrInvalidPort))
	}
	return t.lookup(protocol, uint16(port)), nil
}

func (t *Table) lookup(protocol Protocol, port uint16) Match {
	var m Match
	for _, e := range t.entries {
		switch {
		case !e.Contains(protocol, port):
		case !m.IsValid():
			m.Entry = e
		default:
			m.Shadowed = append(m.Shadowed, e)
		}
	}
	if !m.IsValid() {
		m.Entry = Entry{Record{Key: Key{protocol, port, port}}, FromInitialSID}
		if sid, err := t.p.InitialSID("port"); err == nil {
			m.Context = sid.Context
		}
	}
	return m
}

// OfType returns the records of a type (or an alias of it), in the kernel's
// order, those that local records shadow included.
func (t *Table) OfType(typ string) []Entry {
	typ = canonical(t.p, typ)
	var out []Entry
	for _, e := range t.entries {
		if e.Context.Type() == typ {
			out = append(out, e)
		}
	}
	return out
}

// TypeRanges are the ranges that a type has for one protocol: a line of
// semanage port -l.
type TypeRanges struct {
	Type     string   `json:"type"`
	Protocol Protocol `json:"protocol"`
	Keys     []Key    `json:"keys"`
}

// String returns the line that semanage port -l prints.
func (r TypeRanges) String() string {
	ranges := make([]string, len(r.Keys))
	for i, k := range r.Keys {
		ranges[i] = k.Range()
	}
	return fmt.Sprintf("%-30s %-8s %s", r.Type, r.Protocol, strings.Join(ranges, ", "))
}

// ByType returns the records by type and protocol, as semanage port -l lists
// them: sorted by both, the ranges in the kernel's order.
func (t *Table) ByType() []TypeRanges {
	records := make([]Record, len(t.entries))
	for i, e := range t.entries {
		records[i] = e.Record
	}
	return byType(records)
}

// LocalByType returns the local records by type and protocol, as semanage port
// -lC lists them: the ranges in the store's order.
func (t *Table) LocalByType() []TypeRanges { return byType(t.local) }

func byType(records []Record) []TypeRanges {
	type line struct {
		typ      string
		protocol Protocol
	}
	index := make(map[line]int)
	var out []TypeRanges
	for _, r := range records {
		l := line{r.Context.Type(), r.Protocol}
		i, ok := index[l]
		if !ok {
			i = len(out)
			index[l] = i
			out = append(out, TypeRanges{Type: l.typ, Protocol: l.protocol})
		}
		out[i].Keys = append(out[i].Keys, r.Key)
	}
	slices.SortFunc(out, func(a, b TypeRanges) int {
		return cmp.Or(strings.Compare(a.Type, b.Type), strings.Compare(a.Protocol.String(), b.Protocol.String()))
	})
	return out
}

// find returns the entry of exactly that key that decides, local before policy;
// a local one as its store has it.
func (t *Table) find(k Key) (Entry, bool) {
	for _, r := range t.local {
		if r.Key == k {
			return Entry{r, FromLocal}, true
		}
	}
	for _, e := range t.entries {
		if e.Key == k {
			return e, true
		}
	}
	return Entry{}, false
}
