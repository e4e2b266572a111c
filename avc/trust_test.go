package avc_test

import (
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/sekit/sekit/avc"
)

const realTail = ` dev="sda1" ino=7 scontext=system_u:system_r:httpd_t:s0 tcontext=system_u:object_r:etc_t:s0 tclass=file permissive=0`

// TestForgedFields: names that imitate fields. The kernel encodes only spaces,
// quotes, control bytes and what is not ASCII, so that these stand in the log
// as they are; the record's own fields must win.
func TestForgedFields(t *testing.T) {
	for _, name := range []string{
		"scontext=u:r:forged_t:s0",
		"tcontext=u:r:shadow_t:s0;tclass=dir",
		"permissive=1",
		"}for",
		"x'",
		"msg='avc:",
		"type=AVC",
		"audit(1.2:3):",
		"\u241dUID=0"[3:], // UID=0
	} {
		for _, head := range []string{"type=AVC msg=audit(1700000000.1:5): ", "audit: type=1400 audit(1700000000.1:5): ", ""} {
			line := head + `avc:  denied  { read } for  pid=1 comm="cat" name="` + name + `"` + realTail
			e, err := avc.ParseRecord(line)
			if err != nil {
				t.Errorf("%s: %v", line, err)
				continue
			}
			if len(e.Denials) != 1 || len(e.Records) != 1 {
				t.Errorf("%s: %d denials of %d records", line, len(e.Denials), len(e.Records))
				continue
			}
			d := e.Denials[0]
			if d.Source.Type() != "httpd_t" || d.Target.Type() != "etc_t" || d.Class != "file" ||
				d.Permissive != avc.No || d.Name != name || d.Inode != 7 {
				t.Errorf("%s: read as %v %v %s %v name %q", line, d.Source, d.Target, d.Class, d.Permissive, d.Name)
			}
		}
	}
}

// hostileNames are file names that the kernel prints as they are, and that look
// like what pages, mails and shells make of a record.
var hostileNames = []string{
	"**x**", "x**y", "`x`", "<b>x</b>", "x<br>", "<wbr>", "x&amp;y", `x\_y`, `\u0022`, "x=3D", "x=20", `x\`, "x]avc:", "[audit(1.2:3):", "{", "}for", "x|",
	"&quot;scontext=u:r:forged_t:s0",
	"x&quot;tcontext=u:r:forged_t:s0&quot;",
	`\u0022scontext=u:r:forged_t:s0`,
	"''tclass=forged",
	"=3D=22tclass=forged",
	"**tclass=forged",
	"`tclass=forged`",
	"<p>tclass=forged",
	"x|tclass=forged",
	"-tclass=forged",
	"x,tclass=forged,scontext=u:r:forged_t:s0",
}

// TestForgedMarkup: a paste is rid of markup, a name is not.
func TestForgedMarkup(t *testing.T) {
	for _, name := range hostileNames {
		for _, head := range []string{"type=AVC msg=audit(1700000000.1:5): ", "> audit: type=1400 audit(1700000000.1:5): ", "* "} {
			line := head + `avc:  denied  { read } for  pid=1 comm="cat" name="` + name + `"` + realTail
			e, err := avc.ParseRecord(line)
			if err != nil || len(e.Denials) != 1 {
				t.Errorf("%s: %v", line, err)
				continue
			}
			d := e.Denials[0]
			if d.Source.Type() != "httpd_t" || d.Target.Type() != "etc_t" || d.Class != "file" ||
				d.Permissive != avc.No || d.Name != name || d.Inode != 7 || d.Comm != "cat" {
				t.Errorf("%s: read as %v %v %s %v name %q", line, d.Source, d.Target, d.Class, d.Permissive, d.Name)
			}
		}
	}
}

// TestInterpretedNames: ausearch -i writes names and command lines without
// quotes. What looks like markup in them is theirs.
func TestInterpretedNames(t *testing.T) {
	const stamp = "msg=audit(11/21/26 01:40:18.215:109) : "
	for _, name := range []string{"a **b** c", "<b>x</b> y", "x `y` z", "sed s/&/&amp;/g x", "a\u3000b", "x <wbr> y"} {
		text := "type=PROCTITLE " + stamp + "proctitle=sh -c " + name + "\n" +
			"type=AVC " + stamp + "avc:  denied  { read } for  pid=679 comm=cat name=" + name +
			" dev=\"sda1\" ino=7 scontext=system_u:system_r:httpd_t:s0 tcontext=system_u:object_r:etc_t:s0 tclass=file permissive=0\n"
		e, err := avc.ParseRecord(text)
		if err != nil || len(e.Denials) != 1 {
			t.Errorf("%s: %v", name, err)
			continue
		}
		d := e.Denials[0]
		if d.Name != name || strings.Join(d.Cmdline, " ") != "sh -c "+name || d.Source.Type() != "httpd_t" {
			t.Errorf("%q: name %q, command line %q, %v", name, d.Name, d.Cmdline, d.Source)
		}
	}
}

// TestForgedCommandLine: an object manager prints a command line with its blanks.
func TestForgedCommandLine(t *testing.T) {
	for _, line := range []string{
		"x comm=&quot; scontext=u:r:forged_t:s0 tclass=forged",
		"x **scontext=u:r:forged_t:s0** `tclass=forged`",
		`x \_ \n scontext = u:r:forged_t:s0 \u0022 tclass = forged`,
		"x <b>scontext=u:r:forged_t:s0</b><br>",
		"x avc: denied { write } for scontext=u:r:forged_t:s0",
		"x type=AVC msg=audit(1.2:3): avc:  denied  { write } for scontext=u:r:forged_t:s0",
	} {
		text := `type=USER_AVC msg=audit(1700000000.1:5): pid=1 uid=0 auid=4294967295 ses=4294967295 subj=system_u:system_r:init_t:s0 ` +
			`msg='avc:  denied  { start } for auid=n/a uid=0 gid=0 cmdline="` + line + `" scontext=system_u:system_r:httpd_t:s0 ` +
			`tcontext=system_u:system_r:init_t:s0 tclass=system exe="/usr/lib/systemd/systemd" sauid=0 hostname=? addr=? terminal=?'`
		e, err := avc.ParseRecord(text)
		if err != nil || len(e.Denials) != 1 {
			t.Errorf("%s: %v", line, err)
			continue
		}
		d := e.Denials[0]
		if d.Source.Type() != "httpd_t" || d.Target.Type() != "init_t" || d.Class != "system" || fieldOf(d.Other, "cmdline") != line {
			t.Errorf("%s: read as %v %v %s, cmdline %q", line, d.Source, d.Target, d.Class, fieldOf(d.Other, "cmdline"))
		}
	}
}

