package avc

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/elastic/go-libaudit/v2"
	"golang.org/x/sys/unix"
)

// fakeClient gives what the kernel's socket would.
type fakeClient struct {
	steps  []any // *libaudit.RawAuditMessage or error
	closed bool
}

func (c *fakeClient) Receive(nonBlocking bool) (*libaudit.RawAuditMessage, error) {
	if !nonBlocking {
		return nil, errors.New("asked to block")
	}
	if len(c.steps) == 0 {
		return nil, unix.EAGAIN
	}
	s := c.steps[0]
	c.steps = c.steps[1:]
	if err, ok := s.(error); ok {
		return nil, err
	}
	return s.(*libaudit.RawAuditMessage), nil
}

func (c *fakeClient) Close() error {
	c.closed = true
	return nil
}

func TestKernelSource(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		body := "audit(1700000000.001:1): avc:  denied  { read } for  pid=1 comm=\"a\" scontext=a_u:a_r:a_t:s0 tcontext=a_u:a_r:b_t:s0 tclass=fd permissive=0\x00"
		client := &fakeClient{steps: []any{
			unix.EAGAIN, unix.EINTR, unix.ENOBUFS, unix.ENOBUFS,
			&libaudit.RawAuditMessage{Type: 2, Data: []byte("netlink's own")},
			&libaudit.RawAuditMessage{Type: 1400, Data: []byte(body)},
			&libaudit.RawAuditMessage{Type: 1320, Data: []byte("audit(1700000000.001:1): ")},
		}}
		src := &kernelSource{client}
		ctx, cancel := context.WithCancel(t.Context())
		r := NewSourceReader(ctx, src, Options{})
		e, err := r.Next()
		if err != nil || len(e.Denials) != 1 || e.Denials[0].Provenance != ProvenanceKernel || e.Denials[0].Class != "fd" {
			t.Fatalf("%+v, %v", e, err)
		}
		if lost := r.Stats().Lost; lost != 2 {
			t.Errorf("lost %d, want the two losses", lost)
		}
		time.AfterFunc(time.Hour, cancel)
		if _, err := r.Next(); !errors.Is(err, context.Canceled) {
			t.Errorf("after cancel: %v", err)
		}
		client.steps = []any{unix.EBADF}
		if _, err := src.Receive(t.Context()); !errors.Is(err, unix.EBADF) {
			t.Errorf("broken socket: %v", err)
		}
		if src.Close(); !client.closed {
			t.Error("not closed")
		}
	})
}

// TestOpenKernel needs CAP_AUDIT_READ; without it there is an error that says
// so, and nothing else.
func TestOpenKernel(t *testing.T) {
	src, err := OpenKernel()
	if err != nil {
		if src != nil {
			t.Error("a source beside an error")
		}
		t.Skipf("no right to the audit multicast group: %v", err)
	}
	defer src.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	for {
		if _, err := src.Receive(ctx); err != nil {
			if !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("idle: %v", err)
			}
			return
		}
	}
}

// TestPermissionError: a refusal says what is missing, and stays a refusal.
func TestPermissionError(t *testing.T) {
	var p *PermissionError
	if err := openError(fmt.Errorf("bind: %w", unix.EPERM)); !errors.As(err, &p) || !errors.Is(err, fs.ErrPermission) ||
		!strings.Contains(err.Error(), "CAP_AUDIT_READ") || !strings.Contains(err.Error(), "audit_read") {
		t.Errorf("EPERM: %v", err)
	}
	if err := openError(unix.ENOBUFS); errors.As(err, &p) || !errors.Is(err, unix.ENOBUFS) {
		t.Errorf("ENOBUFS: %v", err)
	}
	// CAP_AUDIT_READ is bit 37 (linux/capability.h).
	for status, want := range map[string]Ternary{
		"Name:\ta\nCapEff:\t000001ffffffffff\n": Yes, "CapEff:\t0000001fffffffff\n": No, "CapPrm:\t000001ffffffffff\n": Unknown,
	} {
		if got := hasCapability(status, unix.CAP_AUDIT_READ); got != want {
			t.Errorf("%q: %v, want %v", status, got, want)
		}
	}
}

func TestOpenKmsg(t *testing.T) {
	src, err := OpenKmsg(KmsgOptions{})
	if err != nil {
		t.Skip(err)
	}
	defer src.Close()
	for n := 0; ; n++ {
		_, err := src.Receive(t.Context())
		if err == io.EOF {
			return
		}
		if err != nil {
			t.Skipf("after %d records: %v", n, err)
		}
	}
}
