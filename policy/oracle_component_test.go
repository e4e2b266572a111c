//go:build oracle

package policy

import (
	"fmt"
	"iter"
	"slices"
	"strings"
	"testing"

	"github.com/sekit/sekit/internal/oracle"
)

// statements returns the statements of a listing, sorted.
func statements[T interface{ Statement() string }](list iter.Seq[T]) []string {
	var out []string
	for v := range list {
		out = append(out, v.Statement())
	}
	slices.Sort(out)
	return out
}

// seinfoItems runs seinfo for one component. It returns the items, which may be
// of several lines, sorted, after it held the count that seinfo prints against
// their number.
func (s *setools) seinfoItems(args ...string) []string {
	s.t.Helper()
	out, failure := s.run(append([]string{"seinfo"}, args...)...)
	if failure != "" {
		s.t.Fatalf("seinfo %q: %s", args, failure)
	}
	header, rest, _ := strings.Cut(strings.TrimPrefix(out, "\n"), "\n")
	var items []string
	if rest != "" {
		items = strings.Split("\n"+strings.TrimSuffix(rest, "\n"), "\n   ")[1:]
	}
	_, count, _ := strings.Cut(header, ": ")
	if fmt.Sprint(len(items)) != count {
		s.t.Fatalf("seinfo %q: %d items, but it says %s", args, len(items), count)
	}
	slices.Sort(items)
	return items
}

// TestOracleComponents compares everything that seinfo lists.
func TestOracleComponents(t *testing.T) {
	for _, name := range oraclePolicies(t) {
		t.Run(policyName(name), func(t *testing.T) {
			p, tools := openPolicy(t, name), newSetools(t, name)
			compared, different := 0, 0
			for _, c := range components(p) {
				theirs := tools.seinfoItems(c.args...)
				for i := range theirs {
					if c.differently != nil {
						theirs[i] = c.differently(theirs[i])
					}
				}
				slices.Sort(theirs)
				compared += max(len(c.ours), len(theirs))
				different += compareLines(t, fmt.Sprint(c.args), c.ours, theirs)
			}
			oracle.Report(t, "seinfo of "+policyName(name), compared, different)
		})
	}
}

// component is one option of seinfo and what sekit has for it.
type component struct {
	args []string
	ours []string
	// differently makes of seinfo's text that which sekit prints instead.
	differently func(string) string
}

// oneSpace undoes the empty word that seinfo prints for no file kind.
func oneSpace(s string) string { return strings.ReplaceAll(s, "  ", " ") }

// noTypes undoes the empty set of types of a role, which no compiler takes.
func noTypes(s string) string { return strings.Replace(s, " types {  };", ";", 1) }

// sortedNames sorts the aliases and attributes of a type, as SETools 4.6 does;
// 4.4 has them in the order of the file and of their values.
func sortedNames(s string) string {
	head, attributes, some := strings.Cut(strings.TrimSuffix(s, ";"), ", ")
	if some {
		names := strings.Split(attributes, ", ")
		slices.Sort(names)
		attributes = ", " + strings.Join(names, ", ")
	}
	head, aliases, some := strings.Cut(strings.TrimSuffix(head, " }"), " alias { ")
	if some {
		names := strings.Split(aliases, " ")
		slices.Sort(names)
		aliases = " alias { " + strings.Join(names, " ") + " }"
	}
	return head + aliases + attributes + ";"
}

// fourDigits writes partition keys as SETools 4.6 does; 4.4 has 0x0 for 0x0000.
func fourDigits(s string) string {
	words := strings.Split(s, " ")
	var r XpermRange
	if n, _ := fmt.Sscanf(words[2], "0x%x-0x%x", &r.Low, &r.High); n == 1 {
		r.High = r.Low
	}
	words[2] = r.String()
	return strings.Join(words, " ")
}

