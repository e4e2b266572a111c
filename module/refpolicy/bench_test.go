//go:build oracle

package refpolicy_test

import (
	"os"
	"testing"

	"github.com/sekit/sekit/internal/oracle"
	"github.com/sekit/sekit/module/refpolicy"
)

func BenchmarkOpen(b *testing.B) {
	oracle.Require(b, include+"/support")
	for b.Loop() {
		if _, err := refpolicy.Open(os.DirFS(include)); err != nil {
			b.Fatal(err)
		}
	}
}
