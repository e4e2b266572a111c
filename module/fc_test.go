package module_test

import (
	"reflect"
	"strings"
	"testing"

	"github.com/sekit/sekit/module"
	"github.com/sekit/sekit/policy"
)

func TestParseFC(t *testing.T) {
	const text = "# contexts\n\n/usr/bin/x\t--\tsystem_u:object_r:x_exec_t:s0\n" +
		"  HOME_DIR/\\.x(/.*)?   system_u:object_r:x_home_t:s0-s0:c0.c1023\r\n/srv/x/.*\t-d\t<<none>>"
	want := []module.FileContext{
		{Regexp: "/usr/bin/x", Kind: module.RegularFile, Context: policy.MustParseContext("system_u:object_r:x_exec_t:s0")},
		{Regexp: `HOME_DIR/\.x(/.*)?`, Context: policy.MustParseContext("system_u:object_r:x_home_t:s0-s0:c0.c1023")},
		{Regexp: "/srv/x/.*", Kind: module.Directory},
	}
	got, err := module.ParseFC("x.fc", []byte(text))
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Fatalf("%v, %v", got, err)
	}
	out, err := module.FormatFC(got)
	if err != nil || string(out) != "/usr/bin/x\t--\tsystem_u:object_r:x_exec_t:s0\n"+
		"HOME_DIR/\\.x(/.*)?\tsystem_u:object_r:x_home_t:s0-s0:c0.c1023\n/srv/x/.*\t-d\t<<none>>\n" {
		t.Errorf("%q, %v", out, err)
	}
	for text, want := range map[string]string{
		"/x":                             "x.fc:1:3: expected a kind of file or a context, found the end of the line",
		"\n/x -x u:r:t:s0":               `x.fc:2:4: expected a kind of file: --, -d, -l, -c, -b, -p or -s, found "-x"`,
		"/x -- gen_context(u:r:t, s0)":   `x.fc:1:26: expected the end of the line, found "s0)"`,
		"/x -- gen_context(u:r:t,s0)":    "x.fc:1:7: ",
		"/x\x01 u:r:t:s0":                "white space or a control character",
		"/x -- u:r:t:s0 # not a comment": "expected the end of the line",
	} {
		if got, err := module.ParseFC("x.fc", []byte(text)); got != nil || err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %s", text, err, want)
		}
	}
	for _, f := range []module.FileContext{{}, {Regexp: "/a b"}, {Regexp: "/a\n/etc/shadow"}, {Regexp: "#"}, {Regexp: "/a", Kind: 'x'}} {
		if out, err := module.FormatFC([]module.FileContext{f}); err == nil {
			t.Errorf("%q", out)
		}
	}
}

// FuzzParseFC wants of any text that it is refused, or reads the same when it
// is written.
func FuzzParseFC(f *testing.F) {
	f.Add("/usr/bin/x\t--\tsystem_u:object_r:x_exec_t:s0\n")
	f.Add("#\n/a(/.*)? <<none>>")
	f.Fuzz(func(t *testing.T, text string) {
		list, err := module.ParseFC("x.fc", []byte(text))
		if err != nil {
			return
		}
		out, err := module.FormatFC(list)
		if err != nil {
			t.Fatal(err)
		}
		if again, err := module.ParseFC("x.fc", out); err != nil || !reflect.DeepEqual(again, list) {
			t.Fatalf("%v, %v", again, err)
		}
	})
}
