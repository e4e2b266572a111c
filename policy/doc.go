// Package policy reads a compiled SELinux policy and answers what one asks of
// it: what it consists of, which rules it has, what it decides and why, and what
// it would decide if something were changed. It is the counterpart of seinfo,
// sesearch and audit2why, needs neither SELinux nor root, and works on any OS.
//
// # Open
//
// [Open] reads the file /etc/selinux/TYPE/policy/policy.N or, for the policy
// that the kernel enforces at present, /sys/fs/selinux/policy; [Parse] takes the
// bytes. Policy versions 24 to 35 are read, with MLS and without. A file that is
// damaged, or is something else, gives a [*FormatError] that says where.
//
// A [Policy] is immutable and safe for concurrent use.
//
// # The words
//
// A [Context] is user:role:type:range. The type is what most rules are about;
// that of a process is called its domain. An [Attribute] is a named set of types.
// A [Class] is a kind of object (file, tcp_socket, process) with its permissions.
// A [Boolean] switches conditional rules on and off. A [Constraint] must be true
// of the contexts whatever the rules allow. A [Portcon], [Genfscon], [FSUse],
// [Netifcon] or [Nodecon] gives a context to things that can't carry their own.
//
// # List
//
// Each kind of component has a listing that is to be ranged over and a look-up
// by name:
//
//	for t := range p.Types() { … }
//	t, err := p.Type("httpd_t")
//
// Types, Attributes, Classes, Commons, Roles, Users and Booleans come in the
// order of their names; what has an order that means something comes in that:
// Sensitivities, Categories, Capabilities, InitialSIDs, and Portcons, Netifcons
// and Nodecons, of which the first that matches counts. A name that the policy
// doesn't have is a [*NameError], which is an [io/fs.ErrNotExist]. String gives a
// component's name and Statement the statement of the policy language that makes
// it.
//
// A Type, a Rule and the like are handles into their Policy: to compare those of
// two policies, compare their names. A zero handle, which a look-up that fails
// returns, prints as the empty string; its other methods may panic.
//
// [Policy.PortContext], [Policy.GenfsContext], [Policy.NodeContext] and their
// like look up what the kernel would.
//
// # Search
//
// [Policy.Rules] searches rules of every kind with a [RuleQuery], whose fields
// have the meaning of sesearch's options: a type finds the rules for it and those
// for its attributes. What is found is a [Rule], which prints as sesearch prints
// it, and may have a [Condition].
//
//	rules, err := p.Rules(policy.RuleQuery{
//		Kinds:       policy.KindAllow,
//		Source:      "haproxy_t",
//		Permissions: []string{"name_connect"},
//	})
//
// [Boolean.Rules] lists what a boolean switches.
//
// # Decide
//
// [Policy.Decide] takes an [Access] and computes what the kernel's security
// server does: rules through attributes and conditions, constraints, role
// changes, bounds, extended permissions, permissive domains. For what is denied
// the [Decision] has all reasons, not the first one found. [Policy.SID] and
// [Policy.AccessVector] do the same for those who have many decisions to make
// about the same contexts and want no reasons. [Policy.NewContext] computes the
// context of a new process or object.
//
// # What if
//
// [Policy.With] returns the policy as it would be after a [Change]: booleans set,
// rules added or removed, ports labelled, a domain made permissive. It costs next
// to nothing, since only the changes are stored, and everything above can be
// asked of the result. [Policy.Exposure] counts what a change newly allows,
// [Policy.MarshalBinary] makes a policy file of the result.
//
// # Compare
//
// [Diff] tells what two policies have not in common, component by component and
// rule by rule, as text and as JSON; [AccessChanges] what their rules come to for
// each pair of types.
package policy
