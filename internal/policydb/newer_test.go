package policydb

import (
	"bytes"
	"os"
	"slices"
	"testing"
)

// TestNewerVersions makes policies of the versions 34 and 35 as
// testdata/newer.c does, and wants the bytes that libsepol wrote there.
func TestNewerVersions(t *testing.T) {
	for _, version := range []uint32{34, 35} {
		name := kitchen{version: version}.String() + ".policy"
		want, err := os.ReadFile("testdata/" + name)
		if err != nil {
			t.Fatal(err)
		}
		p, losses, err := Convert(fixture(t, "kitchen-33-reread.policy"), version)
		if err != nil || losses != nil {
			t.Fatal(losses, err)
		}
		s := symbols{t, p}
		// Where a rule goes in the table is libsepol's affair (a hash).
		at := slices.IndexFunc(fixture(t, name).AVTab, func(r AVRule) bool { return r.Kind == XPermsAllow && uint32(r.Target) == s.typ("http_port_t") })
		p.AVTab = slices.Insert(p.AVTab, at, p.xpermsRule(s, "http_port_t", "tcp_socket",
			XPerms{Specified: XPermsNlmsg, Driver: 4, Perms: [8]uint32{0xf0000}}))
		// The first conditional of the file is the last of the source.
		p.Conditionals[0].True = append(p.Conditionals[0].True, p.xpermsRule(s, "etc_runtime_t", "file",
			XPerms{Specified: XPermsIoctlFunction, Driver: 0x54, Perms: [8]uint32{1 << 0x13}}))
		if FeatureNeverAudit.In(version) {
			p.NeverAudit = NewBitmap(s.typ("app_t"), s.typ("init_t"))
		}
		got, err := Encode(p)
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("%s: %d bytes for %d: %v", name, len(got), len(want), err)
		}
	}
}

func (p *Policy) xpermsRule(s symbols, target, class string, x XPerms) AVRule {
	p.XPerms = append(p.XPerms, x)
	return AVRule{
		Source: uint16(s.typ("app_t")), Target: uint16(s.typ(target)), Class: uint16(s.class(class).Value),
		Kind: XPermsAllow, Data: uint32(len(p.XPerms) - 1),
	}
}
