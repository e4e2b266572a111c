package triage

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/sekit/sekit"
	"github.com/sekit/sekit/policy"
	"github.com/sekit/sekit/port"
)

// maxPorts is how many port types are offered.
const maxPorts = 4

// byPort tries the port types that the domain may use so.
func (c *investigation) byPort() {
	name, number, ok := c.d.Port()
	if !ok {
		return
	}
	protocol, err := policy.ParseProtocol(name)
	if err != nil {
		return
	}
	owner, err := c.t.sys.Ports.Lookup(protocol, int(number))
	if err != nil {
		return
	}
	c.f.why("%s port %d is %s", protocol, number, ownership(owner))
	if owner.Context.Type() != c.canonical(c.d.Target.Type()) {
		c.f.note("port-changed", "the denial was for %s: the port has got another type since", c.d.Target.Type())
	}
	if b, ok := c.foreseen(owner); ok && !c.generic(protocol, owner.Context.Type()) {
		c.f.reject(Port, fmt.Sprintf("register %s port %d as another type", protocol, number),
			"the port is %s's, and the policy foresees this use of it: set %s", owner.Context.Type(), b)
		return
	}
	choices := c.portTypes(protocol, number, owner)
	if len(choices) == 0 {
		c.f.note("no-port-type", "no port type lets %s do this; a module with a port type of its own would", c.d.Source.Type())
	}
	for i, cand := range choices {
		if i == maxPorts {
			c.f.note("more-ports", "%s may do this on the ports of %d more types", c.d.Source.Type(), len(choices)-i)
			break
		}
		if fix, ok := c.try(&cand.candidate); ok {
			c.f.Fixes = append(c.f.Fixes, fix)
		}
	}
}

// foreseen returns a boolean that switches on a rule for the very type of the
// port: then its owner's is the type that the policy's authors had in mind.
func (c *investigation) foreseen(owner port.Match) (string, bool) {
	for _, r := range c.f.Decision.Reasons() {
		off, ok := r.(policy.RuleOff)
		if ok && len(off.Flips) > 0 && off.Rule.Target() == owner.Context.Type() {
			return off.Flips[0].Name, true
		}
	}
	return "", false
}

func ownership(m port.Match) string {
	if !m.IsValid() {
		return "not registered"
	}
	if m.Origin == port.FromLocal {
		return fmt.Sprintf("%s, by the local record %s", m.Context.Type(), m.Range())
	}
	return fmt.Sprintf("%s, by the policy's record %s", m.Context.Type(), m.Range())
}

// distance is how far from a domain a port type is.
type distance uint8

const (
	_         distance = iota // named like the domain
	elsewhere                 // named like another service
	byTheWay                  // and not what most connect to of what the domain serves
)

type portChoice struct {
	candidate
	rank rank
}

// portTypes returns a candidate for each type that a port may be given and
// that the domain may use so, the likeliest first.
func (c *investigation) portTypes(protocol port.Protocol, number uint16, owner port.Match) []portChoice {
	access := c.f.Access
	allowed, err := c.t.pol.AllowedTargets(access.Source.Type(), access.Class, access.Permissions...)
	if err != nil {
		return nil
	}
	var choices []portChoice
	for _, typ := range allowed {
		if c.generic(protocol, typ.Name()) || !c.own(typ.Name()) {
			continue
		}
		change, err := c.t.sys.Ports.PlanSet(port.Port(protocol, int(number), typ.Name()))
		if err != nil || change.Op == port.Nothing {
			continue // not a port's type, or it is so already
		}
		set := policy.PortContext{Protocol: protocol, Low: number, High: number, Type: typ.Name()}
		x, err := c.t.pol.Exposure(set)
		if err != nil {
			continue
		}
		if x.Ports > everybodysPorts && !slices.Contains(access.Permissions, "name_bind") {
			continue
		}
		cand := candidate{
			kind:     Port,
			summary:  sentence("register %s port %d as %s", protocol, number, typ.Name()),
			commands: []Command{Command(change.Command())},
			undo:     undoPort(change),
			settings: sekit.Settings{Ports: []port.Setting{port.Port(protocol, int(number), typ.Name())}},
			changes:  []policy.Change{set},
			apply: func(s Step) Step {
				s.Access.Target = change.After.Context
				return s
			},
			exposure: func() (policy.Exposure, error) { return portPrice(x), nil },
		}
		if owner.IsValid() && !c.generic(protocol, owner.Context.Type()) {
			lost := c.lost(owner, typ.Name())
			if len(lost) > wideSources {
				c.f.reject(Port, cand.summary, "%s", losers(owner, lost))
				continue
			}
			cand.warnings = append(cand.warnings, losers(owner, lost))
			cand.takes = len(lost) > 0
		}
		// A daemon's name often goes on where its protocol's ends: sshd_t has
		// ssh_port_t.
		foreign := !strings.HasPrefix(access.Source.Type(), family(typ.Name()))
		if foreign && cand.takes && (slices.Contains(access.Permissions, "name_bind") || number < systemPorts) {
			c.f.reject(Port, cand.summary, "%s is named for another service than %s, and %s", typ.Name(), access.Source.Type(), cand.warnings[0])
			continue
		}
		if foreign {
			cand.warnings = append(cand.warnings, sentence(
				"%s is named for another service than %s: take it if that is what the port is used for", typ.Name(), access.Source.Type()))
		}
		r := rank{foreign: foreign, exposure: x.Ports}
		// A port that is taken from another type competes with booleans, by
		// price alone.
		if foreign && !cand.takes {
			cand.distance = elsewhere
		}
		choices = append(choices, portChoice{cand, r})
	}
	foreign := 0
	for _, ch := range choices {
		if ch.rank.foreign {
			foreign++
		}
	}
	switch {
	case slices.Contains(access.Permissions, "name_bind"):
		markByTheWay(choices)
	case foreign > maxForeign && len(choices) == foreign:
		// Which of so many services is meant is not in the log.
		for i := range choices {
			choices[i].guess, choices[i].distance = true, elsewhere
			choices[i].warnings = append(choices[i].warnings, fmt.Sprintf("the types of %d services would do, and nothing tells which is meant", foreign))
		}
	}
	slices.SortStableFunc(choices, func(a, b portChoice) int {
		return cmp.Or(a.rank.compare(b.rank), cmp.Compare(a.summary, b.summary))
	})
	return choices
}