func components(p *Policy) []component {
	attributes := func(yield func(attributeItem) bool) {
		for a := range p.Attributes() {
			if !yield(attributeItem{a}) {
				return
			}
		}
	}
	var permissive, bounds []string
	for v := range p.PermissiveTypes() {
		permissive = append(permissive, v.String())
	}
	for v := range p.BoundedTypes() {
		parent, _ := v.Bounds()
		bounds = append(bounds, "typebounds "+parent.Name()+" "+v.Name()+";")
	}
	slices.Sort(bounds)
	list := []component{
		{[]string{"-t", "-x"}, statements(p.Types()), sortedNames},
		{[]string{"-a", "-x"}, statements(attributes), nil},
		{[]string{"-c", "-x"}, statements(p.Classes()), nil},
		{[]string{"--common", "-x"}, statements(p.Commons()), nil},
		{[]string{"-r", "-x"}, statements(p.Roles()), noTypes},
		{[]string{"-u", "-x"}, statements(p.Users()), nil},
		{[]string{"-b", "-x"}, statements(p.Booleans()), nil},
		{[]string{"--default", "-x"}, statements(p.Defaults()), nil},
		{[]string{"--permissive"}, permissive, nil},
		{[]string{"--polcap", "-x"}, statements(p.Capabilities()), nil},
		{[]string{"--typebounds", "-x"}, bounds, nil},
		{[]string{"--fs_use", "-x"}, statements(p.FSUses()), nil},
		{[]string{"--genfscon", "-x"}, statements(p.Genfscons()), oneSpace},
		{[]string{"--ibpkeycon", "-x"}, statements(p.IBPkeycons()), fourDigits},
		{[]string{"--ibendportcon", "-x"}, statements(p.IBEndportcons()), nil},
		{[]string{"--initialsid", "-x"}, statements(p.InitialSIDs()), nil},
		{[]string{"--netifcon", "-x"}, statements(p.Netifcons()), nil},
		{[]string{"--nodecon", "-x"}, statements(p.Nodecons()), nil},
		{[]string{"--portcon", "-x"}, statements(p.Portcons()), nil},
	}
	if p.MLS() {
		list = append(list,
			component{[]string{"--category", "-x"}, statements(p.Categories()), sortedNames},
			component{[]string{"--sensitivity", "-x"}, statements(p.Sensitivities()), sortedNames})
	}
	return list
}

// attributeItem prints an attribute as seinfo -x does, with its types.
type attributeItem struct{ Attribute }

func (a attributeItem) Statement() string {
	if a.Len() == 0 {
		return a.Attribute.Statement() + "\n\t<empty attribute>"
	}
	s := a.Attribute.Statement()
	for t := range a.Types() {
		s += "\n\t" + t.Name()
	}
	return s
}

// TestOracleCounts compares the statistics that seinfo prints without options.
func TestOracleCounts(t *testing.T) {
	for _, name := range oraclePolicies(t) {
		t.Run(policyName(name), func(t *testing.T) {
			p, tools := openPolicy(t, name), newSetools(t, name)
			theirs := seinfoCounts(t, tools)
			ours := counts(t, p)
			different := 0
			for what, n := range theirs {
				have, ok := ours[what]
				if !ok && n == 0 && strings.HasPrefix(what, "Neverallow") {
					have, ok = 0, true // a kernel policy has none
				}
				if !ok || have != n {
					t.Logf("%s: sekit %d, seinfo %d", what, have, n)
					different++
				}
			}
			oracle.Report(t, "seinfo counts of "+policyName(name), len(theirs), different)
		})
	}
}

func seinfoCounts(t *testing.T, tools *setools) map[string]int {
	counts := make(map[string]int)
	out, failure := tools.run("seinfo")
	if failure != "" {
		t.Fatal(failure)
	}
	for line := range strings.Lines(out) {
		if !strings.HasPrefix(line, "  ") {
			continue
		}
		fields := strings.Fields(strings.ReplaceAll(line, ":", ": "))
		what := ""
		for _, f := range fields {
			var n int
			if _, err := fmt.Sscan(f, &n); err == nil {
				counts[strings.TrimSuffix(what, ":")] = n
				what = ""
				continue
			}
			what = strings.TrimSpace(what + " " + f)
		}
	}
	return counts
}

func count[T any](list iter.Seq[T]) int {
	n := 0
	for range list {
		n++
	}
	return n
}

