package booleantest_test

import (
	"testing"

	"github.com/sekit/sekit/boolean"
	"github.com/sekit/sekit/boolean/booleantest"
	"github.com/sekit/sekit/internal/demo"
	"github.com/sekit/sekit/policy"
)

func demoPolicy(t *testing.T) *policy.Policy {
	t.Helper()
	p, err := policy.Parse(demo.Policy())
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestFake(t *testing.T) {
	p := demoPolicy(t)
	for name, open := range map[string]func(*policy.Policy, ...boolean.Record) *booleantest.Backend{
		"machine": booleantest.NewBackend, "offline": booleantest.NewOffline,
	} {
		t.Run(name, func(t *testing.T) {
			booleantest.TestBackend(t, func(t *testing.T) booleantest.Harness {
				b := open(p)
				return booleantest.Harness{Policy: p, Backend: b, Offline: name == "offline",
					Reopen: func() boolean.Backend { return b }}
			})
		})
	}
}

// The fake decides as a kernel with its booleans would.
func TestFakeDecides(t *testing.T) {
	p := demoPolicy(t)
	b := booleantest.NewBackend(p)
	connect := policy.Access{
		Source: policy.MustParseContext("system_u:system_r:haproxy_t:s0"),
		Target: policy.MustParseContext("system_u:object_r:unreserved_port_t:s0"),
		Class:  "tcp_socket", Permissions: []string{"name_connect"},
	}
	for _, on := range []bool{false, true} {
		if _, err := boolean.New(p, b).Persist(t.Context(), boolean.Record{Name: "haproxy_connect_any", On: on}); err != nil {
			t.Fatal(err)
		}
		now, err := b.Policy()
		if err != nil {
			t.Fatal(err)
		}
		if d, err := now.Decide(connect); err != nil || d.Allowed != on {
			t.Errorf("haproxy_connect_any %v: %+v, %v", on, d, err)
		}
	}
}
