package avc

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"testing"

	"github.com/elastic/go-libaudit/v2"
	"golang.org/x/sys/unix"
)

// burst is a socket that n records stand in, some of them lost: every 1000th
// time the kernel says that the buffer ran over. Every event is without its
// end, so that only the window bounds what is held.
type burst struct {
	n, next, overruns int
	pause             bool
	msg               libaudit.RawAuditMessage
}

func (b *burst) Receive(bool) (*libaudit.RawAuditMessage, error) {
	switch {
	case b.next == b.n:
		return nil, unix.EBADF // so that the test ends
	case b.next%1000 == 999 && !b.pause:
		b.pause = true
		b.overruns++
		return nil, unix.ENOBUFS
	}
	b.pause = false
	b.next++
	b.msg.Type = 1400
	b.msg.Data = fmt.Appendf(b.msg.Data[:0], "audit(1700000000.001:%d): avc:  denied  { read } for  pid=1 comm=\"a\" "+
		"name=\"%0200d\" dev=\"sda1\" ino=7 scontext=a_u:a_r:a_t:s0 tcontext=a_u:a_r:b_t:s0 tclass=file permissive=0\x00", b.next, b.next)
	return &b.msg, nil
}

func (b *burst) Close() error { return nil }

// TestBurst sends 100,000 records at once. None that comes may be lost, what
// the kernel lost is reported, and the memory held does not grow with the
// number of records: the window of 128 events, of half a kilobyte each, and
// what is kept for reuse. 8 MiB is far above that and far below the 40 MB of
// the records' text.
func TestBurst(t *testing.T) {
	const records, most = 100_000, 8 << 20
	b := &burst{n: records}
	r := NewSourceReader(context.Background(), &kernelSource{b}, Options{})
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	before, peak, denials := m.HeapAlloc, uint64(0), 0
	for {
		e, err := r.Next()
		if errors.Is(err, unix.EBADF) {
			break
		}
		if err != nil || len(e.Denials) != 1 {
			t.Fatalf("%+v, %v", e, err)
		}
		if denials++; denials%10_000 == 0 {
			runtime.GC()
			runtime.ReadMemStats(&m)
			peak = max(peak, m.HeapAlloc)
		}
	}
	if denials != records {
		t.Errorf("%d denials of %d records that came", denials, records)
	}
	if lost := r.Stats().Lost; lost != uint64(b.overruns) || lost != records/1000 {
		t.Errorf("lost %d, want the %d overruns", lost, b.overruns)
	}
	if peak > before+most {
		t.Errorf("%d bytes held, %d before", peak, before)
	}
}
