//go:build oracle

package module_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
)

// generator writes random modules in the module language. It knows nothing of
// what this package makes of them.
type generator struct {
	r     *rand.Rand
	b     strings.Builder
	fresh int
	noMLS bool
	// linked is for modules that are to be linked to the example policy and to
	// the module of [poolNames]: of one sensitivity, without tunables, and without
	// what pp and CIL make nothing of.
	linked bool
}

// known are the names that a block may use.
type known struct {
	types, attributes, roles, roleAttributes, booleans, sensitivities, categories []string
	permissions                                                                   map[string][]string // by class
	isElse                                                                        bool
}

func (k *known) inner() *known {
	n := *k
	for _, list := range []*[]string{&n.types, &n.attributes, &n.roles, &n.roleAttributes, &n.booleans, &n.sensitivities, &n.categories} {
		*list = slices.Clip(*list)
	}
	n.permissions = maps.Clone(k.permissions)
	n.isElse = false
	return &n
}

// pool are the classes that there are to require.
var pool = map[string][]string{
	"file": {"read", "write", "append", "ioctl", "getattr", "create"}, "dir": {"search", "read", "create", "add_name"},
	"process": {"transition", "signal", "fork"}, "tcp_socket": {"ioctl", "create", "connect"}, "one": {"only"},
}

func (g *generator) chance(n int) bool { return g.r.IntN(n) == 0 }

func (g *generator) pick(list []string) string { return list[g.r.IntN(len(list))] }

func (g *generator) some(list []string, most int) []string {
	out := make([]string, 1+g.r.IntN(most))
	for i := range out {
		out[i] = g.pick(list)
	}
	return out
}

func (g *generator) name(kind string) string {
	g.fresh++
	return fmt.Sprintf("%s%d", kind, g.fresh)
}

func (g *generator) write(format string, args ...any) { fmt.Fprintf(&g.b, format, args...) }

// poolNames declares what the modules of a generator require, but for some.
const poolNames = `module names 1.0;
require { class file read; }
attribute req_a0; attribute req_a1; attribute req_a2; attribute req_a3;
type req_t0, req_a0; type req_t1, req_a0, req_a1; type req_t2, req_a2; type req_t3; type req_t4, req_a1, req_a2; type req_t5, req_a0;
type more_t0; type more_t1, req_a3; type more_t2;
role req_r0; role req_r1; role req_r2; role req_r3;
attribute_role req_ra0; attribute_role req_ra1;
role req_r0 types { req_t0 req_t1 }; roleattribute req_r1 req_ra0; roleattribute req_r2 req_ra1;
bool req_b0 true; bool req_b1 false; bool req_b2 true; bool req_b3 false;
allow req_t0 req_t1:file read;
`

// module writes a module.
func (g *generator) module() string {
	g.write("module text 1.0;\n")
	k := &known{permissions: make(map[string][]string)}
	g.require(k, true)
	g.block(k, 4+g.r.IntN(20), 0)
	return g.b.String()
}

// require requires one more of each kind that a block shall have, or some.
func (g *generator) require(k *known, all bool) {
	g.write("require {\n")
	list := func(word string, to *[]string, prefix string, of int) {
		if !all && !g.chance(4) {
			return
		}
		for range 1 + g.r.IntN(3) {
			n := fmt.Sprintf("%s%d", prefix, g.r.IntN(of))
			g.write("\t%s %s;\n", word, n)
			if !slices.Contains(*to, n) {
				*to = append(*to, n)
			}
		}
	}
	list("type", &k.types, "req_t", 6)
	list("attribute", &k.attributes, "req_a", 4)
	list("role", &k.roles, "req_r", 4)
	list("attribute_role", &k.roleAttributes, "req_ra", 2)
	list("bool", &k.booleans, "req_b", 5)
	if !g.linked && g.chance(3) {
		list("tunable", &k.booleans, "req_tun", 2)
	}
	if !g.noMLS {
		sensitivities := 3
		if g.linked {
			sensitivities = 1
		}
		list("sensitivity", &k.sensitivities, "s", sensitivities)
		list("category", &k.categories, "c", 5)
	}
	for _, class := range slices.Sorted(maps.Keys(pool)) {
		perms := pool[class]
		if g.linked && class == "one" {
			continue
		}
		if all || g.chance(5) {
			var some []string
			for _, p := range perms {
				if all || g.chance(2) {
					some = append(some, p)
				}
			}
			if len(some) == 0 {
				some = append(some, perms[0])
			}
			g.write("\tclass %s { %s };\n", class, strings.Join(some, " "))
			had := k.permissions[class]
			k.permissions[class] = slices.Concat(had, slices.DeleteFunc(some, func(p string) bool { return slices.Contains(had, p) }))
		}
	}
	if !all {
		g.write("\ttype more_t%d;\n", g.r.IntN(4))
	}
	g.write("}\n")
}

