package avc_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"testing/synctest"
	"time"

	"github.com/sekit/sekit/avc"
	"github.com/sekit/sekit/avc/avctest"
)

const (
	bodyAVC     = `avc:  denied  { read } for  pid=1 comm="cat" name="x" dev="sda1" ino=7 scontext=a_u:a_r:a_t:s0 tcontext=b_u:object_r:b_t:s0 tclass=file permissive=0`
	bodySyscall = `arch=c000003e syscall=257 success=no exit=-13 a0=ffffff9c a1=0 a2=0 a3=0 items=0 ppid=1 pid=1 auid=0 uid=0 comm="cat" exe="/usr/bin/cat" key=(null)`
)

// TestLive: records of two events come interleaved from the kernel. The end
// mark ends an event; one without a mark ends half a second after it began.
func TestLive(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		src := avctest.NewSource()
		r := avc.NewSourceReader(ctx, src, avc.Options{})
		src.Record(avc.TypeAVC, "audit(1700000000.001:1): "+bodyAVC)
		src.Record(avc.TypeAVC, "audit(1700000000.002:2): "+bodyAVC)
		src.Record(avc.TypeSyscall, "audit(1700000000.001:1): "+bodySyscall)
		src.Record(avc.TypeEOE, "audit(1700000000.001:1): ")
		src.Lose(3)
		begin := time.Now()
		e, err := r.Next()
		if err != nil || e.ID.Serial != 1 || e.Denials[0].Exe != "/usr/bin/cat" || e.Denials[0].Provenance != avc.ProvenanceKernel {
			t.Fatalf("first event: %+v, %v", e, err)
		}
		if time.Since(begin) != 0 {
			t.Errorf("the end mark did not end the event: %v", time.Since(begin))
		}
		e, err = r.Next()
		if err != nil || e.ID.Serial != 2 || e.Denials[0].Exe != "" {
			t.Fatalf("second event: %+v, %v", e, err)
		}
		if d := time.Since(begin); d < 400*time.Millisecond || d > time.Second {
			t.Errorf("the event without end mark came after %v", d)
		}
		if lost := r.Stats().Lost; lost != 3 {
			t.Errorf("lost %d, want 3", lost)
		}
		time.AfterFunc(time.Minute, cancel)
		if _, err = r.Next(); !errors.Is(err, context.Canceled) {
			t.Errorf("after cancel: %v", err)
		}
	})
}

// TestLiveDamaged: a record without a readable ID is an error, and the next one
// is read.
func TestLiveDamaged(t *testing.T) {
	src := avctest.NewSource()
	src.Record(avc.TypeAVC, "audit(x): "+bodyAVC)
	src.Record(avc.TypeAVC, "audit(1700000000.002:2): "+bodyAVC)
	src.End()
	r := avc.NewSourceReader(t.Context(), src, avc.Options{})
	if _, err := r.Next(); !errors.Is(err, avc.ErrHeader) {
		t.Errorf("damaged: %v", err)
	}
	if e, err := r.Next(); err != nil || e.ID.Serial != 2 {
		t.Errorf("next: %v, %v", e, err)
	}
	if _, err := r.Next(); err != io.EOF {
		t.Errorf("end: %v", err)
	}
}

// TestSourceFails: the source's error comes after the events it gave.
func TestSourceFails(t *testing.T) {
	broken := errors.New("broken")
	src := avctest.NewSource("type=AVC msg=audit(1700000000.001:1): " + bodyAVC + "\n")
	src.Fail(broken)
	r := avc.NewSourceReader(t.Context(), src, avc.Options{})
	if e, err := r.Next(); err != nil || e.ID.Serial != 1 {
		t.Errorf("event: %v, %v", e, err)
	}
	if _, err := r.Next(); !errors.Is(err, broken) {
		t.Errorf("error: %v", err)
	}
}

func zipped(text string) []byte {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	io.WriteString(z, text)
	z.Close()
	return b.Bytes()
}

