package avc_test

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"time"

	"github.com/sekit/sekit/avc"
)

// TestStream writes a record into a pipe that stays open: its event must not
// wait for what comes after it.
func TestStream(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, w := io.Pipe()
		src := avc.NewStream(r, avc.StreamOptions{Name: "pipe"})
		ctx, cancel := context.WithCancel(t.Context())
		events := avc.NewSourceReader(ctx, src, avc.Options{})
		for n := range 3 {
			go io.WriteString(w, vector+"\n")
			e, err := events.Next()
			if err != nil || len(e.Denials) != 1 || e.Denials[0].File != "pipe" || e.Denials[0].Line != n+1 {
				t.Fatalf("%+v, %v", e, err)
			}
		}
		time.AfterFunc(time.Hour, cancel)
		if _, err := events.Next(); !errors.Is(err, context.Canceled) {
			t.Fatalf("after cancel: %v", err)
		}
		// The Read that waited is not lost.
		go io.WriteString(w, "late")
		if p, err := src.Receive(t.Context()); err != nil || string(p.Text) != "late" {
			t.Errorf("%q, %v", p.Text, err)
		}
		w.Close()
		if _, err := src.Receive(t.Context()); err != io.EOF {
			t.Errorf("at the end: %v", err)
		}
		if err := src.Close(); err != nil {
			t.Error(err)
		}
	})
}

// TestStreamErrors: the data that comes with an error is not lost, and the
// error is given.
func TestStreamErrors(t *testing.T) {
	broken := errors.New("broken")
	src := avc.NewStream(io.MultiReader(strings.NewReader(vector), iotest.ErrReader(broken)), avc.StreamOptions{})
	r := avc.NewSourceReader(t.Context(), src, avc.Options{})
	if e, err := r.Next(); err != nil || len(e.Denials) != 1 {
		t.Errorf("%v, %v", e, err)
	}
	if _, err := r.Next(); !errors.Is(err, broken) {
		t.Errorf("%v, want what the reader said", err)
	}
	if err := src.Close(); err != nil {
		t.Error(err)
	}
}

const vector = `type=AVC msg=audit(1700000000.001:1): avc:  denied  { read } for  pid=1 comm="a" scontext=a_u:a_r:a_t:s0 tcontext=a_u:a_r:b_t:s0 tclass=fd permissive=0`