func (g *generator) block(k *known, n, depth int) {
	for range n {
		switch {
		case g.chance(12) && depth < 3:
			g.optional(k, depth)
		case g.chance(8):
			g.conditional(k)
		case !k.isElse && g.chance(3):
			g.declaration(k)
		default:
			g.statement(k)
		}
	}
	if !k.isElse && !g.linked && g.chance(4) {
		for range 1 + g.r.IntN(2) {
			g.user(k)
		}
	}
}

func (g *generator) optional(k *known, depth int) {
	g.write("optional {\n")
	in := k.inner()
	g.require(in, false)
	g.block(in, 1+g.r.IntN(6), depth+1)
	g.write("}")
	if g.chance(3) {
		g.write(" else {\n")
		in = k.inner()
		in.isElse = true
		for range g.r.IntN(4) {
			g.statement(in)
		}
		g.write("}")
	}
	g.write("\n")
}

func (g *generator) declaration(k *known) {
	switch g.r.IntN(11) {
	case 0, 1, 2:
		n := g.name("own_t")
		g.write("type %s", n)
		if g.chance(4) {
			alias := g.name("alias")
			g.write(" alias %s", alias)
			k.types = append(k.types, alias)
		}
		if g.chance(2) {
			g.write(", %s", strings.Join(g.distinct(k.attributes, 3), ", "))
		}
		g.write(";\n")
		k.types = append(k.types, n)
	case 3:
		k.attributes = append(k.attributes, g.name("own_a"))
		g.write("attribute %s;\n", k.attributes[len(k.attributes)-1])
	case 4:
		n := g.name("alias")
		g.write("typealias %s alias { %s };\n", g.pick(k.types), n)
		k.types = append(k.types, n)
	case 5:
		g.write("typeattribute %s %s;\n", g.pick(k.types), strings.Join(g.distinct(k.attributes, 3), ", "))
	case 6:
		n := g.name("own_r")
		g.write("role %s", n)
		if g.chance(3) {
			g.write(", %s", g.pick(k.roleAttributes))
		}
		g.write(";\n")
		k.roles = append(k.roles, n)
	case 7:
		n := g.name("own_ra")
		g.write("attribute_role %s;\n", n)
		k.roleAttributes = append(k.roleAttributes, n)
	case 8:
		g.write("roleattribute %s %s;\n", g.pick(k.roles), g.pick(k.roleAttributes))
	case 9:
		n := g.name("own_b")
		word := g.pick([]string{"bool", "tunable"})
		if g.linked {
			word = "bool"
		}
		g.write("%s %s %t;\n", word, n, g.chance(2))
		k.booleans = append(k.booleans, n)
	case 10:
		g.require(k, false)
	}
}

func (g *generator) distinct(list []string, most int) []string {
	out := g.some(list, most)
	slices.Sort(out)
	return slices.Compact(out)
}

// set writes a set of types.
func (g *generator) set(k *known, self, never bool) string {
	names := slices.Concat(k.types, k.attributes)
	if never && g.chance(5) {
		return "*"
	}
	if self && g.chance(4) {
		return "self"
	}
	var s string
	switch {
	case g.chance(3):
		s = g.pick(names)
	case g.chance(3):
		s = g.pick(k.attributes) + " - " + g.pick(names)
	default:
		list := g.some(names, 4)
		if g.chance(3) {
			list = append(list, "-"+g.pick(names))
		}
		if self && g.chance(4) {
			list = slices.Insert(list, g.r.IntN(len(list)), "self")
		}
		if g.chance(8) {
			list = append(list, "{ "+g.pick(names)+" "+g.pick(names)+" }")
		}
		s = "{ " + strings.Join(list, " ") + " }"
	}
	if never && g.chance(4) && !strings.Contains(s, "self") && !strings.Contains(s, " - ") && s != "*" {
		s = "~" + s
	}
	return s
}

