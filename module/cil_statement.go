package module

import (
	"fmt"
	"slices"
	"strings"
)

// cilWriter writes statements in CIL.
type cilWriter struct {
	b           []byte
	module      string
	depth       int
	source      string // of the last simple rule
	permissions map[string][]string
	optionals   int // so far
	sets        int // that got an attribute, so far
	// Attributes are those of the block's sets by their text.
	attributes map[string]string
	definition []byte // of these attributes
}

// learn notes which permissions the module requires of classes: what * stands
// for.
func (w *cilWriter) learn(list []Statement) {
	for _, s := range list {
		switch s := s.(type) {
		case *Require:
			for i := range s.Symbols {
				r := &s.Symbols[i]
				for _, p := range r.Permissions {
					if !slices.Contains(w.permissions[r.Name], p) {
						w.permissions[r.Name] = append(w.permissions[r.Name], p)
					}
				}
			}
		case *Optional:
			w.learn(s.Body)
		case *If:
			w.learn(s.Then)
			w.learn(s.Else)
		}
	}
}

func (w *cilWriter) line(format string, args ...any) {
	for range w.depth {
		w.b = append(w.b, "    "...)
	}
	w.b = append(fmt.Appendf(w.b, format, args...), '\n')
}

// block writes statements, and after them the attributes that stand for their
// sets.
func (w *cilWriter) block(list []Statement) error {
	attributes, definition := w.attributes, w.definition
	w.attributes, w.definition = make(map[string]string), nil
	for _, s := range list {
		if err := w.statement(s); err != nil {
			return statementError(s, err)
		}
	}
	w.b = append(w.b, w.definition...)
	w.attributes, w.definition = attributes, definition
	return nil
}

// set names a set's types: all if it is a list of them, else an attribute.
func (w *cilWriter) set(s *TypeSet) []string {
	if !s.All && !s.Complement && len(s.Except) == 0 {
		return s.Names
	}
	plain := *s
	plain.Self, plain.NotSelf = false, false
	text := plain.String()
	if name, ok := w.attributes[text]; ok {
		return []string{name}
	}
	expression := "(all)"
	if !s.All {
		expression = "(" + strings.Join(s.Names, " ") + ")"
		if len(s.Except) > 0 && len(s.Names) > 0 {
			expression = "(and " + expression + " (not (" + strings.Join(s.Except, " ") + ")))"
		} else if len(s.Except) > 0 { // of nothing
			return nil
		}
		if s.Complement {
			expression = "(not " + expression + ")"
		}
	}
	w.sets++
	name := fmt.Sprintf("%s_typeattr_%d", w.module, w.sets)
	w.attributes[text] = name
	b := w.b
	w.b = nil
	w.line("(typeattribute %s)", name)
	w.line("(typeattributeset %s %s)", name, expression)
	w.definition = append(w.definition, w.b...)
	w.b = b
	return []string{name}
}

// targets names a target's types, with self if it has it.
func (w *cilWriter) targets(s *TypeSet) ([]string, error) {
	switch {
	case s.NotSelf, s.Self && s.Complement:
		return nil, &UnsupportedError{"targets without the source in CIL"}
	case s.Self:
		return append(slices.Clone(w.set(s)), Self), nil
	}
	return w.set(s), nil
}

// each writes a line for each source and target.
func (w *cilWriter) each(sources, targets *TypeSet, line func(source, target string)) error {
	to, err := w.targets(targets)
	if err != nil {
		return err
	}
	for _, s := range w.set(sources) {
		for _, t := range to {
			line(s, t)
		}
	}
	return nil
}

func (w *cilWriter) statement(s Statement) error {
	if r, ok := s.(*Rule); ok {
		if r.Source != w.source && w.depth == 0 {
			w.b = append(w.b, '\n')
		}
		w.source = r.Source
		w.b = appendComments(w.b, strings.Repeat("    ", w.depth)+"; ", r.Evidence)
		w.b = append(w.b, strings.Repeat("    ", w.depth)...)
		w.b = append(appendCIL(w.b, *r), '\n')
		return nil
	}
	w.source = ""
	switch s := s.(type) {
	case *Comment:
		w.b = appendComments(w.b, strings.Repeat("    ", w.depth)+"; ", s.Lines)
	case *Require:
		w.require(s)
	case *AccessRule:
		return w.accessRule(s)
	case *TypeRule:
		return w.typeRule(s)
	case *If:
		return w.conditional(s)
	case *Optional:
		return w.optional(s)
	case *RoleTypes, *RoleAllow, *RoleTransition, *RangeTransition, *User:
		return w.roles(s)
	default:
		return w.declaration(s)
	}
	return nil
}