func counts(t *testing.T, p *Policy) map[string]int {
	c := map[string]int{
		"Classes": count(p.Classes()), "Types": count(p.Types()), "Attributes": count(p.Attributes()),
		"Sensitivities": count(p.Sensitivities()), "Categories": count(p.Categories()),
		"Users": count(p.Users()), "Roles": count(p.Roles()), "Booleans": count(p.Booleans()),
		"Permissives": count(p.PermissiveTypes()), "Polcap": count(p.Capabilities()),
		"Defaults": count(p.Defaults()), "Typebounds": count(p.BoundedTypes()),
		"Ibendportcon": count(p.IBEndportcons()), "Ibpkeycon": count(p.IBPkeycons()),
		"Initial SIDs": count(p.InitialSIDs()), "Fs_use": count(p.FSUses()),
		"Genfscon": count(p.Genfscons()), "Portcon": count(p.Portcons()),
		"Netifcon": count(p.Netifcons()), "Nodecon": count(p.Nodecons()),
		"Cond. Expr.": len(p.db.Conditionals),
	}
	for common := range p.Commons() {
		c["Permissions"] += len(common.Permissions())
	}
	for class := range p.Classes() {
		c["Permissions"] += len(class.info().class.Permissions)
	}
	for constraint := range p.Constraints() {
		c[map[string]string{
			"constrain": "Constraints", "mlsconstrain": "MLS Constrain",
			"validatetrans": "Validatetrans", "mlsvalidatetrans": "MLS Val. Tran",
		}[constraint.Kind()]]++
	}
	for kind, what := range map[RuleKind]string{
		KindAllow: "Allow", KindAuditAllow: "Auditallow", KindDontAudit: "Dontaudit",
		KindAllowXperm: "Allowxperm", KindAuditAllowXperm: "Auditallowxperm", KindDontAuditXperm: "Dontauditxperm",
		KindTypeTransition: "Type_trans", KindTypeMember: "Type_member", KindTypeChange: "Type_change",
		KindRoleAllow: "Role allow", KindRoleTransition: "Role_trans", KindRangeTransition: "Range_trans",
	} {
		c[what] = len(ruleLines(t, p, RuleQuery{Kinds: kind}))
	}
	for _, what := range []string{"Constraints", "MLS Constrain", "Validatetrans", "MLS Val. Tran"} {
		c[what] += 0
	}
	return c
}

// infix is a parser of the text of an expression: operators and how strongly
// they bind. It gives the expression in reverse Polish notation.
type infix struct {
	binary map[string]int
	unary  map[string]int
	words  []string
	out    []string
}

// words of an expression: a set in braces is one, its names sorted.
func expressionWords(s string) []string {
	s = strings.NewReplacer("(", " ( ", ")", " ) ").Replace(s)
	var words, set []string
	in := false
	for _, w := range strings.Fields(s) {
		switch {
		case w == "{":
			in, set = true, nil
		case w == "}":
			in = false
			slices.Sort(set)
			words = append(words, "{"+strings.Join(set, " ")+"}")
		case in:
			set = append(set, w)
		default:
			words = append(words, w)
		}
	}
	return words
}

func (x *infix) next() string {
	if len(x.words) == 0 {
		return ""
	}
	return x.words[0]
}

func (x *infix) parse(binds int) {
	w := x.next()
	x.words = x.words[1:]
	switch {
	case w == "(":
		x.parse(0)
		x.words = x.words[1:] // )
	case x.unary[w] > 0:
		x.parse(x.unary[w])
		x.out = append(x.out, w)
	default:
		x.out = append(x.out, w)
	}
	for x.binary[x.next()] > binds {
		op := x.next()
		x.words = x.words[1:]
		x.parse(x.binary[op])
		x.out = append(x.out, op)
	}
}

func constraintPolish(expression string) []string {
	x := infix{
		binary: map[string]int{"or": 1, "and": 2, "==": 4, "!=": 4, "dom": 4, "domby": 4, "incomp": 4},
		unary:  map[string]int{"not": 3},
		words:  expressionWords(expression),
	}
	x.parse(0)
	return x.out
}

// TestOracleConstraints compares constraints: their expressions, as printed,
// must read back as what SETools holds.
func TestOracleConstraints(t *testing.T) {
	for _, name := range oraclePolicies(t) {
		t.Run(policyName(name), func(t *testing.T) {
			p, tools := openPolicy(t, name), newSetools(t, name)
			var ours, theirs []string
			for c := range p.Constraints() {
				perms := ""
				if names := c.Permissions(); names != nil {
					slices.Sort(names)
					perms = " {" + strings.Join(names, " ") + "}"
				}
				head := c.Kind() + " " + c.Class() + perms + " "
				ours = append(ours, head+expressionKey(constraintPolish(c.Expression()), false))
			}
			for _, line := range tools.lines("constraints") {
				words := expressionWords(line)
				n := 2
				if !strings.Contains(words[0], "validatetrans") {
					n = 3
				}
				theirs = append(theirs, strings.Join(words[:n], " ")+" "+expressionKey(words[n:], false))
			}
			slices.Sort(ours)
			slices.Sort(theirs)
			if len(ours)+len(theirs) == 0 {
				t.Skip("no constraints in this policy")
			}
			different := compareLines(t, "constraints", ours, theirs)
			oracle.Report(t, "constraints of "+policyName(name), max(len(ours), len(theirs)), different)
		})
	}
}

