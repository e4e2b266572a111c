package module

import (
	"bytes"
	"fmt"
	"strings"
)

// teWriter writes statements in the module language.
type teWriter struct {
	b      []byte
	depth  int    // of blocks
	source string // of the last simple rule
	last   string // the kind of the last statement
}

const tabs = "\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t\t"

// indent is for what is so many blocks deep, within reason.
func (w *teWriter) indent() string { return tabs[:min(w.depth, len(tabs)-2)] }

// block writes statements, users last, as the grammar wants.
func (w *teWriter) block(list []Statement) {
	users := false
	for _, s := range list {
		if _, ok := s.(*User); ok {
			users = true
			continue
		}
		w.statement(s)
	}
	if !users {
		return
	}
	for _, s := range list {
		if _, ok := s.(*User); ok {
			w.statement(s)
		}
	}
}

// gap writes an empty line where the kind of statement changes.
func (w *teWriter) gap(kind string) {
	if w.last != kind && w.last != "{" && w.last != "#" {
		w.b = append(w.b, '\n')
	}
	w.last = kind
}

func (w *teWriter) statement(s Statement) {
	if r, ok := s.(*Rule); ok {
		w.rule(r)
		return
	}
	w.source = ""
	kind := kindOf(s)
	w.gap(kind)
	switch s := s.(type) {
	case *Require:
		w.require(s)
	case *Optional:
		w.open("optional {")
		w.block(s.Body)
		if s.Else != nil {
			w.reopen()
			w.elseBlock(s.Else)
		}
		w.close()
	case *If:
		w.open("if (" + s.Condition.String() + ") {")
		w.block(s.Then)
		if len(s.Else) > 0 {
			w.reopen()
			w.block(s.Else)
		}
		w.close()
	case *Comment:
		w.b = appendComments(w.b, w.indent()+"# ", s.Lines)
		w.last = "#"
	default:
		w.b = append(w.b, w.indent()...)
		w.b = appendStatement(w.b, s, width-8*w.depth, tabs[:min(w.depth, len(tabs)-2)+1])
		w.b = append(w.b, ";\n"...)
	}
}

// elseBlock writes the else branch of an optional block; the grammar has none
// that is empty, but for a semicolon.
func (w *teWriter) elseBlock(list []Statement) {
	if len(list) == 0 {
		w.b = append(append(w.b, w.indent()...), ";\n"...)
	}
	w.block(list)
}

func (w *teWriter) open(head string) {
	w.b = append(append(append(w.b, w.indent()...), head...), '\n')
	w.depth++
	w.last = "{"
}

func (w *teWriter) reopen() {
	w.depth--
	w.b = append(append(w.b, w.indent()...), "} else {\n"...)
	w.depth++
	w.last = "{"
	w.source = ""
}

func (w *teWriter) close() {
	w.depth--
	w.b = append(append(w.b, w.indent()...), "}\n"...)
	w.last = "}"
	w.source = ""
}

// rule writes a simple rule below its evidence, and those of the module by
// source.
func (w *teWriter) rule(r *Rule) {
	if w.depth == 0 && r.Source != w.source {
		w.b = fmt.Appendf(w.b, "\n#### %s ####\n", r.Source)
	} else if w.depth > 0 {
		w.gap("rule")
	}
	w.source, w.last = r.Source, "rule"
	if len(r.Evidence) > 0 {
		if w.depth == 0 {
			w.b = append(w.b, '\n')
		}
		w.b = appendComments(w.b, w.indent()+"# ", r.Evidence)
	}
	w.b = append(w.b, w.indent()...)
	w.b = append(appendRule(w.b, *r, width), '\n')
}

// require writes a require block, a line for each name.
func (w *teWriter) require(s *Require) {
	w.open("require {")
	in := w.indent()
	for i := range s.Symbols {
		r := &s.Symbols[i]
		w.b = append(append(w.b, in...), r.Kind.String()...)
		w.b = append(append(w.b, ' '), r.Name...)
		if r.Kind == ClassSymbol {
			w.b = appendSet(append(w.b, ' '), r.Permissions, width, in+"\t")
		}
		w.b = append(w.b, ";\n"...)
	}
	w.close()
}

