package module

// Statement is one statement of a module: one of the pointers to the types of
// this package that the module language has a statement for, such as [Type] or
// [Optional], to a [Rule] or a [Comment].
type Statement interface {
	// Position is where the statement begins, if it was read from a text.
	Position() Pos
	statement()
}

// at is where a statement begins.
type at struct{ pos Pos }

// Position is where the statement begins, if it was read from a text.
func (a *at) Position() Pos { return a.pos }
func (a *at) statement()    {}

// SymbolKind is a kind of names that modules require of each other.
type SymbolKind uint8

const (
	ClassSymbol SymbolKind = iota + 1
	TypeSymbol
	AttributeSymbol
	RoleSymbol
	RoleAttributeSymbol
	UserSymbol
	BooleanSymbol
	TunableSymbol
	SensitivitySymbol
	CategorySymbol
)

// String returns the keyword that requires such a name.
func (k SymbolKind) String() string {
	switch k {
	case ClassSymbol:
		return "class"
	case TypeSymbol:
		return "type"
	case AttributeSymbol:
		return "attribute"
	case RoleSymbol:
		return "role"
	case RoleAttributeSymbol:
		return "attribute_role"
	case UserSymbol:
		return "user"
	case BooleanSymbol:
		return "bool"
	case TunableSymbol:
		return "tunable"
	case SensitivitySymbol:
		return "sensitivity"
	case CategorySymbol:
		return "category"
	}
	return "symbol"
}

// Symbol is a name that must be declared elsewhere.
type Symbol struct {
	Kind        SymbolKind
	Name        string
	Permissions []string // of a class
}

// Require is a require block: names that others declare, without which the
// block that it stands in does not hold. Names that a [Module] uses and
// nothing declares or requires are required by themselves when it is written;
// say Require for what is not named elsewhere, to tell tunables from booleans
// and role attributes from roles, or to fix the order of a text.
type Require struct {
	at
	Symbols []Symbol
	implied bool // by what the block uses
}

// Type declares a type. Its attributes must have been declared or required
// before.
type Type struct {
	at
	Name       string
	Aliases    []string
	Attributes []string
}

// Attribute declares an attribute of types.
type Attribute struct {
	at
	Name string
}

// TypeAlias gives a type more names.
type TypeAlias struct {
	at
	Type    string
	Aliases []string
}

// TypeAttribute gives a type attributes, which must have been declared or
// required before.
type TypeAttribute struct {
	at
	Type       string
	Attributes []string
}

// TypeBounds says that types have no access which the parent has not.
type TypeBounds struct {
	at
	Parent string
	Types  []string
}

// ExpandAttribute says whether attributes are replaced by their types when the
// policy is built. Module policy versions from 9 on can't say it, and leave it
// out as checkmodule does; CIL can.
type ExpandAttribute struct {
	at
	Attributes []string
	Expand     bool
}

// Permissive makes a domain permissive: its denials are logged, not enforced.
type Permissive struct {
	at
	Type string
}

// NeverAudit keeps a domain's denials out of the log.
type NeverAudit struct {
	at
	Type string
}

// Boolean declares a boolean, which can be switched on the machine, or a
// tunable, which is settled when the policy is built.
type Boolean struct {
	at
	Name    string
	Default bool
	Tunable bool
}

// Role declares a role. It may be declared by several modules.
type Role struct {
	at
	Name       string
	Attributes []string
}

// AttributeRole declares an attribute of roles.
type AttributeRole struct {
	at
	Name string
}

// RoleAttribute gives a role attributes of roles.
type RoleAttribute struct {
	at
	Role       string
	Attributes []string
}

// RoleTypes says which types a role may have.
type RoleTypes struct {
	at
	Role  string
	Types TypeSet
}

// RoleAllow allows processes to change their role.
type RoleAllow struct {
	at
	From, To []string
}

// RoleTransition gives the role of a process that runs a file of these types,
// or of a new object of these classes. Without classes it is of process.
type RoleTransition struct {
	at
	Roles   []string
	Types   TypeSet
	Classes []string
	NewRole string
}

// RangeTransition gives the range of a process that runs a file of these
// types, or of a new object of these classes. Without classes it is of
// process.
type RangeTransition struct {
	at
	Sources, Targets TypeSet
	Classes          []string
	Range            Range
}

// AccessRule is an access vector rule over sets: what [Rule] is for one
// source, target and class.
type AccessRule struct {
	at
	Kind             Kind
	Sources, Targets TypeSet
	Classes          []string
	// Permissions are those of each class. Of an xperm rule it is the one that
	// is refined: ioctl or nlmsg.
	Permissions PermissionSet
	Xperms      []XpermRange
}

// TypeRuleKind is the kind of a type rule.
type TypeRuleKind uint8

const (
	TypeTransition TypeRuleKind = iota + 1
	TypeMember
	TypeChange
)

// String returns the rule's keyword in the module language.
func (k TypeRuleKind) String() string {
	switch k {
	case TypeTransition:
		return "type_transition"
	case TypeMember:
		return "type_member"
	case TypeChange:
		return "type_change"
	}
	return "type rule"
}

// TypeRule gives the type of a new process or object.
type TypeRule struct {
	at
	Kind             TypeRuleKind
	Sources, Targets TypeSet
	Classes          []string
	NewType          string
	// FileName is the name of the object that a type_transition is for; ""
	// for any.
	FileName string
}

// If holds rules that are in force while a condition over booleans holds:
// access rules but for neverallow, and type rules without a file name. A
// require block in it counts for the block around it.
type If struct {
	at
	Condition  *Condition
	Then, Else []Statement
}

// Optional is a block that holds if all that it requires is there. Else, which
// then holds otherwise, may neither require nor declare; CIL has none.
type Optional struct {
	at
	Body, Else []Statement
}

// User declares an SELinux user. In the text users come last in their block.
type User struct {
	at
	Name  string
	Roles []string
	Level Level // what users log in at; not for modules without MLS
	Range Range
}

// Comment is text for the reader. It is made safe, and counts for nothing.
type Comment struct {
	at
	Lines []string
}
