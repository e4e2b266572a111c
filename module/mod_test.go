package module_test

import (
	"bytes"
	"cmp"
	"errors"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/sekit/sekit/internal/policydb"
	"github.com/sekit/sekit/module"
)

// webapp is the module of testdata/webapp.te, which checkmodule 3.4 compiled
// into the packages beside it: testdata/webapp-5.pp with -c 5 from the rules
// without extended permissions, testdata/webapp-21.pp from all with -c 21.
func webapp(xperms bool) *module.Module {
	m := &module.Module{Name: "webapp", Version: "1.2", RequireAttributes: []string{"domain"}, Rules: []module.Rule{
		allow("webapp_t", module.Self, "process", "signal", "execmem"),
		allow("webapp_t", "httpd_log_t", "file", "read", "open", "getattr", "ioctl"),
		allow("domain", "webapp_t", "fd", "use"),
		{Kind: module.AuditAllow, Source: "webapp_t", Target: "httpd_log_t", Class: "file", Permissions: []string{"append"}},
		{Kind: module.DontAudit, Source: "webapp_t", Target: "domain", Class: "dir", Permissions: []string{"search"}},
	}}
	if xperms {
		m.Rules = append(m.Rules,
			module.Rule{Kind: module.AllowXperm, Source: "webapp_t", Target: "httpd_log_t", Class: "file", Permissions: []string{"ioctl"},
				Xperms: []module.XpermRange{{Low: 0x5401, High: 0x5401}, {Low: 0x54f0, High: 0x5710}, {Low: 0xff00, High: 0xffff}}},
			module.Rule{Kind: module.DontAuditXperm, Source: "webapp_t", Target: "domain", Class: "fd", Permissions: []string{"ioctl"},
				Xperms: []module.XpermRange{{Low: 0, High: 0xff}}},
		)
	}
	return m
}

// sorted puts a module's names in the order of their values, where checkmodule
// has that of its hash tables, and scopes in the order of the names.
func sorted(t testing.TB, m *policydb.Module) {
	t.Helper()
	s := &m.Symbols
	slices.SortFunc(s.Types, func(a, b policydb.ModuleType) int { return cmp.Compare(a.Value, b.Value) })
	slices.SortFunc(s.Classes, func(a, b policydb.Class) int { return cmp.Compare(a.Value, b.Value) })
	value := [policydb.NumTables]map[string]uint32{}
	for i := range value {
		value[i] = make(map[string]uint32)
	}
	for i := range s.Types {
		value[policydb.TableTypes][s.Types[i].Name] = s.Types[i].Value
	}
	for i := range s.Classes {
		c := &s.Classes[i]
		value[policydb.TableClasses][c.Name] = c.Value
		slices.SortFunc(c.Permissions, func(a, b policydb.Permission) int { return cmp.Compare(a.Value, b.Value) })
	}
	for i := range m.Scopes {
		slices.SortFunc(m.Scopes[i], func(a, b policydb.Scope) int { return cmp.Compare(value[i][a.Name], value[i][b.Name]) })
	}
}

// resorted is a package with its names sorted.
func resorted(t testing.TB, data []byte) []byte {
	t.Helper()
	p, err := policydb.DecodePackage(data)
	if err != nil {
		t.Fatal(err)
	}
	sorted(t, p.Module)
	out, err := policydb.EncodePackage(p)
	if err != nil || len(out) != len(data) {
		t.Fatalf("%d bytes of %d: %v", len(out), len(data), err)
	}
	return out
}

func TestPPAsCheckmodule(t *testing.T) {
	const fc = "/srv/webapp(/.*)?\tsystem_u:object_r:httpd_log_t:s0\n"
	for _, tt := range []struct {
		file string
		m    *module.Module
		opts module.PPOptions
	}{
		{"testdata/webapp-5.pp", webapp(false), module.PPOptions{FileContexts: []byte(fc)}},
		{"testdata/webapp-21.pp", webapp(true), module.PPOptions{ModOptions: module.ModOptions{PolicyVersion: 21}}},
	} {
		theirs, err := os.ReadFile(tt.file)
		if err != nil {
			t.Fatal(err)
		}
		ours, err := tt.m.PP(tt.opts)
		if err != nil || !bytes.Equal(ours, resorted(t, theirs)) {
			t.Errorf("%s: %d bytes instead of %d: %v", tt.file, len(ours), len(theirs), err)
		}
	}
}

