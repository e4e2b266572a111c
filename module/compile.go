package module

import (
	"errors"
	"fmt"
	"slices"

	"github.com/sekit/sekit/internal/policydb"
)

// compiler makes a module policy of statements in the two passes of
// checkmodule: the first finds what is declared and required, which gives all
// names their values, the second does the rest.
type compiler struct {
	m      *policydb.Module
	blocks [][]*decl
	decls  []*decl // by ID-1
	names  names
	// Lowest is what wants the highest version so far, if anything does.
	lowest            policydb.ModuleFeature
	needs             bool
	declaresAttribute bool
	idList            []uint32

	alone   []policydb.Bitmap // by index: a type as the set of it alone
	primary []int             // indexes of types by value-1
	// What lists are cut from.
	data        []policydb.ClassData
	nodes       []policydb.BitmapNode
	permissions []policydb.Permission

	last     *Rule // the rule before, in lastDecl, and what it came to
	lastRule *policydb.ModuleRule
	lastDecl *decl

	roleTransitions, nameTransitions transitions // by role or source, each once
}

// compile makes the module policy of statements that lack no requirement.
func compile(m *Module, list []Statement, opts ModOptions) (*policydb.Module, error) {
	if v := opts.PolicyVersion; v != 0 && (v < MinPolicyVersion || v > MaxPolicyVersion) {
		return nil, &PolicyVersionError{Version: v}
	}
	c := &compiler{m: &policydb.Module{MLS: !opts.NoMLS, Name: m.Name, Release: m.version()}}
	if !opts.NoMLS {
		c.need(policydb.ModuleMLS)
	}
	for t := range c.names {
		c.names[t] = make(map[string]int)
	}
	if n := len(list); n > 100 {
		c.data, c.idList = make([]policydb.ClassData, 0, n), make([]uint32, 0, n/8)
	}
	global := c.begin(nil, 0)
	// Every module has object_r (roles_init in libsepol).
	c.names[policydb.TableRoles][objectR] = 0
	c.m.Symbols.Num[policydb.TableRoles] = 1
	c.m.Symbols.Roles = []policydb.ModuleRole{{Name: objectR, Value: 1}}
	c.m.Scopes[policydb.TableRoles] = []policydb.Scope{{Name: objectR, Kind: policydb.ScopeDeclared, Decls: []uint32{1}}}
	if err := c.symbols(list, global, 0); err != nil {
		return nil, err
	}
	if !global.given {
		return nil, errNoRequire
	}
	id := 1
	if err := c.rules(list, global, &id); err != nil {
		return nil, err
	}
	return c.finish(opts)
}

const objectR = "object_r"

// need notes that the module says something that not every version can.
func (c *compiler) need(f policydb.ModuleFeature) {
	if !c.needs || f.Since() > c.lowest.Since() {
		c.lowest, c.needs = f, true
	}
}

// begin begins a declaration: a branch of the block with this index.
func (c *compiler) begin(parent *decl, block int) *decl {
	d := &decl{Decl: policydb.Decl{ID: uint32(len(c.decls)) + 1}, parent: parent}
	c.decls = append(c.decls, d)
	if block == len(c.blocks) {
		c.blocks = append(c.blocks, nil)
	}
	c.blocks[block] = append(c.blocks[block], d)
	return d
}

// statementError says which statement is wrong. Errors that say so already stay.
func statementError(s Statement, err error) error {
	var e *StatementError
	if err == nil || errors.As(err, &e) {
		return err
	}
	return &StatementError{Pos: s.Position(), Statement: s, Err: err}
}

// symbols is the first pass.
func (c *compiler) symbols(list []Statement, d *decl, depth int) error {
	if depth > maxDepth {
		return fmt.Errorf("blocks deeper than %d", maxDepth)
	}
	for _, s := range list {
		if err := c.symbol(s, d, depth); err != nil {
			return statementError(s, err)
		}
	}
	return nil
}

