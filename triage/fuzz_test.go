package triage_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/sekit/sekit/avc"
	"github.com/sekit/sekit/internal/demo"
	"github.com/sekit/sekit/triage"
)

// FuzzRead: no log makes triage panic, every fix is still proven, and all of it
// can be written as JSON.
func FuzzRead(f *testing.F) {
	sys := demoSystem(f)
	tr, err := triage.New(sys, triage.Options{})
	if err != nil {
		f.Fatal(err)
	}
	events := strings.SplitAfter(string(demo.AuditLog()), "\ntype=AVC ")
	for _, e := range events {
		f.Add([]byte("type=AVC " + strings.TrimSuffix(e, "type=AVC ")))
	}
	for _, name := range hostileNames {
		f.Add([]byte(hostileRecord("/data/"+name, name, "default_t").log(1)))
	}
	f.Fuzz(func(t *testing.T, log []byte) {
		if len(log) > 1<<16 {
			return
		}
		report := tr.Read(avc.NewReader(bytes.NewReader(log), avc.Options{}).Events())
		if report.Denials < len(report.Findings) {
			t.Errorf("%d findings of %d denials", len(report.Findings), report.Denials)
		}
		checkFixes(t, sys, report)
		checkJSON(t, report)
	})
}
