package policydb

// Module is a decoded policy module: the module policy of a .mod file, and of
// the first section of a .pp file (see [Package]). Slices are in file order.
//
// Unlike a [Policy] a module has its rules as they were written, over sets of
// types, in blocks that hold together; and it says of each symbol whether it
// declares or requires it.
type Module struct {
	Version       uint32 // module policy version, MinModuleVersion to MaxModuleVersion
	MLS           bool
	HandleUnknown HandleUnknown // counts in base modules alone
	OtherConfig   uint32        // as in Policy

	Name    string // the module's name …
	Release string // … and its own version, such as 1.0

	Capabilities Bitmap // policy capabilities; version 7 and newer

	Symbols Symbols
	Blocks  []Block // the first is what holds always, the others are optional
	// Scopes says of the symbols of each table who declares or requires them.
	Scopes [NumTables][]Scope
}

// Table is one of a module's symbol tables.
type Table uint8

// The tables, in the order of the file (SYM_COMMONS … in libsepol).
const (
	TableCommons Table = iota
	TableClasses
	TableRoles
	TableTypes
	TableUsers
	TableBooleans
	TableSensitivities
	TableCategories
	NumTables = iota
)

// Symbols are symbol tables: a module's, or what one of its declarations adds
// to symbols that it does not declare.
type Symbols struct {
	// Num has the number of primary values of each table (nprim). In
	// declarations it is not the highest value.
	Num [NumTables]uint32

	Commons       []Common
	Classes       []Class // neither constraints nor defaults: those are base's
	Roles         []ModuleRole
	Types         []ModuleType
	Users         []ModuleUser
	Booleans      []ModuleBoolean
	Sensitivities []Sensitivity
	Categories    []Category
}

// RoleSet is a set of roles and role attributes, as written.
type RoleSet struct {
	Roles Bitmap
	Flags uint32 // 1: all (*), 2: complement (~)
}

// ModuleRole is a role, or a role attribute with its roles.
type ModuleRole struct {
	Name      string
	Value     uint32
	Bounds    uint32 // value of the bounding role, or 0; version 9 and newer
	Dominates Bitmap
	Types     TypeSet
	Attribute bool   // version 13 and newer
	Roles     Bitmap // of an attribute; version 13 and newer
}

// TypeFlavor says what an entry of a type table is.
type TypeFlavor uint32

const (
	FlavorType      TypeFlavor = 0
	FlavorAttribute TypeFlavor = 1
	FlavorAlias     TypeFlavor = 2
)

// Flags of a type. Versions 8 and newer have them; from 9 on only permissive
// and, from 23 on, neveraudit.
const (
	FlagPermissive      = 1
	FlagExpandAttribute = 2
	FlagKeepAttribute   = 4 // expandattribute … false
	FlagNeverAudit      = 8
)

// ModuleType is a type, an attribute with its types, or an alias.
type ModuleType struct {
	Name  string
	Value uint32
	// Primary is 1 for what is none's alias. There are two kinds of aliases:
	// FlavorType with the value of the type that it names and 0 here, and
	// FlavorAlias with a value of its own and the type's here (version 9 keeps
	// no more of it than 1).
	Primary uint32
	Flavor  TypeFlavor
	Flags   uint32
	Bounds  uint32 // value of the bounding type, or 0; version 9 and newer
	Types   Bitmap // of an attribute
}

// ModuleUser is a user.
type ModuleUser struct {
	Name   string
	Value  uint32
	Bounds uint32 // version 9 and newer
	Roles  RoleSet

	Range   SemanticRange // version 6 and newer
	Default SemanticLevel

	Expanded *ExpandedLevels // version 5, and there always
}

// ExpandedLevels are a user's levels as version 5 has them.
type ExpandedLevels struct {
	Range   Range
	Default Level
}

// SemanticLevel is a level as written: a sensitivity, 0 for none, and
// ranges of categories.
type SemanticLevel struct {
	Sensitivity uint32
	Categories  []CategoryRange
}

// CategoryRange is a range of the values of categories, ends included.
type CategoryRange struct{ Low, High uint32 }

// SemanticRange is a range of levels as written.
type SemanticRange struct{ Low, High SemanticLevel }

// ModuleBoolean is a boolean or, in version 14 and newer, a tunable.
type ModuleBoolean struct {
	Name    string
	Value   uint32
	State   bool
	Tunable bool
}

// Block is a list of branches of which one holds: the first whose requirements
// are met.
type Block struct{ Branches []Decl }

// Decl is a declaration, one branch of a block: rules, what they require, and
// what they declare (avrule_decl in libsepol).
type Decl struct {
	ID      uint32 // 1 to the number of declarations in the module
	Enabled bool

	Conditionals     []ModuleConditional
	Rules            []ModuleRule
	RoleTransitions  []ModuleRoleTransition
	RoleAllows       []ModuleRoleAllow
	NameTransitions  []ModuleNameTransition  // version 11 and newer
	RangeTransitions []ModuleRangeTransition // version 6 and newer

	Required, Declared ScopeIndex
	Symbols            Symbols
}

// ScopeIndex says which symbols a declaration requires or declares.
type ScopeIndex struct {
	Symbols [NumTables]Bitmap // bit value-1
	// Permissions has for each class (by value-1) the permissions that go with
	// it (bit value-1). It may end before the last class.
	Permissions []Bitmap
}

// ScopeKind says whether a symbol is declared or required.
type ScopeKind uint32

const (
	ScopeRequired ScopeKind = 1
	ScopeDeclared ScopeKind = 2
)

// Scope says which declarations declare or require a symbol.
type Scope struct {
	Name  string
	Kind  ScopeKind
	Decls []uint32 // IDs, at least one
}

// The kinds of rules that modules have besides those of a [Policy].
const (
	DontAudit        AVKind = 0x0008 // Data has the bits that are not audited
	NeverAllow       AVKind = 0x0080
	XPermsNeverAllow AVKind = 0x0800
)

// Flags of a rule (RULE_SELF, RULE_NOTSELF in libsepol).
const (
	RuleSelf    = 1 // the target is the source, too
	RuleNotSelf = 2 // neverallow: the target is not the source
)

// ModuleRule is a rule as written: for several types and classes at a time.
type ModuleRule struct {
	Kind             AVKind
	Flags            uint32
	Sources, Targets TypeSet
	Classes          []ClassData
	XPerms           *XPerms // of xperm rules
}

// ClassData is what a rule says of a class: an access vector, or the value of
// the resulting type.
type ClassData struct{ Class, Data uint32 }

// ModuleConditional is an if/else statement. That it is Tunable (version 14 and
// newer) is found when modules are linked: checkmodule leaves it at that its
// booleans are.
type ModuleConditional struct {
	State       bool
	Expr        []CondTerm
	True, False []ModuleRule
	Tunable     bool
}

// ModuleRoleTransition is a role_transition statement. Before version 12 it is
// of the class process and Classes is empty.
type ModuleRoleTransition struct {
	Roles   RoleSet
	Types   TypeSet
	Classes Bitmap
	NewRole uint32
}

// ModuleRoleAllow is an allow statement between roles.
type ModuleRoleAllow struct{ Roles, NewRoles RoleSet }

// ModuleNameTransition is a type_transition statement with a file name.
type ModuleNameTransition struct {
	Name             string
	Sources, Targets TypeSet
	Class, Type      uint32
	Self             bool // version 21 and newer
}

// ModuleRangeTransition is a range_transition statement.
type ModuleRangeTransition struct {
	Sources, Targets TypeSet
	Classes          Bitmap
	Range            SemanticRange
}
