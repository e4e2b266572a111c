//go:build !linux

package avc

import (
	"errors"
	"fmt"
	"runtime"
)

// OpenKernel receives the audit records of the running kernel, as they are
// made, over its netlink multicast group. That disturbs no audit daemon. It needs
// the capability CAP_AUDIT_READ and, in enforcing mode, a domain that the policy
// gives audit_read in the class capability2: root in Debian's unconfined_t has
// the one and not the other. Where it is refused the error is a
// [*PermissionError]. Off Linux it is [errors.ErrUnsupported].
func OpenKernel() (Source, error) {
	return nil, fmt.Errorf("receive audit records on %s: %w", runtime.GOOS, errors.ErrUnsupported)
}

// OpenKmsg reads the kernel's log from /dev/kmsg: what it holds and, if follow
// is set in the options, what comes. Off Linux the error is
// [errors.ErrUnsupported].
func OpenKmsg(KmsgOptions) (Source, error) {
	return nil, fmt.Errorf("read /dev/kmsg on %s: %w", runtime.GOOS, errors.ErrUnsupported)
}
