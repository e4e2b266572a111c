package avc_test

import (
	"bytes"
	"testing"

	"github.com/elastic/go-libaudit/v2/auparse"
)

// BenchmarkLibaudit parses the log of BenchmarkReader with go-libaudit, line
// by line and without bringing events together.
func BenchmarkLibaudit(b *testing.B) {
	log, events := synthesise(50_000)
	b.SetBytes(int64(len(log)))
	b.ReportAllocs()
	for b.Loop() {
		for line := range bytes.SplitSeq(log, []byte{'\n'}) {
			if len(line) == 0 {
				continue
			}
			m, err := auparse.ParseLogLine(string(line))
			if err != nil {
				b.Fatal(err)
			}
			if _, err := m.Data(); err != nil {
				b.Fatal(err)
			}
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*events), "ns/denial")
}
