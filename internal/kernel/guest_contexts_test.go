//go:build kernelguest && linux

package kernel

import (
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/sekit/sekit/policy"
)

// contexts makes random contexts of a policy, valid ones and others.
type contexts struct {
	r       *rand.Rand
	users   []policy.User
	roles   []policy.Role
	types   []policy.Type
	attrs   []policy.Attribute
	holders map[string][]holder // by type
	ranges  []string
	strange []string
}

// holder is a user and a role of theirs that may have some type.
type holder struct{ user, role string }

func newContextMaker(p *policy.Policy, r *rand.Rand) *contexts {
	c := &contexts{
		r: r, users: slices.Collect(p.Users()), roles: slices.Collect(p.Roles()),
		types: slices.Collect(p.Types()), attrs: slices.Collect(p.Attributes()),
		holders: map[string][]holder{},
		ranges: []string{
			"s0", "s0:c1", "s0:c1,c2", "s0:c1-s0:c1.c5", "s0-s0:c1", "s0:c5,c7.c9", "s0-s0:c1,c5.c6",
		},
		// Well-formed text that the kernel refuses, or writes differently.
		strange: []string{
			"", "s1", "s0-s1", "s0:c1-s0", "s0:c2,c1", "s0:c1.c1", "s0:c1,c1", "s0:c1.c2,c3", "s0:c5.c1", "s0:c1024",
			"s0:", "s0:c", "s0-", "-s0", "s0-s0", "s0:c0.c1023-s0:c0.c1023", "s0-s0:c0,c1,c2,c3", "s0:c1-s0:c2", "S0",
			"s0:c1,", "s0:,c1", "s0:c1.c2.c3", "s0:c1:c2", "s00", "s0:c01", "SystemLow", "s0-s0-s0",
		},
	}
	for _, u := range c.users {
		for role := range u.Roles() {
			for t := range role.Types() {
				c.holders[t.Name()] = append(c.holders[t.Name()], holder{u.Name(), role.Name()})
			}
		}
	}
	return c
}

func pick[T any](r *rand.Rand, s []T) T { return s[r.IntN(len(s))] }

// likely returns a context that is valid for all its user's range may say: of
// the type that is given, or of any.
func (c *contexts) likely(typ string) string {
	if typ == "" {
		typ = pick(c.r, c.types).Name()
	}
	h := holder{pick(c.r, c.users).Name(), "object_r"}
	if holders := c.holders[typ]; len(holders) > 0 && c.r.IntN(8) > 0 {
		h = pick(c.r, holders)
	}
	rng := pick(c.r, c.ranges)
	if c.r.IntN(50) == 0 {
		// Rare, because the kernel takes its time to read it.
		rng = pick(c.r, []string{"s0-s0:c0.c1023", "s0:c0.c1023"})
	}
	return h.user + ":" + h.role + ":" + typ + ":" + rng
}

// any returns a context with something from everywhere, which is seldom valid.
func (c *contexts) any() string {
	f := strings.SplitN(c.likely(""), ":", 4)
	for range 1 + c.r.IntN(2) {
		switch c.r.IntN(6) {
		case 0:
			f[0] = pick(c.r, c.users).Name()
		case 1:
			f[1] = pick(c.r, c.roles).Name()
		case 2:
			f[2] = pick(c.r, c.types).Name()
		case 3:
			if aliases := pick(c.r, c.types).Aliases(); len(aliases) > 0 {
				f[2] = pick(c.r, aliases)
			} else {
				f[2] = pick(c.r, c.attrs).Name()
			}
		case 4:
			f[c.r.IntN(3)] = "sekit_unknown"
		case 5:
			f[3] = pick(c.r, c.strange)
			if f[3] == "" {
				f = f[:3]
				return strings.Join(f, ":")
			}
		}
	}
	return strings.Join(f, ":")
}
