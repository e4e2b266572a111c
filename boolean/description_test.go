package boolean_test

import (
	"strings"
	"testing"

	"github.com/sekit/sekit/boolean"
	"github.com/sekit/sekit/policy"
)

const policyXML = `<?xml version="1.0" encoding="ISO-8859-1" standalone="no"?>
<!DOCTYPE policy SYSTEM "policy.dtd">
<policy><layer name="services"><summary>x</summary>
<module name="apache" filename="apache.if">
<summary>The Apache server</summary>
<interface name="apache_x"><param name="domain"><summary>Domain</summary></param></interface>
<tunable name="httpd_one" dftval="false">
<desc>
<p>
First line
second <b>bold</b> gone
</p>
<p>another</p>
</desc>
</tunable>
<bool name="httpd_two" dftval="true"><desc><p>caf` + "\xe9" + `</p></desc></bool>
</module></layer>
<tunable name="all" dftval="true"><desc><p>Of all</p></desc></tunable>
<bool name="bad name"><desc><p>x</p></desc></bool>
</policy>`

func TestReadDescriptions(t *testing.T) {
	got, err := boolean.ReadDescriptions(strings.NewReader(policyXML))
	if err != nil {
		t.Fatal(err)
	}
	want := boolean.Descriptions{
		"httpd_one": {"apache", "First line second "},
		"httpd_two": {"apache", "café"},
		"all":       {"global", "Of all"},
	}
	for name, d := range want {
		if got[name] != d {
			t.Errorf("%s: %q, want %q", name, got[name], d)
		}
	}
	if len(got) != len(want) {
		t.Errorf("%d descriptions", len(got))
	}
	if d := got.Of("httpd_can_connect"); d != "Allow httpd to can connect" {
		t.Error(d)
	}
	for _, bad := range []string{"<policy>", "<a></b>", `<?xml version="1.0" encoding="x"?><a/>`, strings.Repeat("<a>", 100)} {
		if d, err := boolean.ReadDescriptions(strings.NewReader(bad)); err == nil || d != nil {
			t.Errorf("%.40q: %v, %v", bad, d, err)
		}
	}
}

func FuzzReadDescriptions(f *testing.F) {
	f.Add(policyXML)
	f.Add("<policy><bool name='x'><desc><p>&amp;</p></desc></bool></policy>")
	f.Fuzz(func(t *testing.T, text string) {
		d, err := boolean.ReadDescriptions(strings.NewReader(text))
		if err != nil && d != nil {
			t.Fatal(d, err)
		}
	})
}

// The forms are those that selinux_boolean_sub takes.
func TestSubstitutions(t *testing.T) {
	s := boolean.ParseSubstitutions([]byte("# allow_x y\nallow_httpd_x httpd_x\n\n  old\tnew  \nold newer\nlonely\nb;ad x\n"))
	for name, want := range map[string]string{"allow_httpd_x": "httpd_x", "old": "new", "lonely": "lonely", "b;ad": "b;ad", "#": "#", "x": "x"} {
		if got := s.Name(name); got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
	table := boolean.NewTable(demoPolicy(t), nil, nil).WithSubstitutions(boolean.Substitutions{"old_name": "httpd_can_network_connect"})
	c, err := table.PlanPersist("old_name", true)
	if err != nil || c.Name != "httpd_can_network_connect" || c.Op != boolean.Persist {
		t.Error(c, err)
	}
}

func FuzzParseSubstitutions(f *testing.F) {
	f.Add([]byte("# x\nold new\nold newer\nlonely\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		for was, is := range boolean.ParseSubstitutions(data) {
			if !policy.ValidName(was) || !policy.ValidName(is) {
				t.Fatalf("%q %q", was, is)
			}
		}
	})
}