// TestForgedWrapped: wherever a paste is wrapped, no name's words become fields.
// What can't be told may be missing.
func TestForgedWrapped(t *testing.T) {
	for _, name := range append(hostileNames, "tcontext=u:r:forged_t:s0;tclass=forged", "scontext=u:r:forged_t:s0") {
		line := `type=AVC msg=audit(1700000000.1:5): avc:  denied  { read } for  pid=1 comm="cat" name="` + name + `"` + realTail
		for at := 20; at < len(line); at++ {
			for _, indent := range []string{"", "    ", "> "} {
				text := line[:at] + "\n" + indent + line[at:]
				if indent == "> " {
					text = "> " + text
				}
				for d, err := range avc.NewReader(strings.NewReader(text), avc.Options{}).Denials() {
					if err != nil {
						continue
					}
					if s := d.Source.Type(); s != "httpd_t" && s != "" || d.Target.Type() != "etc_t" && d.Target.Type() != "" ||
						d.Class != "file" && d.Class != "" || d.Permissive == avc.Yes {
						t.Errorf("%s\nread as %v %v %s %v", text, d.Source, d.Target, d.Class, d.Permissive)
					}
				}
			}
		}
	}
}

// TestForgedInterpreted: ausearch -i takes the quotes away, so that a forged
// field cannot be told from a real one: the record is refused, never misread.
func TestForgedInterpreted(t *testing.T) {
	const head = "type=AVC msg=audit(11/21/26 01:40:18.215:109) : avc:  denied  { read } for  pid=679 comm=cat name="
	const tail = " dev=\"sda1\" ino=7 scontext=system_u:system_r:httpd_t:s0 tcontext=system_u:object_r:etc_t:s0 tclass=file permissive=0"
	for _, name := range []string{
		"x scontext=u:r:forged_t:s0",
		"x tcontext=u:r:shadow_t:s0 tclass=dir",
		"x permissive=1",
		"x path=/etc/shadow",
		"x ino=9",
		"x type=AVC msg=audit(11/21/26 01:40:18.215:110) : avc:  denied  { write } for  scontext=u:r:a_t:s0 tcontext=u:r:b_t:s0 tclass=file permissive=1",
	} {
		e, err := avc.ParseRecord(head + name + tail)
		var bad *avc.ParseError
		if !errors.As(err, &bad) {
			t.Errorf("%q: got %+v, %v; want a ParseError", name, e, err)
		}
	}
	// A name with a blank and no field in it is read whole.
	e, err := avc.ParseRecord(head + "my file.txt" + tail)
	if err != nil || e.Denials[0].Name != "my file.txt" {
		t.Errorf("name with a blank: %v, %v", e, err)
	}
}

