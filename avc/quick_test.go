package avc_test

import (
	"bytes"
	"math/rand/v2"
	"reflect"
	"testing"

	"github.com/sekit/sekit/avc"
)

// TestQuick: what is read of companion records where they stand, and from what is
// remembered of earlier ones, is what is read of their whole text, which is done
// if that is kept; also of records with something wrong in them.
func TestQuick(t *testing.T) {
	plain, _ := synthesise(12_000)
	g := rand.New(rand.NewPCG(11, 12))
	const odd = " \"'=()?-_.,:\\/<>{}[]\x1d\x00\t0129afAFzZ\xe2"
	var log bytes.Buffer
	for line := range bytes.Lines(plain) {
		if !bytes.HasPrefix(line, []byte("type=AVC")) && g.IntN(3) == 0 {
			line = bytes.Clone(line)
			head := bytes.Index(line, []byte("): ")) + 3
			for range 1 + g.IntN(2) {
				i := head + g.IntN(len(line)-1-head)
				switch c := odd[g.IntN(len(odd))]; g.IntN(4) {
				case 0:
					line[i] = c
				case 1:
					line = append(line[:i], append([]byte{c}, line[i:]...)...)
				case 2:
					line = append(line[:i], line[i+1:]...)
				case 3: // a field again, or a piece of it
					j := i + g.IntN(len(line)-i)
					line = append(line[:i], append(bytes.Clone(line[i:j]), line[i:]...)...)
				}
			}
			line[len(line)-1] = '\n'
		}
		log.Write(line)
	}
	for _, prov := range []avc.Provenance{avc.ProvenanceText, avc.ProvenanceFile} {
		opts := avc.Options{Provenance: prov, KeepRecords: true}
		want, wantStats := readBoth(avc.NewReader(bytes.NewReader(log.Bytes()), opts))
		opts.KeepRecords = false
		got, stats := readBoth(avc.NewReader(bytes.NewReader(log.Bytes()), opts))
		if len(want) < 2000 || len(got) != len(want) || !reflect.DeepEqual(stats, wantStats) {
			t.Fatalf("%d results, want %d; %+v, want %+v", len(got), len(want), stats, wantStats)
		}
		for i := range want {
			var records []avc.Record
			if e, ok := want[i].(*avc.Event); ok {
				records, e.Records = e.Records, nil
			}
			if !reflect.DeepEqual(got[i], want[i]) {
				t.Fatalf("result %d: %+v, want %+v, of %q", i, got[i], want[i], records)
			}
		}
	}
}