func (g *generator) classes(k *known) (string, []string) {
	all := slices.Sorted(maps.Keys(k.permissions))
	if g.chance(2) {
		c := g.pick(all)
		return c, k.permissions[c]
	}
	list := g.some(all, 3)
	var perms []string
	for i, c := range list {
		if i == 0 {
			perms = slices.Clone(k.permissions[c])
		}
		perms = slices.DeleteFunc(perms, func(p string) bool { return !slices.Contains(k.permissions[c], p) })
	}
	return "{ " + strings.Join(list, " ") + " }", perms
}

// permissions writes a set of permissions. What is left of a complement is
// something.
func (g *generator) permissions(perms []string) string {
	switch {
	case len(perms) == 0 || g.chance(6):
		return "*"
	case len(perms) > 1 && g.chance(6):
		return "~" + g.pick(perms)
	case g.chance(2):
		return g.pick(perms)
	}
	return "{ " + strings.Join(g.some(perms, 4), " ") + " }"
}

// rule writes a rule that conditionals may have.
func (g *generator) rule(k *known) {
	classes, perms := g.classes(k)
	switch g.r.IntN(8) {
	case 0, 1, 2:
		g.write("allow %s %s:%s %s;\n", g.set(k, false, false), g.set(k, true, false), classes, g.permissions(perms))
	case 3:
		g.write("auditallow %s %s : %s %s;\n", g.set(k, false, false), g.set(k, true, false), classes, g.permissions(perms))
	case 4:
		g.write("dontaudit %s %s:%s %s;\n", g.set(k, false, false), g.set(k, true, false), classes, g.permissions(perms))
	case 5:
		word := "auditdeny"
		if g.linked {
			word = "dontaudit"
		}
		g.write(word+" %s %s:%s %s;\n", g.set(k, false, false), g.set(k, true, false), classes, g.permissions(perms))
	default:
		word := g.pick([]string{"type_transition", "type_member", "type_change"})
		g.write("%s %s %s:%s %s;\n", word, g.set(k, false, false), g.set(k, true, false), classes, g.pick(k.types))
	}
}

func (g *generator) statement(k *known) {
	switch g.r.IntN(16) {
	default:
		g.rule(k)
	case 0:
		classes, perms := g.classes(k)
		g.write("neverallow %s %s:%s %s;\n", g.set(k, false, true), g.set(k, true, true), classes, g.permissions(perms))
	case 1:
		g.xperms(k)
	case 2:
		classes, _ := g.classes(k)
		g.write("type_transition %s %s:%s %s \"%s\";\n", g.set(k, false, false), g.set(k, true, false), classes, g.pick(k.types), g.name("file "))
	case 3:
		g.write("role %s types %s;\n", g.pick(k.roles), g.set(k, false, false))
	case 4:
		g.write("allow { %s } { %s };\n", strings.Join(g.some(k.roles, 2), " "), strings.Join(g.some(slices.Concat(k.roles, k.roleAttributes), 2), " "))
	case 5:
		classes := ""
		if g.chance(2) {
			classes, _ = g.classes(k)
			classes = ":" + classes
		}
		g.write("role_transition { %s } %s%s %s;\n", strings.Join(g.some(k.roles, 2), " "), g.set(k, false, false), classes, g.pick(k.roles))
	case 6:
		if g.noMLS {
			return
		}
		classes := ""
		if g.chance(2) {
			classes, _ = g.classes(k)
			classes = ":" + classes
		}
		g.write("range_transition %s %s%s %s;\n", g.set(k, false, false), g.set(k, false, false), classes, g.levels(k))
	case 7:
		if !k.isElse {
			g.write("permissive %s;\n", g.pick(k.types))
		}
	case 8:
		// An order of the types keeps one from being bounded by two.
		i := g.r.IntN(len(k.types))
		if i > 0 && !k.isElse && g.chance(2) {
			g.write("typebounds %s %s;\n", k.types[0], k.types[i])
		}
	case 9:
		if !k.isElse {
			g.write("expandattribute %s %t;\n", g.pick(k.attributes), g.chance(2))
		}
	}
}