func (c *compiler) symbol(s Statement, d *decl, depth int) error {
	switch s := s.(type) {
	case *Rule, *AccessRule:
		return nil
	case *Require:
		return c.require(s, d)
	case *Attribute:
		value, err := c.typeSymbol(s.Name, true, policydb.ScopeDeclared, d)
		if err == nil {
			d.declared[policydb.TableTypes].add(value)
		}
		return err
	case *Type:
		value, err := c.typeSymbol(s.Name, false, policydb.ScopeDeclared, d)
		if err != nil {
			return err
		}
		d.declared[policydb.TableTypes].add(value)
		return errors.Join(c.aliases(value, s.Aliases, d), c.attributes(value, s.Attributes, d))
	case *TypeAlias:
		value, err := c.simpleType(s.Type, d)
		if err != nil {
			return err
		}
		return c.aliases(value, s.Aliases, d)
	case *TypeAttribute:
		i, err := c.find(policydb.TableTypes, s.Type, d)
		if err != nil {
			return err
		}
		t := &c.m.Symbols.Types[i]
		if t.Flavor == policydb.FlavorAttribute {
			c.need(policydb.ModuleNestedAttributes)
		}
		return c.attributes(t.Value, s.Attributes, d)
	case *Boolean:
		if hasDot(s.Name) {
			return nameError("boolean", s.Name, "has a dot")
		}
		value, err := c.boolean(s.Name, s.Default, s.Tunable, policydb.ScopeDeclared, d)
		if err == nil {
			d.declared[policydb.TableBooleans].add(value)
		}
		return err
	case *Role:
		value, err := c.declareRole(s.Name, false, d)
		if err != nil {
			return err
		}
		return c.roleAttributes(value, s.Attributes, d)
	case *AttributeRole:
		_, err := c.declareRole(s.Name, true, d)
		return err
	case *RoleAttribute:
		i, err := c.find(policydb.TableRoles, s.Role, d)
		if err != nil {
			return err
		}
		return c.roleAttributes(c.m.Symbols.Roles[i].Value, s.Attributes, d)
	case *If:
		for _, branch := range [...][]Statement{s.Then, s.Else} {
			for _, in := range branch {
				if r, ok := in.(*Require); ok {
					if err := c.require(r, d); err != nil {
						return statementError(in, err)
					}
				}
			}
		}
		return nil
	case *Optional:
		return c.optional(s, d, depth)
	case nil:
		return errors.New("nil")
	}
	return nil
}

// maxBlocks limits optional blocks: each name has a list of those that require
// it.
const maxBlocks = 1 << 15

var errNoRequire = errors.New("the block requires nothing")

func (c *compiler) optional(s *Optional, d *decl, depth int) error {
	if len(c.decls) > maxBlocks {
		return fmt.Errorf("more than %d optional blocks", maxBlocks)
	}
	block := len(c.blocks)
	body := c.begin(d, block)
	if err := c.symbols(s.Body, body, depth+1); err != nil {
		return err
	}
	if !body.given {
		return errNoRequire
	}
	if s.Else == nil {
		return nil
	}
	other := c.begin(d, block)
	other.isElse = true
	return c.symbols(s.Else, other, depth+1)
}

// rules is the second pass.
func (c *compiler) rules(list []Statement, d *decl, id *int) error {
	d.Rules = make([]policydb.ModuleRule, 0, countRules(list))
	for _, s := range list {
		if err := c.statement(s, d, id); err != nil {
			return statementError(s, err)
		}
	}
	for _, s := range d.userStatements {
		if err := c.user(s.(*User), d); err != nil {
			return statementError(s, err)
		}
	}
	// A block has the requirements of the blocks around it as well.
	for p := d.parent; p != nil; p = p.parent {
		for t := range d.required {
			d.required[t].union(p.required[t])
		}
		for i, mask := range p.permissions {
			if i == len(d.permissions) {
				d.permissions = append(d.permissions, 0)
			}
			d.permissions[i] |= mask
		}
	}
	return nil
}

// countRules says how many access and type rules there are.
func countRules(list []Statement) int {
	n := 0
	for _, s := range list {
		switch s.(type) {
		case *Rule, *AccessRule, *TypeRule:
			n++
		}
	}
	return n
}