// require says that names must be there, as pp does: by a set that no policy
// keeps.
func (w *cilWriter) require(s *Require) {
	if s.implied {
		return // names that are used must be there
	}
	for i := range s.Symbols {
		switch r := &s.Symbols[i]; r.Kind {
		case TypeSymbol, AttributeSymbol:
			w.line("(typeattributeset cil_gen_require %s)", r.Name)
		case RoleSymbol, RoleAttributeSymbol:
			w.line("(roleattributeset cil_gen_require %s)", r.Name)
		}
	}
}

func (w *cilWriter) declaration(s Statement) error {
	aliases := func(name string, aliases []string) {
		for _, a := range aliases {
			w.line("(typealias %s)", a)
			w.line("(typealiasactual %s %s)", a, name)
		}
	}
	attributes := func(name string, attributes []string) {
		for _, a := range attributes {
			w.line("(typeattributeset %s (%s))", a, name)
		}
	}
	switch s := s.(type) {
	case *Type:
		if hasDot(s.Name) {
			return nameError("type", s.Name, "has a dot: CIL takes what is before for a block")
		}
		w.line("(type %s)", s.Name)
		w.line("(roletype object_r %s)", s.Name)
		attributes(s.Name, s.Attributes)
		aliases(s.Name, s.Aliases)
	case *Attribute:
		w.line("(typeattribute %s)", s.Name)
	case *TypeAlias:
		aliases(s.Type, s.Aliases)
	case *TypeAttribute:
		attributes(s.Type, s.Attributes)
	case *TypeBounds:
		for _, t := range s.Types {
			w.line("(typebounds %s %s)", s.Parent, t)
		}
	case *ExpandAttribute:
		w.line("(expandtypeattribute (%s) %v)", strings.Join(s.Attributes, " "), s.Expand)
	case *Permissive:
		w.line("(typepermissive %s)", s.Type)
	case *NeverAudit:
		w.line("(typeneveraudit %s)", s.Type)
	case *Boolean:
		if s.Tunable {
			w.line("(tunable %s %v)", s.Name, s.Default)
		} else {
			w.line("(boolean %s %v)", s.Name, s.Default)
		}
	case *Role:
		if !baseRole(s.Name) {
			w.line("(role %s)", s.Name)
		}
		for _, a := range s.Attributes {
			w.line("(roleattributeset %s (%s))", a, s.Name)
		}
	case *AttributeRole:
		w.line("(roleattribute %s)", s.Name)
	case *RoleAttribute:
		for _, a := range s.Attributes {
			w.line("(roleattributeset %s (%s))", a, s.Role)
		}
	}
	return nil
}

// baseRole reports whether a role is one that base declares and modules declare
// again. In CIL before 3.5 that was an error, and pp, which names these, left
// the modules' declarations out.
func baseRole(name string) bool {
	switch name {
	case "user_r", "staff_r", "sysadm_r", "system_r", "unconfined_r", "auditadm_r", "secadm_r":
		return true
	}
	return false
}

func (w *cilWriter) roles(s Statement) error {
	switch s := s.(type) {
	case *RoleTypes:
		for _, t := range w.set(&s.Types) {
			w.line("(roletype %s %s)", s.Role, t)
		}
	case *RoleAllow:
		for _, from := range s.From {
			for _, to := range s.To {
				w.line("(roleallow %s %s)", from, to)
			}
		}
	case *RoleTransition:
		for _, r := range s.Roles {
			for _, t := range w.set(&s.Types) {
				for _, c := range transitionClasses(s.Classes) {
					w.line("(roletransition %s %s %s %s)", r, t, c, s.NewRole)
				}
			}
		}
	case *RangeTransition:
		return w.each(&s.Sources, &s.Targets, func(source, target string) {
			for _, c := range transitionClasses(s.Classes) {
				w.line("(rangetransition %s %s %s %s)", source, target, c, cilRange(&s.Range))
			}
		})
	case *User:
		w.line("(user %s)", s.Name)
		w.line("(userrole %s object_r)", s.Name)
		for _, r := range s.Roles {
			w.line("(userrole %s %s)", s.Name, r)
		}
		if !s.Level.isZero() {
			w.line("(userlevel %s %s)", s.Name, cilLevel(&s.Level))
			w.line("(userrange %s %s)", s.Name, cilRange(&s.Range))
		}
	}
	return nil
}

