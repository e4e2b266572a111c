package policy

// Access is a question to a policy: may a process (or object) with the context
// Source do Permissions on an object of Class with the context Target?
type Access struct {
	Source      Context  `json:"source"`
	Target      Context  `json:"target"`
	Class       string   `json:"class"`
	Permissions []string `json:"permissions"`
	// Xperm is the extended permission that goes with it, and HasXperm says
	// that there is one: an ioctl command for the permission ioctl, a netlink
	// message type for nlmsg.
	Xperm    uint16 `json:"xperm,omitzero"`
	HasXperm bool   `json:"has_xperm,omitzero"`
}
