package policydb

// Policy is a decoded kernel policy. Slices are in file order.
type Policy struct {
	Version       uint32 // policy version, MinVersion to MaxVersion
	MLS           bool
	HandleUnknown HandleUnknown
	// OtherConfig holds the bits of the file's config word that are none of
	// the above. Neither the kernel nor libsepol heeds them; Android's have a
	// meaning there.
	OtherConfig uint32

	Capabilities Bitmap // policy capabilities, by capability number
	Permissive   Bitmap // permissive types; bit n is the type with the VALUE n, unlike everywhere else
	NeverAudit   Bitmap // neveraudit types, like Permissive; version 35 and newer

	Commons       []Common
	Classes       []Class
	Roles         []Role
	Types         []Type // types, attributes and aliases as the file lists them
	Users         []User
	Booleans      []Boolean
	Sensitivities []Sensitivity
	Categories    []Category

	// NumX is the number of primary values of a symbol table (nprim): values
	// run from 1 to it. Aliases share a value, so it can be below len(X).
	NumCommons, NumClasses, NumRoles, NumTypes, NumUsers, NumBooleans, NumSensitivities, NumCategories uint32

	AVTab        []AVRule
	XPerms       []XPerms // what AVRule.Data of an xperm rule indexes; conditional rules too
	Conditionals []Conditional

	RoleTransitions  []RoleTransition
	RoleAllows       []RoleAllow
	NameTransitions  []NameTransition
	InitialSIDs      []InitialSID
	FS               []FS // "fscon", obsolete: context of a file system and of its files
	Portcons         []Portcon
	Netifcons        []Netifcon
	Nodecons         []Nodecon // IPv4
	FSUses           []FSUse
	Nodecons6        []Nodecon6
	IBPkeycons       []IBPkeycon    // version 31 and newer
	IBEndportcons    []IBEndportcon // version 31 and newer
	Genfscons        []GenfsType
	RangeTransitions []RangeTransition

	// TypeAttributes holds, for the type with value i+1, the attributes it
	// has (bit = value-1). Writers put the type itself in too; the kernel and
	// libsepol add it on reading (policydb_read), so take it as included even
	// where it is not. A bit may stand for a value that no type has.
	TypeAttributes []Bitmap
}

// HandleUnknown says what becomes of classes and permissions that the kernel
// knows and the policy does not.
type HandleUnknown uint32

// The values are the bits of the file's config word.
const (
	DenyUnknown   HandleUnknown = 0
	RejectUnknown HandleUnknown = 2
	AllowUnknown  HandleUnknown = 4
)

// Permission is a permission of a class or common. Its bit in an access
// vector is 1 << (Value-1).
type Permission struct {
	Name  string
	Value uint32
}

// Common is a set of permissions that classes inherit.
type Common struct {
	Name        string
	Value       uint32
	Permissions []Permission
	NumPerms    uint32 // nprim of the permission table
}

// Class is an object class. A class with a common has the common's
// permissions first; its own have the values after them.
type Class struct {
	Name          string
	Value         uint32
	Common        string       // name of the common, or ""
	Permissions   []Permission // its own, the common's not included
	NumPerms      uint32       // nprim, the common's included
	Constraints   []Constraint
	ValidateTrans []Constraint // validatetrans; Permissions is 0

	// Defaults for new objects (0 = not set); versions 27 and 28 brought them.
	DefaultUser, DefaultRole, DefaultType DefaultFrom
	DefaultRange                          DefaultRange
}

// DefaultFrom says whose user, role or type a new object takes.
type DefaultFrom uint32

const (
	DefaultSource DefaultFrom = 1
	DefaultTarget DefaultFrom = 2
)

// DefaultRange says which range a new object takes.
type DefaultRange uint32

const (
	DefaultSourceLow     DefaultRange = 1
	DefaultSourceHigh    DefaultRange = 2
	DefaultSourceLowHigh DefaultRange = 3
	DefaultTargetLow     DefaultRange = 4
	DefaultTargetHigh    DefaultRange = 5
	DefaultTargetLowHigh DefaultRange = 6
	DefaultGLBLUB        DefaultRange = 7 // version 32
)

// Constraint is a constrain, mlsconstrain or validatetrans statement: its
// expression, in reverse Polish order, must hold for Permissions to be granted.
type Constraint struct {
	Permissions uint32 // access vector
	Expr        []ConstraintTerm
}

// ConstraintKind is the kind of a constraint term (CEXPR_NOT … in libsepol).
type ConstraintKind uint32

