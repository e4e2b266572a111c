package avc

import "testing"

func TestParseKmsg(t *testing.T) {
	for _, c := range []struct {
		in     string
		seq    uint64
		text   string
		kernel bool
		ok     bool
	}{
		// Documentation/ABI/testing/dev-kmsg has these shapes.
		{"5,339,5140900,-;audit: type=1400 audit(1.2:3): avc\n SUBSYSTEM=acpi\n DEVICE=+acpi:x\n", 339, "audit: type=1400 audit(1.2:3): avc", true, true},
		// Facility 1 (user): a program wrote it.
		{"13,340,5140901,-;audit: type=1400 audit(1.2:3): avc: denied\n", 340, "audit: type=1400 audit(1.2:3): avc: denied", false, true},
		{"5,341,1,-,caller=T1;a\\x0ab\\x5cx41\\x\n", 341, "a\nb\\x41\\x", true, true},
		{"5,341,1,-", 0, "", false, false},
		{"x,341,1,-;a", 0, "", false, false},
		{"5;a", 0, "", false, false},
		{"", 0, "", false, false},
	} {
		r, ok := parseKmsg([]byte(c.in))
		if ok != c.ok || r.seq != c.seq && ok || string(r.text) != c.text && ok || r.kernel != c.kernel && ok {
			t.Errorf("%q: %+v %q, %v", c.in, r, r.text, ok)
		}
	}
}
