package policydb

import (
	"errors"
	"fmt"
)

// FormatError says where bytes or a [Policy] are not a kernel policy.
type FormatError struct {
	// Section is the part of the policy, such as "types" or "access vector
	// rules".
	Section string
	// Offset is the byte of the data at which reading stopped. For an error in
	// what was read (a value that no symbol has, say) it is where the section
	// starts, and Err names the item. It is -1 where there are no bytes: in
	// errors of [Encode].
	Offset int64
	Err    error
}

// Error implements error.
func (e *FormatError) Error() string {
	if e.Offset < 0 {
		return fmt.Sprintf("policydb: %s: %v", e.Section, e.Err)
	}
	return fmt.Sprintf("policydb: %s (offset %d): %v", e.Section, e.Offset, e.Err)
}

// Unwrap returns the cause.
func (e *FormatError) Unwrap() error { return e.Err }

// What a [FormatError] of [Decode] wraps when the data is something else than
// an SELinux kernel policy.
var (
	ErrMagic  = errors.New("not a kernel policy: wrong magic number")
	ErrModule = errors.New("a policy module, not a kernel policy")
	ErrXen    = errors.New("a policy for Xen (XSM/FLASK), not for the Linux kernel")
)

// VersionError says that a policy version is unknown, or cannot say something.
// It is also [errors.ErrUnsupported].
type VersionError struct {
	Version uint32 // the policy's
	What    string // what the version cannot say, or "" for an unknown version
	Since   uint32 // the version that brought What
}

// Error implements error.
func (e *VersionError) Error() string {
	if e.What == "" {
		return fmt.Sprintf("policy version %d is not between %d and %d", e.Version, MinVersion, MaxVersion)
	}
	return fmt.Sprintf("policy version %d has no %s (version %d brought them)", e.Version, e.What, e.Since)
}

// Is reports whether target is errors.ErrUnsupported.
func (e *VersionError) Is(target error) bool { return target == errors.ErrUnsupported }