// transitionClasses are the classes of a transition; none stands for process.
func transitionClasses(names []string) []string {
	if len(names) == 0 {
		return []string{process}
	}
	return names
}

func cilRange(r *Range) string {
	high := &r.High
	if high.isZero() {
		high = &r.Low
	}
	return "(" + cilLevel(&r.Low) + " " + cilLevel(high) + ")"
}

func cilLevel(l *Level) string {
	if len(l.Categories) == 0 {
		return "(" + l.Sensitivity + ")"
	}
	words := make([]string, len(l.Categories))
	for i, c := range l.Categories {
		words[i] = c.Low
		if c.Low != c.High {
			words[i] = "(range " + c.Low + " " + c.High + ")"
		}
	}
	return "(" + l.Sensitivity + " (" + strings.Join(words, " ") + "))"
}

// permissionNames are those of a set for a class.
func (w *cilWriter) permissionNames(s *PermissionSet, class string) []string {
	if !s.All && !s.Complement {
		return s.Names
	}
	return slices.DeleteFunc(slices.Clone(w.permissions[class]), func(p string) bool { return slices.Contains(s.Names, p) })
}

func (w *cilWriter) accessRule(s *AccessRule) error {
	if s.Kind == AuditDeny {
		return &UnsupportedError{"auditdeny in CIL"}
	}
	return w.each(&s.Sources, &s.Targets, func(source, target string) {
		for _, class := range s.Classes {
			names := w.permissionNames(&s.Permissions, class)
			if len(names) == 0 {
				continue
			}
			w.b = append(w.b, strings.Repeat("    ", w.depth)...)
			w.b = append(appendCIL(w.b, Rule{Kind: s.Kind, Source: source, Target: target, Class: class,
				Permissions: names, Xperms: s.Xperms}), '\n')
		}
	})
}

func (w *cilWriter) typeRule(s *TypeRule) error {
	keyword := strings.ReplaceAll(s.Kind.String(), "_", "")
	name := ""
	if s.FileName != "" {
		name = " \"" + s.FileName + "\""
	}
	return w.each(&s.Sources, &s.Targets, func(source, target string) {
		for _, class := range s.Classes {
			w.line("(%s %s %s %s%s %s)", keyword, source, target, class, name, s.NewType)
		}
	})
}

func (w *cilWriter) conditional(s *If) error {
	if len(s.Then)+len(s.Else) == 0 {
		return nil
	}
	w.line("(booleanif %s", cilCondition(s.Condition))
	for _, branch := range []struct {
		name string
		list []Statement
	}{{"true", s.Then}, {"false", s.Else}} {
		if len(branch.list) == 0 {
			continue
		}
		w.depth++
		w.line("(%s", branch.name)
		w.depth++
		for _, in := range branch.list {
			if _, ok := in.(*Require); ok {
				continue // CIL has none here; what is used must be there
			}
			if err := w.statement(in); err != nil {
				return statementError(in, err)
			}
		}
		w.depth--
		w.line(")")
		w.depth--
	}
	w.line(")")
	return nil
}

var cilOperators = [...]string{OpNot: "not", OpAnd: "and", OpOr: "or", OpXor: "xor", OpEqual: "eq", OpNotEqual: "neq"}

func cilCondition(c *Condition) string {
	switch c.Operator {
	case 0:
		return "(" + c.Boolean + ")"
	case OpNot:
		return "(not " + cilCondition(c.Left) + ")"
	}
	return "(" + cilOperators[c.Operator] + " " + cilCondition(c.Left) + " " + cilCondition(c.Right) + ")"
}

func (w *cilWriter) optional(s *Optional) error {
	if s.Else != nil {
		return &UnsupportedError{"the else branch of an optional block in CIL"}
	}
	w.optionals++
	w.line("(optional %s_optional_%d", w.module, w.optionals+1)
	w.depth++
	if err := w.block(s.Body); err != nil {
		return err
	}
	w.depth--
	w.line(")")
	return nil
}
