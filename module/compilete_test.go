package module_test

import (
	"bytes"
	"fmt"
	"os"
	"testing"

	"github.com/sekit/sekit/module"
)

// TestCompileTE compiles texts in one go and in two.
func TestCompileTE(t *testing.T) {
	all := append(texts(t, "testdata/accepted.txt"), texts(t, "testdata/refused.txt")...)
	for _, name := range []string{"testdata/everything.te", "testdata/webapp.te"} {
		te, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, text{name: name, te: string(te)})
	}
	for _, x := range all {
		opts := module.PPOptions{ModOptions: module.ModOptions{PolicyVersion: 21, NoMLS: x.noMLS}, FileContexts: []byte("/x <<none>>")}
		var want []byte
		m, wantErr := module.ParseTE(x.name, []byte(x.te))
		if wantErr == nil {
			want, wantErr = m.PP(opts)
		}
		got, err := module.CompileTE(x.name, []byte(x.te), opts)
		if !bytes.Equal(got, want) || (err == nil) != (wantErr == nil) || place(err) != place(wantErr) {
			t.Errorf("%s: %d bytes, want %d; %v, want %v", x.name, len(got), len(want), err, wantErr)
		}
	}
}

func BenchmarkCompileTE(b *testing.B) {
	for _, n := range []int{300, 20000} {
		te, err := benchModule(n).TE()
		if err != nil {
			b.Fatal(err)
		}
		b.Run(fmt.Sprintf("rules=%d", n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := module.CompileTE("bench.te", te, module.PPOptions{}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
