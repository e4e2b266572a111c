package policy_test

import (
	"bytes"
	"testing"

	"github.com/sekit/sekit/internal/demo"
	"github.com/sekit/sekit/policy"
)

// What With has laid over a policy decides the same once it is in a file.
func TestMarshalBinary(t *testing.T) {
	p, err := policy.Parse(demo.Policy())
	if err != nil {
		t.Fatal(err)
	}
	if data, err := p.MarshalBinary(); err != nil || !bytes.Equal(data, demo.Policy()) {
		t.Errorf("another file, %v", err)
	}
	var removed policy.Rule
	rules, err := p.Rules(policy.RuleQuery{Kinds: policy.KindAllow, Source: "httpd_t", Target: "httpd_config_t", Classes: []string{"file"}})
	if err != nil {
		t.Fatal(err)
	}
	for removed = range rules {
	}
	changed, err := p.With(policy.SetBoolean{Name: "httpd_execmem", On: true}, policy.RemoveRule{Rule: removed},
		policy.AllowRule{Source: "domain", Target: "self", Class: "process", Permissions: []string{"execheap"}},
		policy.AllowRule{Source: "httpd_t", Target: "file_type", Class: "chr_file", Permissions: []string{"ioctl", "write"}},
		policy.DontAuditRule{Source: "httpd_t", Target: "shadow_t", Class: "file", Permissions: []string{"read", "write"}},
		policy.AllowXperm{Source: "httpd_t", Target: "shadow_t", Class: "chr_file", Permission: "ioctl", Low: 0x53fe, High: 0x5502},
		policy.MakePermissive{Type: "sshd_t"}, policy.PortContext{Protocol: policy.TCP, Low: 4711, High: 4712, Type: "http_port_t"})
	if err != nil {
		t.Fatal(err)
	}
	data, err := changed.MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	again, err := policy.Parse(data)
	if err != nil {
		t.Fatal(err)
	}
	for c := range policy.AccessChanges(changed, again) {
		t.Errorf("%v", c)
	}
	for _, target := range []string{"shadow_t", "etc_t"} {
		for n := range 0x10000 {
			a := policy.Access{Source: policy.MustParseContext("system_u:system_r:httpd_t:s0"),
				Target: policy.MustParseContext("system_u:object_r:" + target + ":s0"), Class: "chr_file", Permissions: []string{"ioctl"},
				Xperm: uint16(n), HasXperm: true}
			if n&0x3f != 0 && (n < 0x53f0 || n > 0x5510) {
				continue
			}
			want, err1 := changed.Decide(a)
			got, err2 := again.Decide(a)
			if err1 != nil || err2 != nil || want.Allowed != got.Allowed || got.Allowed != (target == "etc_t" || n >= 0x53fe && n <= 0x5502) {
				t.Fatalf("ioctl %#x of %s: %v, %v; %v %v", n, target, want.Allowed, got.Allowed, err1, err2)
			}
		}
	}
	sshd, err := again.Type("sshd_t")
	if err != nil || !sshd.Permissive() {
		t.Errorf("permissive: %v", err)
	}
	if c := again.PortContext(policy.TCP, 4712); c.Type() != "http_port_t" {
		t.Errorf("port: %v", c)
	}
	if b, err := again.Boolean("httpd_execmem"); err != nil || !b.Default() {
		t.Errorf("boolean: %v", err)
	}
}