func (g *generator) xperms(k *known) {
	number := func() string {
		n := 0x100 + g.r.IntN(0xfd00)
		if g.chance(2) {
			return fmt.Sprint(n)
		}
		return fmt.Sprintf("%#x", n)
	}
	class := g.pick([]string{"file", "tcp_socket"})
	if !slices.Contains(k.permissions[class], "ioctl") {
		return
	}
	s := number()
	if g.chance(2) {
		list := []string{number()}
		for range g.r.IntN(5) {
			low := 0x100 + g.r.IntN(0xf000)
			list = append(list, fmt.Sprintf("%#x-%#x", low, low+g.r.IntN(g.pickInt(3, 0x40, 0x800))))
		}
		s = "{ " + strings.Join(list, " ") + " }"
	}
	if g.chance(4) {
		s = "~" + s
	}
	word := g.pick([]string{"allowxperm", "auditallowxperm", "dontauditxperm", "neverallowxperm"})
	never := word == "neverallowxperm"
	g.write("%s %s %s:%s ioctl %s;\n", word, g.set(k, false, never), g.set(k, true, never), class, s)
}

func (g *generator) pickInt(list ...int) int { return list[g.r.IntN(len(list))] }

func (g *generator) level(k *known) string {
	s := g.pick(k.sensitivities)
	for i := range g.r.IntN(3) {
		s += ":,"[min(i, 1):][:1]
		a, b := g.r.IntN(len(k.categories)), g.r.IntN(len(k.categories))
		s += k.categories[min(a, b)]
		if a != b {
			s += "." + k.categories[max(a, b)]
		}
	}
	return s
}

func (g *generator) levels(k *known) string {
	if g.linked || g.chance(2) {
		return g.level(k)
	}
	return g.level(k) + " - " + g.level(k)
}

// conditional writes an if statement. The booleans of a condition come in the
// order of their names: see TestOracleCheckmoduleOnPurpose.
func (g *generator) conditional(k *known) {
	list := g.distinct(k.booleans, g.pickInt(1, 2, 3, 7))
	var expression func(list []string) string
	expression = func(list []string) string {
		var s string
		switch {
		case len(list) == 1:
			s = list[0]
		default:
			i := 1 + g.r.IntN(len(list)-1)
			s = "(" + expression(list[:i]) + ") " + g.pick([]string{"&&", "||", "^", "==", "!=", "and", "or", "xor", "eq"}) + " (" + expression(list[i:]) + ")"
			if g.chance(4) {
				s = strings.NewReplacer("(", "", ")", "").Replace(s)
			}
		}
		if g.chance(3) {
			s = "!(" + s + ")"
		}
		return s
	}
	g.write("if (%s) {\n", expression(list))
	for range g.r.IntN(4) {
		g.rule(k)
	}
	g.write("}")
	if g.chance(2) {
		g.write(" else {\n")
		for range g.r.IntN(4) {
			g.rule(k)
		}
		g.write("}")
	}
	g.write("\n")
}

func (g *generator) user(k *known) {
	g.write("user own_u%d roles { %s }", g.r.IntN(6), strings.Join(g.some(slices.Concat(k.roles, k.roleAttributes), 3), " "))
	if !g.noMLS {
		g.write(" level %s range %s", g.level(k), g.levels(k))
	}
	g.write(";\n")
}

// spoil changes one or two tokens of a text.
func (g *generator) spoil(text string) string {
	lines := strings.Split(text, "\n")
	for range 1 + g.r.IntN(2) {
		i := 1 + g.r.IntN(len(lines)-1)
		words := strings.Fields(lines[i])
		if len(words) == 0 {
			continue
		}
		j := g.r.IntN(len(words))
		switch g.r.IntN(5) {
		case 0:
			words = slices.Delete(words, j, j+1)
		case 1:
			words = slices.Insert(words, j, words[j])
		case 2:
			n := g.r.IntN(len(words))
			words[j], words[n] = words[n], words[j]
		case 3:
			other := strings.Fields(lines[1+g.r.IntN(len(lines)-1)])
			if len(other) > 0 {
				words[j] = other[g.r.IntN(len(other))]
			}
		case 4: // a line elsewhere
			n := 1 + g.r.IntN(len(lines)-1)
			lines[i], lines[n] = lines[n], lines[i]
			continue
		}
		lines[i] = strings.Join(words, " ")
	}
	return strings.Join(lines, "\n")
}