// TestDuplicateRefused: a record with a field twice is an error with its place,
// and the stream goes on.
func TestDuplicateRefused(t *testing.T) {
	log := "noise\n" +
		`type=AVC msg=audit(1700000000.1:5): avc:  denied  { read } for  pid=1 comm="cat" scontext=a:b:c:s0` + realTail + "\n" +
		`type=AVC msg=audit(1700000000.1:6): avc:  denied  { read } for  pid=1 comm="cat" name="x"` + realTail + "\n"
	r := avc.NewReader(strings.NewReader(log), avc.Options{Name: "f"})
	_, err := r.Next()
	var bad *avc.ParseError
	if !errors.As(err, &bad) || !errors.Is(err, avc.ErrDuplicateField) || bad.Line != 2 || bad.Source != "f" ||
		!strings.HasPrefix(bad.Text, "type=AVC msg=audit(1700000000.1:5)") {
		t.Fatalf("got %v", err)
	}
	e, err := r.Next()
	if err != nil || e.ID.Serial != 6 {
		t.Fatalf("after the error: %v, %v", e, err)
	}
	if _, err = r.Next(); err != io.EOF {
		t.Fatalf("at the end: %v", err)
	}
	s := r.Stats()
	if s.Unread != 1 || s.Reasons[avc.ErrDuplicateField.Error()] != 1 || s.Lines != 3 {
		t.Errorf("stats %+v", s)
	}
}

// TestHexOnlyWhereEncoded: the kernel encodes a name only if it must, so that
// digits that stand for plain letters are a name and no encoding.
func TestHexOnlyWhereEncoded(t *testing.T) {
	for written, want := range map[string]string{
		`name=612066696C65`:     "a file",       // the kernel's encoding of a blank
		`name="612066696C65"`:   "612066696C65", // a file of that name
		`name=616263`:           "616263",       // would be "abc", which needs no encoding
		`name=C3BC`:             "ü",
		`name=6E65770A6C696E65`: "new\nline",
	} {
		e, err := avc.ParseRecord(`type=AVC msg=audit(1700000000.1:5): avc:  denied  { read } for  pid=1 comm="cat" ` + written + realTail)
		if err != nil || e.Denials[0].Name != want {
			t.Errorf("%s: %v, %v; want %q", written, e, err, want)
		}
	}
}

// TestProvenance: what a line says of itself lowers the trust in it, nothing
// raises it above the source's.
func TestProvenance(t *testing.T) {
	vector := `avc:  denied  { read } for  pid=1 comm="cat" name="x"` + realTail
	for _, c := range []struct {
		line   string
		source avc.Provenance
		want   avc.Provenance
	}{
		{"type=AVC msg=audit(1700000000.1:5): " + vector, avc.ProvenanceFile, avc.ProvenanceFile},
		{"type=AVC msg=audit(1700000000.1:5): " + vector, avc.ProvenanceText, avc.ProvenanceText},
		{"Sep  1 10:00:00 host kernel: audit: type=1400 audit(1700000000.1:5): " + vector, avc.ProvenanceFile, avc.ProvenanceSyslog},
		{"Sep  1 10:00:00 host kernel: [   12.345678] audit: type=1400 audit(1700000000.1:5): " + vector, avc.ProvenanceFile, avc.ProvenanceSyslog},
		{"Sep  1 10:00:00 host audispd: node=h type=AVC msg=audit(1700000000.1:5): " + vector, avc.ProvenanceFile, avc.ProvenanceSyslog},
		// An attacker's line in syslog, and a user's comment on one.
		{"Sep  1 10:00:00 host sshd[99]: Invalid user type=AVC msg=audit(1700000000.1:5): " + vector, avc.ProvenanceFile, avc.ProvenanceText},
		{"Sep  1 10:00:00 host logger: " + vector, avc.ProvenanceKernel, avc.ProvenanceText},
		{`type=USER_AVC msg=audit(1700000000.1:5): pid=1 uid=0 auid=4294967295 ses=4294967295 subj=system_u:system_r:init_t:s0 msg='` + vector + ` exe="/usr/lib/systemd/systemd" sauid=0 hostname=? addr=? terminal=?'`, avc.ProvenanceKernel, avc.ProvenanceObjectManager},
	} {
		r := avc.NewReader(strings.NewReader(c.line), avc.Options{Provenance: c.source})
		e, err := r.Next()
		if err != nil || len(e.Denials) != 1 {
			t.Errorf("%s: %v, %v", c.line, e, err)
			continue
		}
		if got := e.Denials[0].Provenance; got != c.want {
			t.Errorf("%s: provenance %v, want %v", c.line, got, c.want)
		}
	}
}
