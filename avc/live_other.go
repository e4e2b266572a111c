//go:build !linux

package avc

import (
	"errors"
	"fmt"
	"runtime"
)

// OpenKernel receives the audit records of the running kernel, as they are
// made, over its netlink multicast group. That needs the capability
// CAP_AUDIT_READ, and disturbs no audit daemon. Off Linux the error is
// [errors.ErrUnsupported].
func OpenKernel() (Source, error) {
	return nil, fmt.Errorf("receive audit records on %s: %w", runtime.GOOS, errors.ErrUnsupported)
}

// OpenKmsg reads the kernel's log from /dev/kmsg: what it holds and, if follow
// is set in the options, what comes. Off Linux the error is
// [errors.ErrUnsupported].
func OpenKmsg(KmsgOptions) (Source, error) {
	return nil, fmt.Errorf("read /dev/kmsg on %s: %w", runtime.GOOS, errors.ErrUnsupported)
}
