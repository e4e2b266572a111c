package avc

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/elastic/go-libaudit/v2"
	"golang.org/x/sys/unix"

	"github.com/sekit/sekit/policy"
)

// auditReceiver is what OpenKernel needs of libaudit.AuditClient.
type auditReceiver interface {
	Receive(nonBlocking bool) (*libaudit.RawAuditMessage, error)
	Close() error
}

// kernelSource receives from the audit multicast group.
type kernelSource struct {
	client auditReceiver
}

// OpenKernel receives the audit records of the running kernel, as they are
// made, over its netlink multicast group. That disturbs no audit daemon. It needs
// the capability CAP_AUDIT_READ and, in enforcing mode, a domain that the policy
// gives audit_read in the class capability2: root in Debian's unconfined_t has
// the one and not the other. Where it is refused the error is a
// [*PermissionError]. Off Linux it is [errors.ErrUnsupported].
func OpenKernel() (Source, error) {
	c, err := libaudit.NewMulticastAuditClient(nil)
	if err != nil {
		return nil, openError(err)
	}
	return &kernelSource{c}, nil
}

// openError explains why the kernel refused the group: audit_multicast_bind in
// kernel/audit.c asks for the capability, and the security module for
// audit_read when that asks it.
func openError(err error) error {
	err = fmt.Errorf("receive audit records: %w", err)
	if !errors.Is(err, fs.ErrPermission) {
		return err
	}
	p := &PermissionError{Err: err}
	if status, e := os.ReadFile("/proc/self/status"); e == nil {
		p.Capable = hasCapability(string(status), unix.CAP_AUDIT_READ)
	}
	if domain, e := os.ReadFile("/proc/self/attr/current"); e == nil {
		p.Context, _ = policy.ParseContext(strings.TrimRight(string(domain), "\x00\n"))
	}
	return p
}

// hasCapability reports whether the effective set in /proc/self/status has the
// capability.
func hasCapability(status string, n int) Ternary {
	for line := range strings.SplitSeq(status, "\n") {
		if hex, ok := strings.CutPrefix(line, "CapEff:"); ok {
			if set, err := strconv.ParseUint(strings.TrimSpace(hex), 16, 64); err == nil {
				return ternary(set>>n&1 != 0)
			}
		}
	}
	return Unknown
}

// Receive implements Source. The client can only wait without end or not at
// all, so that an idle socket is looked at again after a pause that grows; the
// socket's buffer holds what comes meanwhile.
func (k *kernelSource) Receive(ctx context.Context) (Piece, error) {
	const shortest, longest = time.Millisecond, 20 * time.Millisecond
	var lost uint64
	for pause := shortest; ; pause = min(2*pause, longest) {
		if err := ctx.Err(); err != nil {
			return Piece{Lost: lost}, err
		}
		msg, err := k.client.Receive(true)
		switch {
		case err == nil && msg.Type < 1000:
			continue // netlink's own
		case err == nil:
			return Piece{
				Type: RecordType(msg.Type), Text: msg.Data, Provenance: ProvenanceKernel, Lost: lost,
			}, nil
		case errors.Is(err, unix.ENOBUFS):
			lost++ // the kernel says that there was a loss, not how much
			continue
		case errors.Is(err, unix.EINTR):
			continue
		case !errors.Is(err, unix.EAGAIN):
			return Piece{Lost: lost}, fmt.Errorf("receive audit records: %w", err)
		}
		t := time.NewTimer(pause)
		select {
		case <-ctx.Done():
			t.Stop()
			return Piece{Lost: lost}, ctx.Err()
		case <-t.C:
		}
	}
}

// Close implements Source.
func (k *kernelSource) Close() error { return k.client.Close() }

// kmsgSource reads /dev/kmsg.
type kmsgSource struct {
	file   *os.File
	follow bool
	next   uint64 // the sequence number expected
	begun  bool
	buf    []byte
}

// OpenKmsg reads the kernel's log from /dev/kmsg: what it holds and, if follow
// is set in the options, what comes. Off Linux the error is
// [errors.ErrUnsupported].
func OpenKmsg(opts KmsgOptions) (Source, error) {
	f, err := os.OpenFile("/dev/kmsg", os.O_RDONLY|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	return &kmsgSource{file: f, follow: opts.Follow, buf: make([]byte, 16<<10)}, nil
}

// Receive implements Source.
func (k *kmsgSource) Receive(ctx context.Context) (Piece, error) {
	if err := ctx.Err(); err != nil {
		return Piece{}, err
	}
	var lost uint64
	for {
		n, err := k.read(ctx)
		switch {
		case errors.Is(err, unix.EPIPE): // overwritten before it was read: the gap in the numbers tells how much
			continue
		case errors.Is(err, os.ErrDeadlineExceeded) && ctx.Err() == nil:
			return Piece{Lost: lost}, io.EOF
		case errors.Is(err, os.ErrDeadlineExceeded):
			return Piece{Lost: lost}, ctx.Err()
		case err != nil:
			return Piece{Lost: lost}, err
		}
		r, ok := parseKmsg(k.buf[:n])
		if !ok {
			continue
		}
		if k.begun && r.seq > k.next {
			lost += r.seq - k.next
		}
		k.begun, k.next = true, r.seq+1
		if !r.kernel {
			continue
		}
		return Piece{Text: append(r.text, '\n'), File: "/dev/kmsg", Provenance: ProvenanceKernel, Lost: lost}, nil
	}
}

// read reads one record, until ctx is done or, if it does not follow, until
// there is none.
func (k *kmsgSource) read(ctx context.Context) (int, error) {
	if !k.follow {
		k.file.SetReadDeadline(time.Now().Add(50 * time.Millisecond))
		return k.file.Read(k.buf)
	}
	k.file.SetReadDeadline(time.Time{})
	stop := context.AfterFunc(ctx, func() { k.file.SetReadDeadline(time.Unix(1, 0)) })
	defer stop()
	return k.file.Read(k.buf)
}

// Close implements Source.
func (k *kmsgSource) Close() error { return k.file.Close() }