const (
	ConstraintNot   ConstraintKind = 1
	ConstraintAnd   ConstraintKind = 2
	ConstraintOr    ConstraintKind = 3
	ConstraintAttr  ConstraintKind = 4 // attribute op attribute
	ConstraintNames ConstraintKind = 5 // attribute op set of names
)

// What the terms of a constraint compare (CEXPR_USER … in libsepol). For
// ConstraintNames, AttrTarget and AttrXTarget say whose user, role or type.
const (
	AttrUser    = 1
	AttrRole    = 2
	AttrType    = 4
	AttrTarget  = 8
	AttrXTarget = 16 // validatetrans' third context
	AttrL1L2    = 32
	AttrL1H2    = 64
	AttrH1L2    = 128
	AttrH1H2    = 256
	AttrL1H1    = 512
	AttrL2H2    = 1024
)

// ConstraintOp is how a term compares.
type ConstraintOp uint32

const (
	OpEq     ConstraintOp = 1
	OpNeq    ConstraintOp = 2
	OpDom    ConstraintOp = 3
	OpDomBy  ConstraintOp = 4
	OpIncomp ConstraintOp = 5
)

// ConstraintTerm is one node of a constraint's expression.
type ConstraintTerm struct {
	Kind  ConstraintKind
	Attr  uint32
	Op    ConstraintOp
	Names Bitmap // ConstraintNames: values (bit = value-1) of types, roles or users, attributes expanded
	// TypeNames is the set as it was written, attributes unexpanded (version
	// 29 and newer, ConstraintNames only).
	TypeNames TypeSet
}

// TypeSet is a set of types and attributes less another, as written.
type TypeSet struct {
	Types, NegSet Bitmap
	Flags         uint32 // 1: all (*), 2: complement (~)
}

// Role is a role and the types that may enter it.
type Role struct {
	Name      string
	Value     uint32
	Bounds    uint32 // value of the bounding role, or 0
	Dominates Bitmap
	Types     Bitmap
}

// Type is a type, an attribute or an alias (a second entry with Value of the
// type that it names and Primary false).
type Type struct {
	Name       string
	Value      uint32
	Properties uint32 // as read: TypePrimary, TypeAttribute, …
	Bounds     uint32 // value of the bounding type, or 0
}

// Properties of a type.
const (
	TypePrimary   = 1
	TypeAttribute = 2
)

// User is an SELinux user.
type User struct {
	Name    string
	Value   uint32
	Bounds  uint32
	Roles   Bitmap
	Range   Range // of sensitivity 0 without MLS
	Default Level
}

// Boolean is a boolean with its default value.
type Boolean struct {
	Name  string
	Value uint32
	State bool
}

// Sensitivity is a sensitivity or an alias of one (same Level.Sensitivity).
type Sensitivity struct {
	Name  string
	Alias bool
	Level Level // the sensitivity's value, and the categories it may have
}

// Category is a category or an alias of one.
type Category struct {
	Name  string
	Value uint32
	Alias bool
}

// Level is a sensitivity with categories. The order of sensitivities is that
// of their values.
type Level struct {
	Sensitivity uint32 // value
	Categories  Bitmap
}

// Range is a low and a high level. Writers put one level in the file where both
// are equal; High is then the same as Low.
type Range struct {
	Low, High Level
	Single    bool // the file held one level
}

// Context is a security context in values.
type Context struct {
	User, Role, Type uint32
	Range            Range // of sensitivity 0 without MLS
}

// AVKind is the kind of an access vector rule: AVTAB_ALLOWED … in libsepol.
type AVKind uint16

const (
	Allow            AVKind = 0x0001
	AuditAllow       AVKind = 0x0002
	AuditDeny        AVKind = 0x0004 // dontaudit, inverted: Data has the bits that ARE audited
	TypeTransition   AVKind = 0x0010
	TypeMember       AVKind = 0x0020
	TypeChange       AVKind = 0x0040
	XPermsAllow      AVKind = 0x0100
	XPermsAuditAllow AVKind = 0x0200
	XPermsDontAudit  AVKind = 0x0400
	XPermsKinds      AVKind = XPermsAllow | XPermsAuditAllow | XPermsDontAudit
	TypeKinds        AVKind = TypeTransition | TypeMember | TypeChange
)

