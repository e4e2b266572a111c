package sekit_test

import (
	"encoding/json"
	"errors"
	"net/netip"
	"os"
	"reflect"
	"testing"

	"github.com/sekit/sekit"
	"github.com/sekit/sekit/internal/managed/managedtest"
	"github.com/sekit/sekit/internal/tool"
	"github.com/sekit/sekit/module"
	"github.com/sekit/sekit/policy"
	"github.com/sekit/sekit/port"
	"github.com/sekit/sekit/port/infiniband"
	"github.com/sekit/sekit/sekittest"
)

// fabric are settings for the types of port/infiniband's test policy: a new
// record of each kind, and another type for the policy's own.
func fabric() sekit.Settings {
	subnet := netip.MustParseAddr("fe80::")
	return sekit.Settings{Infiniband: []infiniband.Setting{
		{Key: infiniband.Pkeys(subnet, 0x8001, 0x8001), Type: "site_pkey_t"},
		{Key: infiniband.Pkeys(subnet, 0x10, 0x20), Type: "site_pkey_t"},
		{Key: infiniband.Endport("mlx4_0", 255), Type: "site_endport_t"},
	}}
}

func TestInfiniband(t *testing.T) {
	data, err := os.ReadFile("port/infiniband/testdata/infiniband.policy")
	if err != nil {
		t.Fatal(err)
	}
	p, err := policy.Parse(data)
	if err != nil {
		t.Fatal(err)
	}
	t.Run("fake", func(t *testing.T) {
		m := sekittest.NewMachine(p, sekittest.Options{})
		testInfiniband(t, m.Reopen)
	})
	t.Run("native", func(t *testing.T) {
		if managedtest.ReadOnly() {
			t.Skip("commits are not supported here")
		}
		root := managedtest.Root(t, data)
		testInfiniband(t, func() *sekit.Machine {
			m, err := sekit.OpenMachineBy("native", root, tool.Exec{}, sekit.MachineOptions{StateDir: t.TempDir()})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { m.Close() })
			return m
		})
	})
}

// testInfiniband carries the settings out, by a machine that is opened anew each
// time, and takes them back.
func testInfiniband(t *testing.T, open func() *sekit.Machine) {
	ctx := t.Context()
	plan := func(want sekit.Settings) *sekit.Plan {
		t.Helper()
		p, err := open().Plan(ctx, want)
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	entries := func() []infiniband.Entry {
		t.Helper()
		s, err := open().System(ctx)
		if err != nil {
			t.Fatal(err)
		}
		return s.Infiniband.Entries()
	}
	before := entries()
	p := plan(fabric())
	const text = `add ibpkey fe80:: 32769 as site_pkey_t
modify ibpkey fe80:: 16-32 from site_other_pkey_t to site_pkey_t
add ibendport mlx4_0 255 as site_endport_t
`
	if p.String() != text || len(p.Commands()) != 3 {
		t.Errorf("plan\n%s", p)
	}
	undo, err := open().Apply(ctx, p)
	if err != nil {
		t.Fatal(err)
	}
	if p := plan(fabric()); !p.Empty() {
		t.Errorf("still to do:\n%s", p)
	}
	if now := entries(); len(now) != len(before)+3 {
		t.Errorf("entries %v", now)
	}
	if _, err := open().Apply(ctx, p); !errors.Is(err, port.ErrChanged) {
		t.Errorf("applied twice: %v, want ErrChanged", err)
	}
	// What a plan did is known from what was written down of it, too.
	written, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	var again sekit.Plan
	if err := json.Unmarshal(written, &again); err != nil || again.String() != text {
		t.Errorf("from JSON: %v\n%s", err, &again)
	}
	s, err := open().System(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if u, err := s.PlanUndo(ctx, &again); err != nil || u.String() != undo.String() {
		t.Errorf("undo: %v\n%s\nwant\n%s", err, u, undo)
	}
	if _, err := open().Apply(ctx, undo); err != nil {
		t.Fatal(err)
	}
	if now := entries(); !reflect.DeepEqual(now, before) {
		t.Errorf("after the undo %v, before %v", now, before)
	}
	// What is not there, and what is the policy's, need not be taken away.
	var without sekit.Settings
	for _, s := range fabric().Infiniband {
		without.Without.Infiniband = append(without.Without.Infiniband, s.Key)
	}
	if p := plan(without); !p.Empty() {
		t.Errorf("to be without:\n%s", p)
	}
}

func TestBundleInfiniband(t *testing.T) {
	p, err := policy.Open("port/infiniband/testdata/infiniband.policy")
	if err != nil {
		t.Fatal(err)
	}
	s := &sekit.System{Policy: p}
	want := fabric()
	want.Infiniband = append(want.Infiniband[:1], want.Infiniband[2:]...)
	got, err := s.Bundle(t.Context(), module.Key{Name: "fabric", Priority: 300}, want)
	const text = `(ibpkeycon fe80:: (32769 32769) (system_u object_r site_pkey_t ((s0) (s0))))
(ibendportcon mlx4_0 255 (system_u object_r site_endport_t ((s0) (s0))))
`
	if err != nil || len(got.Modules) != 1 || string(got.Modules[0].Data) != text {
		t.Errorf("%v, %s", err, got.Modules)
	}
	// The policy's own keys, which only a local record can take.
	if got, err := s.Bundle(t.Context(), module.Key{Name: "fabric", Priority: 300}, fabric()); !errors.Is(err, errors.ErrUnsupported) || !got.IsZero() {
		t.Errorf("over the policy's: %+v, %v", got, err)
	}
}
