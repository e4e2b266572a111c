package avc

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/sekit/sekit/policy"
)

// Group is what repeats of one denial have in common, and what they add up to.
type Group struct {
	GroupKey
	// Count is how many denials there were.
	Count int `json:"count"`
	// First and Last are the times of the first and the last one, zero if no
	// record had a time.
	First time.Time `json:"first,omitzero"`
	Last  time.Time `json:"last,omitzero"`
	// Enforced counts those that were really denied, Permissive those that went
	// through in permissive mode. The rest did not say.
	Enforced   int `json:"enforced"`
	Permissive int `json:"permissive"`
	// Comms, Paths and Ports are the different commands, objects' paths (or
	// names, where no path is known) and ports met, sorted, at most 64 of each.
	Comms []Count `json:"comms,omitempty"`
	Paths []Count `json:"paths,omitempty"`
	Ports []Count `json:"ports,omitempty"`
	// Example is the denial that tells most: the first complete one.
	Example *Denial `json:"example,omitempty"`
}

// GroupKey is what denials must have in common to be repeats of one another.
type GroupKey struct {
	Verdict Verdict `json:"verdict"`
	// Source and Target are types; where a record has no valid context, its
	// text.
	Source string `json:"source"`
	Target string `json:"target"`
	Class  string `json:"class"`
	// Permissions are sorted and parted by blanks.
	Permissions string `json:"permissions"`
}

// Count is a value and how often it was met.
type Count struct {
	Value string `json:"value"`
	Count int    `json:"count"`
}

// maxValues is how many different values of a kind a Group keeps. A flood of
// names that somebody makes up must not fill the memory.
const maxValues = 64

// KeyOf returns what d is grouped by.
func KeyOf(d *Denial) GroupKey {
	k := GroupKey{
		Verdict: d.Verdict, Source: typeOr(d.Source, d.SourceText),
		Target: typeOr(d.Target, d.TargetText), Class: d.Class,
	}
	switch {
	case len(d.Permissions) == 1:
		k.Permissions = d.Permissions[0]
	case slices.IsSorted(d.Permissions):
		k.Permissions = strings.Join(d.Permissions, " ")
	default:
		k.Permissions = strings.Join(slices.Sorted(slices.Values(d.Permissions)), " ")
	}
	return k
}

func typeOr(c policy.Context, text string) string {
	if c.IsValid() {
		return c.Type()
	}
	return text
}

func (k GroupKey) compare(o GroupKey) int {
	return cmp.Or(
		cmp.Compare(k.Source, o.Source), cmp.Compare(k.Target, o.Target), cmp.Compare(k.Class, o.Class),
		cmp.Compare(k.Permissions, o.Permissions), cmp.Compare(k.Verdict, o.Verdict),
	)
}

func (k GroupKey) clone() GroupKey {
	k.Source, k.Target = strings.Clone(k.Source), strings.Clone(k.Target)
	k.Class, k.Permissions = strings.Clone(k.Class), strings.Clone(k.Permissions)
	return k
}

// Summary groups denials. The zero Summary is empty and ready to use. What two
// Summaries hold can be put together with Merge, also after they went through
// JSON, in any order and with the same outcome (as long as no Group meets more
// than 64 different values of a kind).
type Summary struct {
	groups map[GroupKey]*group
	// dropped counts denials that made a group too many.
	dropped int
}

// maxGroups bounds the groups of a Summary.
const maxGroups = 1 << 16

type group struct {
	Group
	comms, paths, ports map[string]int
}

// Add counts a denial.
func (s *Summary) Add(d *Denial) {
	k := KeyOf(d)
	g := s.groups[k]
	if g == nil {
		if len(s.groups) >= maxGroups {
			s.dropped++
			return
		}
		g = s.group(k.clone())
	}
	g.Count++
	switch d.Permissive {
	case No:
		g.Enforced++
	case Yes:
		g.Permissive++
	}
	g.seen(d.ID.Time, d.ID.Time)
	count(&g.comms, d.Comm, 1)
	count(&g.paths, cmp.Or(d.FullPath, d.Path, d.Name), 1)
	if protocol, port, ok := d.Port(); ok {
		count(&g.ports, fmt.Sprintf("%s/%d", protocol, port), 1)
	}
	g.example(d)
}

func (s *Summary) group(k GroupKey) *group {
	if s.groups == nil {
		s.groups = make(map[GroupKey]*group)
	}
	g := &group{Group: Group{GroupKey: k}}
	s.groups[k] = g
	return g
}

func (g *group) seen(first, last time.Time) {
	if !first.IsZero() && (g.First.IsZero() || first.Before(g.First)) {
		g.First = first
	}
	if last.After(g.Last) {
		g.Last = last
	}
}