func TestModVersion(t *testing.T) {
	for _, tt := range []struct {
		m    *module.Module
		opts module.ModOptions
		want int // 0: refused
	}{
		{webapp(false), module.ModOptions{}, 5}, // MLS came with 5
		{webapp(false), module.ModOptions{NoMLS: true}, 4},
		{webapp(true), module.ModOptions{}, 18}, // as did extended permissions with 18
		{webapp(true), module.ModOptions{NoMLS: true}, 18},
		{webapp(false), module.ModOptions{PolicyVersion: 19}, 19},
		{webapp(false), module.ModOptions{PolicyVersion: module.MaxPolicyVersion}, 24},
		{webapp(false), module.ModOptions{PolicyVersion: 4}, 0},
		{webapp(true), module.ModOptions{PolicyVersion: 17}, 0},
		{webapp(false), module.ModOptions{PolicyVersion: 3}, 0},
		{webapp(false), module.ModOptions{PolicyVersion: 25}, 0},
		{webapp(false), module.ModOptions{PolicyVersion: -1}, 0},
	} {
		data, err := tt.m.Mod(tt.opts)
		if tt.want == 0 {
			var e *module.PolicyVersionError
			if data != nil || !errors.As(err, &e) || e.Version != tt.opts.PolicyVersion || !errors.Is(err, errors.ErrUnsupported) {
				t.Errorf("%+v: %d bytes, %v", tt.opts, len(data), err)
			}
			continue
		}
		m, err2 := policydb.DecodeModule(data)
		if err != nil || err2 != nil || int(m.Version) != tt.want || m.MLS == tt.opts.NoMLS || m.Name != "webapp" || m.Release != "1.2" {
			t.Errorf("%+v: %v, %v", tt.opts, err, err2)
		}
	}
}

// TestModNlmsg wants netlink message types as libsepol 3.8 has them: never as
// whole drivers.
func TestModNlmsg(t *testing.T) {
	m := &module.Module{Name: "m", Rules: []module.Rule{{Kind: module.AllowXperm, Source: "a_t", Target: module.Self,
		Class: "netlink_route_socket", Permissions: []string{"nlmsg"}, Xperms: []module.XpermRange{{Low: 0xfe, High: 0x200}}}}}
	data, err := m.Mod(module.ModOptions{})
	if err != nil {
		t.Fatal(err)
	}
	d, err := policydb.DecodeModule(data)
	if err != nil {
		t.Fatal(err)
	}
	all := uint32(1<<32 - 1)
	want := []policydb.XPerms{
		{Specified: policydb.XPermsNlmsg, Driver: 0, Perms: [8]uint32{7: 3 << 30}},
		{Specified: policydb.XPermsNlmsg, Driver: 1, Perms: [8]uint32{all, all, all, all, all, all, all, all}},
		{Specified: policydb.XPermsNlmsg, Driver: 2, Perms: [8]uint32{1}},
	}
	var got []policydb.XPerms
	for _, r := range d.Blocks[0].Branches[0].Rules {
		got = append(got, *r.XPerms)
	}
	if !slices.Equal(got, want) {
		t.Errorf("%v instead of %v", got, want)
	}
}

func TestPPFileContexts(t *testing.T) {
	m := webapp(false)
	data, err := m.PP(module.PPOptions{FileContexts: []byte("/x\tsystem_u:object_r:a_t:s0")})
	if err != nil || !bytes.HasSuffix(data, []byte("\x90\xff\x7c\xf9/x\tsystem_u:object_r:a_t:s0\n")) {
		t.Errorf("%q, %v", data[max(0, len(data)-40):], err)
	}
	if data, err := m.PP(module.PPOptions{FileContexts: []byte("/x\x00")}); data != nil || err == nil {
		t.Errorf("with NUL: %d bytes, %v", len(data), err)
	}
	data, err = m.PP(module.PPOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if p, err := policydb.DecodePackage(data); err != nil || p.FileContexts != nil || p.NetfilterContexts != nil {
		t.Errorf("no contexts: %v", err)
	}
}

func TestModRefused(t *testing.T) {
	many := allow("a_t", "b_t", "file")
	for i := range 33 {
		many.Permissions = append(many.Permissions, "p"+strings.Repeat("x", i))
	}
	for _, rule := range []module.Rule{many, allow("a.b", "b_t", "file", "read"), allow("a_t", "b t", "file", "read")} {
		m := &module.Module{Name: "m", Rules: []module.Rule{rule}}
		mod, err1 := m.Mod(module.ModOptions{})
		pp, err2 := m.PP(module.PPOptions{})
		if mod != nil || err1 == nil || pp != nil || err2 == nil {
			t.Errorf("%v: %d bytes, %v; %d bytes, %v", rule, len(mod), err1, len(pp), err2)
		}
	}
}