// AVRule is one entry of an access vector table. Source and Target may be
// attributes, but not of type rules. An access vector may have bits that no
// permission of the class has, next to one that has: old compilers set them
// for "*".
type AVRule struct {
	Source, Target, Class uint16 // values
	Kind                  AVKind // one kind
	// Data is the access vector (Allow, AuditAllow, AuditDeny), the value of
	// the resulting type (Type…), or an index into Policy.XPerms.
	Data uint32
	// Enabled is the bit AVTAB_ENABLED of the kind as the file has it. Whoever
	// loads a policy evaluates the conditionals anew and ignores it; the kernel
	// and libsepol write it when a conditional's rules were in force.
	Enabled bool
}

// XPermsSpecified is what the bits of an XPerms stand for.
type XPermsSpecified uint8

const (
	XPermsIoctlFunction XPermsSpecified = 1 // bit n: command Driver<<8 | n
	XPermsIoctlDriver   XPermsSpecified = 2 // bit n: all commands with driver n
	XPermsNlmsg         XPermsSpecified = 3 // bit n: netlink message type Driver<<8 | n
)

// XPerms is a set of extended permissions.
type XPerms struct {
	Specified XPermsSpecified
	Driver    uint8
	Perms     [8]uint32
}

// Conditional is an if/else statement: rules that hold while its expression
// is true, and rules that hold while it is false. The kernel sets State from
// the booleans when it loads the policy.
type Conditional struct {
	State bool // as the file has it
	Expr  []CondTerm
	True  []AVRule
	False []AVRule
}

// CondOp is an operator of a conditional's expression.
type CondOp uint32

const (
	CondBool CondOp = 1
	CondNot  CondOp = 2
	CondOr   CondOp = 3
	CondAnd  CondOp = 4
	CondXor  CondOp = 5
	CondEq   CondOp = 6
	CondNeq  CondOp = 7
)

// CondTerm is one node of a conditional's expression, in reverse Polish order.
type CondTerm struct {
	Op      CondOp
	Boolean uint32 // value, for CondBool
}

// RoleTransition gives the role of a process that executes Type, or since
// version 26 of a new object of Class.
type RoleTransition struct {
	Role, Type, NewRole uint32
	Class               uint32 // version 26 and newer; below that 0: the class process
}

// RoleAllow lets a process change from Role to NewRole.
type RoleAllow struct{ Role, NewRole uint32 }

// NameTransition gives the type of a new object named Name. Versions 25 to 32
// hold one entry a source type, 33 and newer a set of them: both are kept so.
// Before version 33 a source type may come up again with the same target, class
// and name; the first entry counts (filename_trans_read_helper_compat in the
// kernel).
type NameTransition struct {
	Target, Class uint32
	Name          string
	Data          []NameTransitionData
}

// NameTransitionData is the result for a set of source types. Source types are
// bits (value-1); before version 33 exactly one is set.
type NameTransitionData struct {
	Sources Bitmap
	Type    uint32
}

// InitialSID is the context of an initial security identifier.
type InitialSID struct {
	SID     uint32
	Context Context
}

// FS labels a file system by name (unused by current kernels).
type FS struct {
	Name          string
	Context, File Context
}

// Portcon labels a port range of a protocol (IANA number: tcp 6, udp 17,
// dccp 33, sctp 132).
type Portcon struct {
	Protocol  uint32
	Low, High uint32
	Context   Context
}

// Netifcon labels a network interface and the packets from it.
type Netifcon struct {
	Name              string
	Interface, Packet Context
}

// Nodecon labels an IPv4 network. Address and mask are the bytes of the file
// (network order).
type Nodecon struct {
	Addr, Mask [4]byte
	Context    Context
}

// Nodecon6 labels an IPv6 network.
type Nodecon6 struct {
	Addr, Mask [16]byte
	Context    Context
}

// FSUse says how a file system's files get their contexts.
type FSUse struct {
	Behavior uint32 // 1 xattr, 2 trans, 3 task
	Name     string
	Context  Context
}

// IBPkeycon labels an Infiniband partition key range.
type IBPkeycon struct {
	SubnetPrefix [8]byte // the bytes of the file (network order)
	Low, High    uint32
	Context      Context
}

// IBEndportcon labels an Infiniband end port.
type IBEndportcon struct {
	Device  string
	Port    uint32
	Context Context
}

// GenfsType holds the genfscon statements of one file system type. The kernel
// takes the longest Path that is a prefix, for a class or all; writers put
// longer paths first, but nothing demands it.
type GenfsType struct {
	FSType string
	Paths  []Genfscon
}

// Genfscon labels the files below Path of a pseudo file system.
type Genfscon struct {
	Path    string
	Class   uint32 // value, or 0 for all classes
	Context Context
}

// RangeTransition gives the range of a new process or object.
type RangeTransition struct {
	Source, Target, Class uint32
	Range                 Range
}