// example keeps the better of two examples. Which one that is does not depend
// on the order they come in.
func (g *group) example(d *Denial) {
	if d != nil && (g.Example == nil || compareExamples(d, g.Example) < 0) {
		g.Example = d.Clone()
	}
}

func compareExamples(a, b *Denial) int {
	return cmp.Or(
		-compareBool(a.Complete(), b.Complete()),
		-cmp.Compare(a.PathCertainty, b.PathCertainty),
		-compareBool(a.Syscall != nil, b.Syscall != nil),
		a.ID.Time.Compare(b.ID.Time),
		cmp.Compare(a.ID.Serial, b.ID.Serial),
		cmp.Compare(a.ID.Node, b.ID.Node),
		cmp.Compare(a.File, b.File),
		cmp.Compare(a.Line, b.Line),
		cmp.Compare(a.Text, b.Text),
	)
}

func compareBool(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return 1
	}
	return -1
}

func count(m *map[string]int, value string, n int) {
	if value == "" {
		return
	}
	if _, ok := (*m)[value]; !ok {
		if len(*m) >= maxValues {
			return
		}
		if *m == nil {
			*m = make(map[string]int)
		}
		value = strings.Clone(value)
	}
	(*m)[value] += n
}

// Merge adds what o holds, which is left as it is.
func (s *Summary) Merge(o *Summary) {
	s.dropped += o.dropped
	for _, k := range slices.SortedFunc(maps.Keys(o.groups), GroupKey.compare) {
		from := o.groups[k]
		g := s.groups[k]
		if g == nil {
			if len(s.groups) >= maxGroups {
				s.dropped += from.Count
				continue
			}
			g = s.group(k)
		}
		g.Count += from.Count
		g.Enforced += from.Enforced
		g.Permissive += from.Permissive
		g.seen(from.First, from.Last)
		mergeCounts(&g.comms, from.comms)
		mergeCounts(&g.paths, from.paths)
		mergeCounts(&g.ports, from.ports)
		g.example(from.Example)
	}
}

func mergeCounts(to *map[string]int, from map[string]int) {
	for _, v := range slices.Sorted(maps.Keys(from)) {
		count(to, v, from[v])
	}
}

// Groups returns the groups, the most frequent first, and those as frequent as
// each other by source, target, class and permissions.
func (s *Summary) Groups() []Group {
	l := make([]Group, 0, len(s.groups))
	for _, g := range s.groups {
		out := g.Group
		out.Comms, out.Paths, out.Ports = counts(g.comms), counts(g.paths), counts(g.ports)
		l = append(l, out)
	}
	slices.SortFunc(l, func(a, b Group) int {
		return cmp.Or(-cmp.Compare(a.Count, b.Count), a.GroupKey.compare(b.GroupKey))
	})
	return l
}

func counts(m map[string]int) []Count {
	if len(m) == 0 {
		return nil
	}
	l := make([]Count, 0, len(m))
	for _, v := range slices.Sorted(maps.Keys(m)) {
		l = append(l, Count{v, m[v]})
	}
	return l
}

// Dropped returns how many denials were not counted, because there were too
// many different ones.
func (s *Summary) Dropped() int { return s.dropped }

type summaryJSON struct {
	Groups  []Group `json:"groups"`
	Dropped int     `json:"dropped"`
}

// MarshalJSON implements [json.Marshaler]: an object with the groups, in the
// order of Groups.
func (s *Summary) MarshalJSON() ([]byte, error) {
	return json.Marshal(summaryJSON{s.Groups(), s.dropped})
}

// UnmarshalJSON implements [json.Unmarshaler] for what MarshalJSON gives.
func (s *Summary) UnmarshalJSON(b []byte) error {
	var in summaryJSON
	if err := json.Unmarshal(b, &in); err != nil {
		return err
	}
	out := Summary{dropped: in.Dropped}
	for _, from := range in.Groups {
		if _, ok := out.groups[from.GroupKey]; ok {
			return fmt.Errorf("summary with two groups for %v", from.GroupKey)
		}
		g := out.group(from.GroupKey)
		comms, paths, ports := from.Comms, from.Paths, from.Ports
		from.Comms, from.Paths, from.Ports = nil, nil, nil
		g.Group = from
		for _, c := range comms {
			count(&g.comms, c.Value, c.Count)
		}
		for _, c := range paths {
			count(&g.paths, c.Value, c.Count)
		}
		for _, c := range ports {
			count(&g.ports, c.Value, c.Count)
		}
	}
	*s = out
	return nil
}
