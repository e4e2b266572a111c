// Package infiniband is package port for Infiniband: it lists the contexts of
// partition keys and end ports, those of the policy and the local ones of a
// store, and plans and commits changes of these, as semanage ibpkey and semanage
// ibendport do.
//
// A [Key] names a range of partition keys of a subnet, or an end port of a
// device. A [Table] holds a policy's records and local ones and plans changes;
// a [Store] reads and writes libsemanage's pkeys.local and ibendports.local, and
// the policy that follows from them, without libsemanage. Types must have the
// policy's attribute ibpkey_type or ibendport_type; few policies bring such types
// of their own, so a module often has to come first.
package infiniband
