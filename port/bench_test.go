package port_test

import (
	"testing"

	"github.com/sekit/sekit/port"
)

func BenchmarkLookup(b *testing.B) {
	table := port.NewTable(demoPolicy(b), nil)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := table.Lookup(port.TCP, 8443); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkPlanSet(b *testing.B) {
	table := port.NewTable(demoPolicy(b), nil)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := table.PlanSet(port.Port(port.TCP, 5601, "http_port_t")); err != nil {
			b.Fatal(err)
		}
	}
}