// TestOracleConstraintText compares the statements with seinfo's on Debian's
// policy, but for the parentheses: SETools 4.4 leaves out some that are needed.
func TestOracleConstraintText(t *testing.T) {
	oracle.Require(t, oracle.DebianPolicy)
	p, tools := openPolicy(t, oracle.DebianPolicy), newSetools(t, oracle.DebianPolicy)
	normal := func(statement string) string {
		words := slices.DeleteFunc(expressionWords(statement), func(w string) bool { return w == "(" || w == ")" })
		return strings.Join(words, " ")
	}
	var ours, theirs []string
	for c := range p.Constraints() {
		ours = append(ours, normal(c.Statement()))
	}
	for _, args := range [][]string{{"--constrain"}, {"--validatetrans"}} {
		for _, item := range tools.seinfoItems(args...) {
			theirs = append(theirs, normal(item))
		}
	}
	slices.Sort(ours)
	slices.Sort(theirs)
	oracle.Report(t, "seinfo --constrain and --validatetrans", max(len(ours), len(theirs)),
		compareLines(t, "constraints", ours, theirs))
}

// expressionKey makes text of an expression in reverse Polish notation that is
// the same for the same expression: a chain of one operator, such as a or b or
// c, is the same however it is nested. With commute, so is one with its operands
// in another order.
func expressionKey(polish []string, commute bool) string {
	type operand struct {
		op    string
		parts []string
	}
	text := func(o operand) string {
		if o.op == "" {
			return o.parts[0]
		}
		if commute {
			slices.Sort(o.parts)
		}
		return "(" + strings.Join(o.parts, " "+o.op+" ") + ")"
	}
	var stack []operand
	for _, w := range polish {
		n := len(stack)
		switch {
		case w == "!" || w == "not":
			stack[n-1] = operand{"", []string{w + text(stack[n-1])}}
		case expressionOperators[w]:
			joined := operand{op: w}
			for _, o := range stack[n-2:] {
				if o.op == w {
					joined.parts = append(joined.parts, o.parts...)
				} else {
					joined.parts = append(joined.parts, text(o))
				}
			}
			stack = append(stack[:n-2], joined)
		default:
			stack = append(stack, operand{"", []string{strings.Trim(w, "{}")}})
		}
	}
	if len(stack) != 1 {
		return fmt.Sprint("malformed: ", polish)
	}
	return text(stack[0])
}

// expressionOperators are the binary operators. Chains of == and != occur over
// booleans only, where they are associative too.
var expressionOperators = map[string]bool{
	"or": true, "and": true, "==": true, "!=": true, "dom": true, "domby": true, "incomp": true,
	"||": true, "&&": true, "^": true,
}

var conditionOperators = map[string]int{"||": 1, "^": 2, "&&": 3, "==": 4, "!=": 4}

// TestOracleConditions compares the expressions of conditional rules: as
// printed, they must read back as what SETools holds.
func TestOracleConditions(t *testing.T) {
	for _, name := range oraclePolicies(t) {
		t.Run(policyName(name), func(t *testing.T) {
			p, tools := openPolicy(t, name), newSetools(t, name)
			var ours, theirs []string
			for i := range p.db.Conditionals {
				x := infix{binary: conditionOperators, unary: map[string]int{"!": 5},
					words: expressionWords(Condition{p, i, true}.Expression())}
				x.parse(0)
				ours = append(ours, expressionKey(x.out, true))
			}
			for _, line := range tools.lines("conditions") {
				theirs = append(theirs, expressionKey(strings.Split(line, " "), true))
			}
			slices.Sort(ours)
			slices.Sort(theirs)
			if len(ours)+len(theirs) == 0 {
				t.Skip("no conditional rules in this policy")
			}
			different := compareLines(t, "conditions", ours, theirs)
			oracle.Report(t, "conditions of "+policyName(name), max(len(ours), len(theirs)), different)
		})
	}
}
