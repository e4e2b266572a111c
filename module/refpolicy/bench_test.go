//go:build oracle

package refpolicy_test

import (
	"os"
	"testing"

	"github.com/sekit/sekit/internal/oracle"
	"github.com/sekit/sekit/module"
	"github.com/sekit/sekit/module/refpolicy"
)

func BenchmarkOpen(b *testing.B) {
	oracle.Require(b, include+"/support")
	b.ReportAllocs()
	for b.Loop() {
		if _, err := refpolicy.Open(os.DirFS(include)); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkCompile(b *testing.B) {
	h := debian(b)
	src := mydaemon()
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := h.Compile(src, module.ModOptions{}); err != nil {
			b.Fatal(err)
		}
	}
}
