package avc_test

import (
	"bytes"
	"context"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"testing"

	"github.com/sekit/sekit/avc"
)

// pieces gives a text in pieces of random length.
type pieces struct {
	text []byte
	most int
	*rand.Rand
}

func (p *pieces) Read(b []byte) (int, error) {
	if len(p.text) == 0 {
		return 0, io.EOF
	}
	n := copy(b, p.text[:min(len(p.text), 1+p.IntN(p.most))])
	p.text = p.text[n:]
	return n, nil
}

// mixed is a log of all forms, odd and plain, a good deal larger than what goes
// through a Reader together, with line ends at random places in that.
func mixed(t testing.TB) []byte {
	var odd, log bytes.Buffer
	for _, c := range readForms(t) {
		odd.WriteString(c.text + "\n\n")
	}
	plain, _ := synthesise(1500)
	g := rand.New(rand.NewPCG(3, 5))
	for log.Len() < 3<<20 {
		log.Write(odd.Bytes())
		log.Write(plain)
		log.Write(noise(g.IntN(3000)))
		log.Write(plain[:g.IntN(len(plain))]) // a line that is cut
	}
	return log.Bytes()
}

// readBoth returns what came out, events and errors, in order.
func readBoth(r *avc.Reader) (l []any, s avc.Stats) {
	for e, err := range r.Events() {
		if err != nil {
			l = append(l, err.Error())
		} else {
			l = append(l, e)
		}
	}
	return l, r.Stats()
}

// TestReuse: events that share their memory with earlier ones say the same while
// they are good, and so do copies for longer.
func TestReuse(t *testing.T) {
	log := mixed(t)
	for _, workers := range []int{1, 3} {
		opts := avc.Options{Workers: workers}
		want, wantStats := readBoth(avc.NewReader(bytes.NewReader(log), opts))
		opts.Reuse = true
		r := avc.NewReader(bytes.NewReader(log), opts)
		var kept, wantKept []*avc.Denial
		n := 0
		for e, err := range r.Events() {
			var got any = e
			if err != nil {
				got = err.Error()
			} else {
				for i, d := range e.Denials {
					kept, wantKept = append(kept, d.Clone()), append(wantKept, want[n].(*avc.Event).Denials[i])
				}
			}
			if !reflect.DeepEqual(got, want[n]) {
				t.Fatalf("%d workers, result %d: %+v, want %+v", workers, n, got, want[n])
			}
			n++
		}
		if n != len(want) || !reflect.DeepEqual(r.Stats(), wantStats) {
			t.Errorf("%d workers: %d results of %d, %+v", workers, n, len(want), r.Stats())
		}
		if !reflect.DeepEqual(kept, wantKept) {
			t.Errorf("%d workers: a copy has changed", workers)
		}
	}
}

// TestWorkers: however many work on an input and however it comes in pieces,
// the same comes out, in the same order.
func TestWorkers(t *testing.T) {
	log := mixed(t)
	name := filepath.Join(t.TempDir(), "log")
	if err := os.WriteFile(name, log, 0o600); err != nil {
		t.Fatal(err)
	}
	opts := avc.Options{Name: name, Provenance: avc.ProvenanceFile, Workers: 1}
	want, wantStats := readBoth(avc.NewReader(bytes.NewReader(log), opts))
	if len(want) < 2000 {
		t.Fatalf("only %d results", len(want))
	}
	check := func(how string, r *avc.Reader) {
		t.Helper()
		got, stats := readBoth(r)
		if !reflect.DeepEqual(got, want) || !reflect.DeepEqual(stats, wantStats) {
			t.Errorf("%s: %d results, want %d, or others; stats %+v, want %+v", how, len(got), len(want), stats, wantStats)
		}
	}
	g := rand.New(rand.NewPCG(1, 2))
	for _, workers := range []int{1, 2, 5} {
		opts.Workers = workers
		check("at once", avc.NewReader(bytes.NewReader(log), opts))
		check("in pieces", avc.NewReader(&pieces{log, 300_000, g}, opts))
		check("in small pieces", avc.NewReader(&pieces{log, 700, g}, opts))
	}
	opts.Workers = 0
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	check("a file", avc.NewReader(f, opts))
	src := avc.NewFiles(avc.FilesOptions{}, name)
	defer src.Close()
	check("files", avc.NewSourceReader(context.Background(), src, opts))
	stream := avc.NewStream(&pieces{log, 5000, g}, avc.StreamOptions{Name: name, Provenance: avc.ProvenanceFile})
	check("a stream", avc.NewSourceReader(context.Background(), stream, opts))
}
