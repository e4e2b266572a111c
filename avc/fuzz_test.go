package avc_test

import (
	"encoding/json"
	"errors"
	"io"
	"reflect"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/sekit/sekit/avc"
)

// FuzzParseRecord: no text makes the parser panic; an error comes alone; what
// is read can be shown and grouped.
func FuzzParseRecord(f *testing.F) {
	for _, c := range readForms(f) {
		f.Add(c.text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		e, err := avc.ParseRecord(text)
		if err != nil {
			if e != nil {
				t.Fatal("an event beside an error")
			}
			var bad *avc.ParseError
			if !errors.Is(err, avc.ErrNoRecord) && !errors.As(err, &bad) {
				t.Fatalf("unexpected error %v", err)
			}
			return
		}
		if len(e.Denials)+len(e.Failures)+len(e.Changes)+len(e.Foreign) == 0 {
			t.Fatal("an event about nothing")
		}
		if _, err := json.Marshal(e); err != nil {
			t.Fatal(err)
		}
		var s avc.Summary
		for _, d := range e.Denials {
			s.Add(d)
			if d.Complete() && (d.Source.Type() == "" || d.Target.Type() == "" || !strings.Contains(d.Text, d.Class)) {
				t.Fatalf("complete without types or with a class that is not there: %+v", d)
			}
			if d.FullPath != "" && d.PathCertainty == avc.CertaintyUnknown {
				t.Fatalf("a path that nobody knows: %q", d.FullPath)
			}
		}
	})
}

// FuzzReader: a stream reads the same however it is cut into pieces, every line
// is counted, and errors do not end it.
func FuzzReader(f *testing.F) {
	var all strings.Builder
	for _, c := range readForms(f) {
		f.Add([]byte(c.text))
		all.WriteString(c.text)
	}
	f.Add([]byte(all.String()))
	f.Fuzz(func(t *testing.T, text []byte) {
		opts := avc.Options{Window: 3, MaxRecord: 2000, MaxEvent: 5000}
		read := func(in io.Reader) ([]*avc.Event, []string, avc.Stats) {
			r := avc.NewReader(in, opts)
			var events []*avc.Event
			var failed []string
			for e, err := range r.Events() {
				var bad *avc.ParseError
				if err != nil && !errors.As(err, &bad) {
					t.Fatal(err)
				}
				if err != nil {
					failed = append(failed, err.Error())
					continue
				}
				events = append(events, e)
			}
			return events, failed, r.Stats()
		}
		e1, f1, s1 := read(strings.NewReader(string(text)))
		if s1.Unread != len(f1) || s1.Events != len(e1) {
			t.Fatalf("stats %+v of %d events, %d errors", s1, len(e1), len(f1))
		}
		if s1.Bytes != int64(len(text)) {
			t.Fatalf("%d bytes of %d", s1.Bytes, len(text))
		}
		e2, f2, s2 := read(iotest.OneByteReader(strings.NewReader(string(text))))
		if !reflect.DeepEqual(e1, e2) || !reflect.DeepEqual(f1, f2) || !reflect.DeepEqual(s1, s2) {
			t.Fatalf("in one piece %+v %q %+v; byte by byte %+v %q %+v", e1, f1, s1, e2, f2, s2)
		}
	})
}