// kindOf is what statements stand together by.
func kindOf(s Statement) string {
	switch s := s.(type) {
	case *Type, *TypeAlias, *TypeAttribute:
		return "type"
	case *Role, *RoleAttribute, *AttributeRole, *RoleTypes:
		return "role"
	case *AccessRule, *Rule:
		return "rule"
	case *TypeRule:
		return "type rule"
	default:
		return fmt.Sprintf("%T", s)
	}
}

// appendStatement writes a statement that is no block, without its semicolon.
func appendStatement(b []byte, s Statement, width int, indent string) []byte {
	words := func(text ...string) {
		for i, t := range text {
			if i > 0 {
				b = append(b, ' ')
			}
			b = append(b, t...)
		}
	}
	set := func(s *TypeSet) { b = s.append(append(b, ' '), width, indent) }
	list := func(names []string) { b = appendSet(append(b, ' '), names, width, indent) }
	classes := func(names []string) {
		if len(names) > 0 {
			b = appendSet(append(b, ':'), names, width, indent)
		}
	}
	switch s := s.(type) {
	case *Attribute:
		words("attribute", s.Name)
	case *Type:
		words("type", s.Name)
		if len(s.Aliases) > 0 {
			words(" alias")
			list(s.Aliases)
		}
		if len(s.Attributes) > 0 {
			words(",", strings.Join(s.Attributes, ", "))
		}
	case *TypeAlias:
		words("typealias", s.Type, "alias")
		list(s.Aliases)
	case *TypeAttribute:
		words("typeattribute", s.Type, strings.Join(s.Attributes, ", "))
	case *TypeBounds:
		words("typebounds", s.Parent, strings.Join(s.Types, ", "))
	case *ExpandAttribute:
		words("expandattribute")
		list(s.Attributes)
		words("", fmt.Sprint(s.Expand))
	case *Permissive:
		words("permissive", s.Type)
	case *NeverAudit:
		words("neveraudit", s.Type)
	case *Boolean:
		keyword := "bool"
		if s.Tunable {
			keyword = "tunable"
		}
		words(keyword, s.Name, fmt.Sprint(s.Default))
	case *Role:
		words("role", s.Name)
		if len(s.Attributes) > 0 {
			words(",", strings.Join(s.Attributes, ", "))
		}
	case *AttributeRole:
		words("attribute_role", s.Name)
	case *RoleAttribute:
		words("roleattribute", s.Role, strings.Join(s.Attributes, ", "))
	case *RoleTypes:
		words("role", s.Role, "types")
		set(&s.Types)
	case *RoleAllow:
		words("allow")
		list(s.From)
		list(s.To)
	case *RoleTransition:
		words("role_transition")
		list(s.Roles)
		set(&s.Types)
		classes(s.Classes)
		words("", s.NewRole)
	case *RangeTransition:
		words("range_transition")
		set(&s.Sources)
		set(&s.Targets)
		classes(s.Classes)
		words("", s.Range.String())
	case *TypeRule:
		words(s.Kind.String())
		set(&s.Sources)
		set(&s.Targets)
		classes(s.Classes)
		words("", s.NewType)
		if s.FileName != "" {
			words(" \"" + s.FileName + "\"")
		}
	case *AccessRule:
		words(s.Kind.String())
		set(&s.Sources)
		set(&s.Targets)
		classes(s.Classes)
		b = s.Permissions.append(append(b, ' '), width, indent)
		if s.Kind.xperm() {
			b = append(b, ' ')
			b = appendXperms(b, s.Xperms, width, indent)
		}
	case *User:
		words("user", s.Name, "roles")
		list(s.Roles)
		if !s.Level.isZero() || !s.Range.Low.isZero() {
			words("", "level", s.Level.String(), "range", s.Range.String())
		}
	}
	return b
}

// firstLine is the first line of a statement, made safe, for errors.
func firstLine(s Statement) string {
	if r, ok := s.(*Rule); ok {
		return r.String()
	}
	switch s := s.(type) {
	case *Optional, *Require, *Comment:
		return strings.ToLower(strings.TrimPrefix(fmt.Sprintf("%T", s), "*module."))
	case *If:
		return "if (" + s.Condition.String() + ")"
	}
	line, _, _ := bytes.Cut(appendStatement(nil, s, 0, ""), []byte("\n"))
	const most = 80
	if len(line) > most {
		return string(line[:most]) + "..."
	}
	return string(line)
}