func (c *compiler) statement(s Statement, d *decl, id *int) (err error) {
	switch s := s.(type) {
	case *Rule:
		d.Rules, err = c.rule(d.Rules, s, d)
	case *AccessRule:
		d.Rules, err = c.accessRule(d.Rules, s, d)
	case *TypeRule:
		if s.FileName != "" {
			return c.nameTransition(s, d)
		}
		d.Rules, err = c.typeRule(d.Rules, s, d)
	case *Require:
		for i := range s.Symbols {
			if s.Symbols[i].Kind == UserSymbol {
				if err := c.requireUser(s.Symbols[i].Name, d); err != nil {
					return err
				}
			}
		}
	case *Type:
		if hasDot(s.Name) {
			return c.bounds(s.Name[:lastDot(s.Name)], s.Name, d)
		}
	case *TypeBounds:
		for _, t := range s.Types {
			if err := c.bounds(s.Parent, t, d); err != nil {
				return err
			}
		}
	case *ExpandAttribute:
		return c.expandAttribute(s, d)
	case *Permissive:
		return c.flag(s.Type, policydb.FlagPermissive, policydb.ModulePermissive, d)
	case *NeverAudit:
		return c.flag(s.Type, policydb.FlagNeverAudit, policydb.ModuleNeverAudit, d)
	case *RoleTypes:
		return c.roleTypes(s, d)
	case *RoleAllow:
		return c.roleAllow(s, d)
	case *RoleTransition:
		return c.roleTransition(s, d)
	case *RangeTransition:
		return c.rangeTransition(s, d)
	case *If:
		return c.conditional(s, d)
	case *User:
		d.userStatements = append(d.userStatements, s)
	case *Optional:
		body := c.decls[*id]
		*id++
		if err := c.rules(s.Body, body, id); err != nil || s.Else == nil {
			return err
		}
		other := c.decls[*id]
		*id++
		return c.rules(s.Else, other, id)
	}
	return err
}

// finish puts the declarations together and settles the version.
func (c *compiler) finish(opts ModOptions) (*policydb.Module, error) {
	version := uint32(opts.PolicyVersion)
	switch {
	case version == 0 && c.needs:
		version = c.lowest.Since()
	case version == 0:
		version = MinPolicyVersion
	case c.needs && version < c.lowest.Since():
		return nil, &PolicyVersionError{Version: int(version), What: c.lowest.String(), Since: int(c.lowest.Since())}
	}
	c.m.Version = version
	if version != policydb.ModulePermissive.Since() {
		for i := range c.m.Symbols.Types { // only that version keeps these
			c.m.Symbols.Types[i].Flags &^= policydb.FlagExpandAttribute | policydb.FlagKeepAttribute
		}
	}
	for _, branches := range c.blocks {
		block := policydb.Block{Branches: make([]policydb.Decl, 0, len(branches))}
		for _, d := range branches {
			block.Branches = append(block.Branches, c.finishDecl(d))
		}
		c.m.Blocks = append(c.m.Blocks, block)
	}
	return c.m, nil
}

func (c *compiler) finishDecl(d *decl) policydb.Decl {
	for t := range d.required {
		d.Required.Symbols[t] = d.required[t].bitmap()
		d.Declared.Symbols[t] = d.declared[t].bitmap()
	}
	if n := len(d.permissions); n > 0 {
		nodes := make([]policydb.BitmapNode, 0, n)
		d.Required.Permissions = make([]policydb.Bitmap, n)
		for i, mask := range d.permissions {
			if mask != 0 {
				nodes = append(nodes, policydb.BitmapNode{Map: uint64(mask)})
				d.Required.Permissions[i].Nodes = nodes[len(nodes)-1 : len(nodes) : len(nodes)]
			}
		}
	}
	// checkpolicy puts these before what it has.
	slices.Reverse(d.RoleTransitions)
	slices.Reverse(d.RoleAllows)
	slices.Reverse(d.NameTransitions)
	slices.Reverse(d.RangeTransitions)
	for i := len(d.conditions) - 1; i >= 0; i-- {
		d.Conditionals = append(d.Conditionals, d.conditions[i].ModuleConditional)
	}
	if !policydb.ModuleRoleTransitionClasses.In(c.m.Version) {
		for i := range d.RoleTransitions {
			d.RoleTransitions[i].Classes = policydb.Bitmap{}
		}
	}
	return d.Decl
}