// systemPorts is the first port that is not assigned by standards for one service
// (RFC 6335): what is below is used for that, whoever connects to it.
const systemPorts = 1024

// markByTheWay ranks the services that a domain listens for under other names:
// what it is there for is what most domains may connect to; the rest is for its
// own parts, or for steering it.
func markByTheWay(choices []portChoice) {
	most := 0
	for _, ch := range choices {
		if ch.rank.foreign && !ch.takes {
			most = max(most, ch.rank.exposure)
		}
	}
	for i := range choices {
		if ch := &choices[i]; ch.rank.foreign && !ch.takes && ch.rank.exposure < most {
			ch.distance, ch.rank.narrow = byTheWay, true
		}
	}
}

// maxForeign is how many services' port types are taken for what is meant, where
// none is the domain's.
const maxForeign = 2

// own reports whether the domain may use a type by a rule that was made for it
// or for a few like it, not by one for a whole class of domains: ports that all
// of these may use say nothing of what this one is for.
func (c *investigation) own(typ string) bool {
	rules, err := c.t.pol.Rules(policy.RuleQuery{
		Kinds: policy.KindAllow, Source: c.f.Access.Source.Type(), Target: typ,
		Classes: []string{c.f.Access.Class}, Permissions: c.f.Access.Permissions,
	})
	if err != nil {
		return false
	}
	for r := range rules {
		a, err := c.t.pol.Attribute(r.Source())
		if r.Holds() && (err != nil || a.Len() <= wideSources) {
			return true
		}
	}
	return false
}

// portPrice counts what a port gives away as tuples, so that fixes of all
// kinds compare.
func portPrice(x policy.Exposure) policy.Exposure {
	x.Tuples += x.Ports
	return x
}

// maxLosers is how many domains are named that lose a port.
const maxLosers = 4

// lost are the domains that may no longer use a port that changes hands, with
// what they may not: bind it, or connect to it.
func (c *investigation) lost(owner port.Match, to string) map[string][]string {
	lost := make(map[string][]string)
	for _, perm := range [...]string{"name_bind", "name_connect"} {
		had, _ := c.t.pol.AllowedSources(owner.Context.Type(), c.f.Access.Class, perm)
		keep, err := c.t.pol.AllowedSources(to, c.f.Access.Class, perm)
		for _, s := range had {
			if err == nil && !slices.Contains(keep, s) {
				lost[s.Name()] = append(lost[s.Name()], perm)
			}
		}
	}
	return lost
}

// losers says who loses a port.
func losers(owner port.Match, lost map[string][]string) string {
	if len(lost) == 0 {
		return fmt.Sprintf("the port belongs to %s, though no domain loses it", owner.Context.Type())
	}
	var who []string
	for i, name := range slices.Sorted(maps.Keys(lost)) {
		if i == maxLosers {
			who = append(who, fmt.Sprintf("%d more", len(lost)-i))
			break
		}
		who = append(who, fmt.Sprintf("%s (%s)", name, strings.Join(lost[name], ", ")))
	}
	return fmt.Sprintf("the port belongs to %s, and is lost to %s", owner.Context.Type(), strings.Join(who, ", "))
}

func undoPort(change port.Change) []Command {
	switch {
	case change.Before.Origin == port.FromLocal && change.Before.IsValid():
		return []Command{{"semanage", "port", "-m", "-t", change.Before.Context.Type(), "-p", change.Key.Protocol.String(), change.Key.Range()}}
	default:
		return []Command{{"semanage", "port", "-d", "-p", change.Key.Protocol.String(), change.Key.Range()}}
	}
}

// everybodysPorts is how many accesses a port type may open that is for a kind
// of service. More have types, as that of DNS, that most domains may use.
const everybodysPorts = 100

// genericPorts is from how many ports on a type is that of ports which nobody
// has registered.
const genericPorts = 256

// generic reports whether a type is one of the ranges of ports that nobody in
// particular has, such as all unreserved ones.
func (c *investigation) generic(protocol port.Protocol, typ string) bool {
	if rest, err := c.t.pol.InitialSID("port"); err == nil && rest.Context.Type() == typ {
		return true // of all ports that no record names
	}
	return c.portCount(protocol, typ) >= genericPorts
}

// portCount is how many ports have a type.
func (c *investigation) portCount(protocol port.Protocol, typ string) int {
	n := 0
	for _, e := range c.t.sys.Ports.OfType(typ) {
		if e.Protocol == protocol {
			n += int(e.High) - int(e.Low) + 1
		}
	}
	return n
}
