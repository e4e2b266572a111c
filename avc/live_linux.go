package avc

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/elastic/go-libaudit/v2"
	"golang.org/x/sys/unix"
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
// made, over its netlink multicast group. That needs the capability
// CAP_AUDIT_READ, and disturbs no audit daemon. Off Linux the error is
// [errors.ErrUnsupported].
func OpenKernel() (Source, error) {
	c, err := libaudit.NewMulticastAuditClient(nil)
	if err != nil {
		return nil, fmt.Errorf("receive audit records: %w", err)
	}
	return &kernelSource{c}, nil
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