// TestFiles: an event whose records were parted by the rotation, in a file that
// is compressed and one that does not end in a newline.
func TestFiles(t *testing.T) {
	fsys := fstest.MapFS{
		"log/audit.log.2.gz": {Data: zipped("type=AVC msg=audit(1700000000.001:1): " + bodyAVC + "\n")},
		"log/audit.log.1":    {Data: []byte("\ntype=SYSCALL msg=audit(1700000000.001:1): " + bodySyscall + "\ntype=AVC msg=audit(1700000000.002:2): " + bodyAVC)},
		"log/audit.log":      {Data: []byte("type=AVC msg=audit(1700000000.003:3): " + bodyAVC + "\n")},
		"log/audit.log.old":  {Data: []byte("type=AVC msg=audit(1700000000.009:9): " + bodyAVC + "\n")},
		"log/other":          {},
	}
	names, err := avc.LogFiles(fsys, "log/audit.log")
	if want := []string{"log/audit.log.2.gz", "log/audit.log.1", "log/audit.log"}; err != nil || !slices.Equal(names, want) {
		t.Fatalf("LogFiles: %q, %v; want %q", names, err, want)
	}
	src := avc.NewFiles(avc.FilesOptions{FS: fsys}, names...)
	defer src.Close()
	r := avc.NewSourceReader(t.Context(), src, avc.Options{})
	var got []string
	for d, err := range r.Denials() {
		if err != nil {
			t.Fatal(err)
		}
		if d.Provenance != avc.ProvenanceFile {
			t.Errorf("provenance %v", d.Provenance)
		}
		got = append(got, d.File+" "+d.ID.String()+" "+d.Exe)
		if want := map[uint64]int{1: 1, 2: 3, 3: 1}[d.ID.Serial]; d.Line != want {
			t.Errorf("event %d on line %d, want %d", d.ID.Serial, d.Line, want)
		}
	}
	want := []string{
		"log/audit.log.2.gz audit(1700000000.001:1) /usr/bin/cat",
		"log/audit.log.1 audit(1700000000.002:2) ",
		"log/audit.log audit(1700000000.003:3) ",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestLogFilesDated(t *testing.T) {
	fsys := fstest.MapFS{"messages": {}, "messages-20240107": {}, "messages-20231231.gz": {}, "messages.d/x": {}}
	names, err := avc.LogFiles(fsys, "messages")
	if want := []string{"messages-20231231.gz", "messages-20240107", "messages"}; err != nil || !slices.Equal(names, want) {
		t.Errorf("got %q, %v; want %q", names, err, want)
	}
	if _, err := avc.LogFiles(fsys, "audit.log"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no files: %v", err)
	}
}

// TestFollow: a file that grows, is rotated away and begins anew.
func TestFollow(t *testing.T) {
	name := filepath.Join(t.TempDir(), "audit.log")
	write := func(serial string) {
		f, err := os.OpenFile(name, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
		if err != nil {
			t.Fatal(err)
		}
		// Two lines: the second ends the first, which could have been wrapped.
		io.WriteString(f, "type=AVC msg=audit(1700000000.001:"+serial+"): "+bodyAVC+"\n")
		f.Close()
	}
	write("1")
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	src := avc.NewFiles(avc.FilesOptions{Follow: true, Interval: time.Millisecond}, name)
	defer src.Close()
	r := avc.NewSourceReader(ctx, src, avc.Options{})
	for _, serial := range []uint64{1, 2, 3} {
		e, err := r.Next()
		if err != nil || e.ID.Serial != serial {
			t.Fatalf("event %d: %+v, %v", serial, e, err)
		}
		switch serial {
		case 1:
			write("2")
		case 2:
			if err := os.Rename(name, name+".1"); err != nil {
				t.Skip(err) // Windows does not rename what is open
			}
			write("3")
		}
	}
	cancel()
	if _, err := r.Next(); !errors.Is(err, context.Canceled) {
		t.Errorf("after cancel: %v", err)
	}
}

func TestFilesMissing(t *testing.T) {
	src := avc.NewFiles(avc.FilesOptions{FS: fstest.MapFS{}}, "a")
	if _, err := avc.NewSourceReader(t.Context(), src, avc.Options{}).Next(); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("got %v", err)
	}
	src = avc.NewFiles(avc.FilesOptions{FS: fstest.MapFS{"a": {Data: []byte("\x1f\x8bbroken")}}}, "a")
	if _, err := avc.NewSourceReader(t.Context(), src, avc.Options{}).Next(); err == nil || !strings.Contains(err.Error(), "read a") {
		t.Errorf("broken gzip: %v", err)
	}
}

// TestFilesPacked: what cannot be decompressed is named, not read as noise.
func TestFilesPacked(t *testing.T) {
	for name, begin := range map[string]string{
		"audit.log.1.xz": "\xfd7zXZ\x00\x00\x04", "audit.log-20240131.zst": "\x28\xb5\x2f\xfd\x04", "audit.log.3.lz4": "\x04\x22\x4d\x18\x64",
		"audit.log.4.lzma": "\x5d\x00\x00\x80\x00",
	} {
		fsys := fstest.MapFS{name: {Data: []byte(begin)}}
		names, err := avc.LogFiles(fsys, "audit.log")
		if err != nil || len(names) != 1 {
			t.Fatalf("LogFiles: %q, %v", names, err)
		}
		_, err = avc.NewSourceReader(t.Context(), avc.NewFiles(avc.FilesOptions{FS: fsys}, names...), avc.Options{}).Next()
		if !errors.Is(err, errors.ErrUnsupported) || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestLostReport: the kernel counts since boot; what is told twice is lost once.
func TestLostReport(t *testing.T) {
	log := "[1.0] audit: audit_lost=3 audit_rate_limit=0 audit_backlog_limit=64\n" +
		"[2.0] audit: audit_lost=3 audit_rate_limit=0 audit_backlog_limit=64\n" +
		"[3.0] audit: audit_lost=7 audit_rate_limit=0 audit_backlog_limit=64\n"
	r := avc.NewReader(strings.NewReader(log), avc.Options{})
	if _, err := r.Next(); err != io.EOF {
		t.Fatal(err)
	}
	if lost := r.Stats().Lost; lost != 7 {
		t.Errorf("lost %d, want 7", lost)
	}
}
