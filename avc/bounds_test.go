package avc_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/sekit/sekit/avc"
)

// repeated gives a text n times over, without holding it.
type repeated struct {
	text []byte
	n    int
	left []byte
}

func (r *repeated) Read(b []byte) (int, error) {
	if len(r.left) == 0 {
		if r.n == 0 {
			return 0, io.EOF
		}
		r.n--
		r.left = r.text
	}
	n := copy(b, r.left)
	r.left = r.left[n:]
	return n, nil
}

// TestFlatMemory: a long stream takes no more memory than a short one.
func TestFlatMemory(t *testing.T) {
	log, _ := synthesise(2000)
	// Contexts that are all different, lines that never end, and open records.
	var odd bytes.Buffer
	for i := range 2000 {
		fmt.Fprintf(&odd, "avc:  denied  { p%d } for  pid=1 scontext=u%d:r:t%d tcontext=a:b:c tclass=file\n", i, i, i)
		fmt.Fprintf(&odd, "avc:  denied  { read } for  pid=%d\n", i)
	}
	odd.Write(bytes.Repeat([]byte("x type=AVC "), 100_000))
	odd.WriteByte('\n')
	for _, text := range [][]byte{log, odd.Bytes()} {
		heap := func(n int, opts avc.Options) uint64 {
			r := avc.NewReader(&repeated{text: text, n: n}, opts)
			for {
				var bad *avc.ParseError
				if _, err := r.Next(); err == io.EOF {
					break
				} else if err != nil && !errors.As(err, &bad) {
					t.Fatal(err)
				}
			}
			runtime.GC()
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			runtime.KeepAlive(r)
			return m.HeapAlloc
		}
		for _, opts := range []avc.Options{{}, {Reuse: true}, {Workers: 2, Reuse: true}} {
			if short, long := heap(3, opts), heap(12, opts); long > short+8<<20 {
				t.Errorf("%+v: heap of %d bytes after a stream 4 times as long, %d before", opts, long, short)
			}
		}
	}
}

// TestHostileLengths: texts made to be slow are not.
func TestHostileLengths(t *testing.T) {
	const n = 200_000
	vector := "avc:  denied  { read } for  pid=1 scontext=a:b:c tcontext=a:b:c tclass=file "
	for name, text := range map[string]string{
		"headers in quotes":   "type=AVC msg=audit(1.2:3): " + vector + strings.Repeat(`"type=AVC msg=audit(1.2:3): "`, n/28),
		"unclosed quote":      "type=AVC msg=audit(1.2:3): " + vector + `name="` + strings.Repeat("audit(1.2:3): avc: denied ", n/26),
		"words":               "type=AVC msg=audit(11/21/26 01:40:18.215:109) : avc:  denied  { read } for  comm=a " + strings.Repeat("b ", n/2),
		"glued":               strings.Repeat("type=AVC msg=audit(1.2:3): "+vector, n/100),
		"fields":              "type=AVC msg=audit(1.2:3): " + vector + strings.Repeat("a=b ", n/4),
		"enriched":            "type=SYSCALL msg=audit(1.2:3): " + strings.Repeat("a=UID=UIDUID=", n/13) + " type=AVC msg=audit(1.2:3): " + vector,
		"arguments":           "type=EXECVE msg=audit(1.2:3): argc=1 " + strings.Repeat("a0[1]=AA ", n/9) + "\ntype=AVC msg=audit(1.2:3): " + vector,
		"continuations":       "avc:  denied  { read } for  pid=1\n" + strings.Repeat("comm=\n", n/6),
		"open braces":         strings.Repeat("avc: denied {\n", n/14),
		"journal":             strings.Repeat("Mar 06 08:45:58 h audit: PATH item=0\n", n/36),
		"one event":           strings.Repeat("type=AVC msg=audit(1.2:3): "+vector+"\n", n/100),
		"type without end":    strings.Repeat("type=", n/5),
		"audit without end":   strings.Repeat("audit(", n/6),
		"parentheses":         "type=AVC msg=audit(1.2:3): " + vector + strings.Repeat("audit((", n/7),
		"export without end":  "__CURSOR=a\n" + strings.Repeat("A\n\x00\x00\x00\x00\x00\x00\x00\x00\n", n/11),
		"export, huge length": "__CURSOR=a\nMESSAGE\n\xff\xff\xff\xff\xff\xff\xff\x7fx\n",
	} {
		begin := time.Now()
		r := avc.NewReader(strings.NewReader(text), avc.Options{})
		for {
			if _, err := r.Next(); err == io.EOF {
				break
			}
		}
		if d := time.Since(begin); d > 5*time.Second {
			t.Errorf("%s: %v", name, d)
		} else {
			t.Logf("%s: %v", name, d)
		}
	}
}

// TestTooLong: a record in a line that is too long is an error, and the stream
// goes on behind it.
func TestTooLong(t *testing.T) {
	log := "type=AVC msg=audit(1700000000.001:1): avc:  denied  { read } for  pid=1 comm=\"" + strings.Repeat("x", 700_000) + "\"" + realTail + "\n" +
		"type=AVC msg=audit(1700000000.002:2): " + bodyAVC + "\n"
	r := avc.NewReader(strings.NewReader(log), avc.Options{})
	if _, err := r.Next(); !errors.Is(err, avc.ErrTooLong) {
		t.Errorf("long line: %v", err)
	}
	e, err := r.Next()
	if err != nil || e.ID.Serial != 2 || e.Denials[0].Line != 2 {
		t.Errorf("behind it: %+v, %v", e, err)
	}
	if _, err := r.Next(); err != io.EOF {
		t.Errorf("end: %v", err)
	}
}
