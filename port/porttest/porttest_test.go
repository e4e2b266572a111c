package porttest_test

import (
	"testing"

	"github.com/sekit/sekit/internal/demo"
	"github.com/sekit/sekit/policy"
	"github.com/sekit/sekit/port"
	"github.com/sekit/sekit/port/porttest"
)

func TestFake(t *testing.T) {
	p, err := policy.Parse(demo.Policy())
	if err != nil {
		t.Fatal(err)
	}
	porttest.TestBackend(t, func(t *testing.T) porttest.Harness {
		b := porttest.NewBackend(p)
		return porttest.Harness{Policy: p, Backend: b, Reopen: func() port.Backend { return b }}
	})
}
