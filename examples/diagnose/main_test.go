package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode"

	"github.com/sekit/sekit/internal/demo"
)

// diagnose runs the program.
func diagnose(t *testing.T, stdin string, args ...string) (stdout, stderr string, err error) {
	t.Helper()
	var out, errs bytes.Buffer
	err = run(args, strings.NewReader(stdin), &out, &errs)
	return out.String(), errs.String(), err
}

// demoFiles writes the embedded policy, contexts and port records to files, as
// a host has them below a root.
func demoFiles(t *testing.T) (root string) {
	t.Helper()
	root = t.TempDir()
	write := func(name string, data []byte) {
		file := filepath.Join(root, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("etc/selinux/config", []byte("SELINUX=enforcing\nSELINUXTYPE=demo\n"))
	write("etc/selinux/demo/policy/policy.33", demo.Policy())
	write("var/lib/selinux/demo/active/ports.local", demo.PortsLocal())
	contexts := demo.Contexts()
	err := fs.WalkDir(contexts, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := fs.ReadFile(contexts, name)
		if err == nil {
			write("etc/selinux/demo/contexts/files/"+name, data)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return root
}

func fileFlags(root string) []string {
	etc := filepath.Join(root, "etc", "selinux", "demo")
	return []string{"-policy", filepath.Join(etc, "policy", "policy.33"), "-contexts", filepath.Join(etc, "contexts", "files"),
		"-ports", filepath.Join(root, "var", "lib", "selinux", "demo", "active", "ports.local")}
}

// README.md shows the first and the last of what it prints.
func TestReadme(t *testing.T) {
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, sample, _ := strings.Cut(strings.ReplaceAll(string(readme), "\r\n", "\n"), "```\nDENIED ")
	sample, _, ok := strings.Cut("DENIED "+sample, "```\n")
	first, last, cut := strings.Cut(sample, "…\n\n")
	out, _, err := diagnose(t, "")
	if !ok || !cut || err != nil || !strings.HasPrefix(out, first) || !strings.HasSuffix(out, last) {
		t.Errorf("the sample is not what the program prints (%v):\n%s", err, sample)
	}
}

// Without arguments it tells the stories of internal/demo/README.md.
func TestEmbedded(t *testing.T) {
	out, stderr, err := diagnose(t, "")
	if err != nil || stderr != "" {
		t.Fatalf("%v, %q", err, stderr)
	}
	for _, want := range []string{
		"DENIED write on /var/www/demo/out  (nginx) 3 times",
		"$ semanage fcontext -a -f s -t httpd_sys_rw_content_t /var/www/demo/out",
		"plan: fcontext /var/www/demo/out (socket): none -> httpd_sys_rw_content_t",
		"plan: context of /var/www/demo/out: var_t -> httpd_sys_rw_content_t",
		"plan: port tcp 5601: unreserved_port_t (policy, 1024-32767) -> http_port_t",
		"plan: boolean httpd_can_network_connect_db: off -> on",
		"$ semanage port -a -t http_port_t -p tcp 5601",
		"$ setsebool -P httpd_can_network_connect_db=on",
		"(allow user_t httpd_unit_file_t (service (start)))", // of the module's text
		"$ restorecon -v '/srv/files/price list.html'",
		"fix   none that is proven and can be recommended",
		"apparmor record: not SELinux",
		"nothing was left unread",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("not in the output: %s", want)
		}
	}
	if strings.Contains(out, "\x1b") {
		t.Error("colour, though the output is no terminal")
	}
}

// The same by every way to name the input.
func TestInputs(t *testing.T) {
	root := demoFiles(t)
	log := filepath.Join(root, "audit.log")
	if err := os.WriteFile(log, demo.AuditLog(), 0o644); err != nil {
		t.Fatal(err)
	}
	want, _, err := diagnose(t, "")
	if err != nil {
		t.Fatal(err)
	}
	// Messages name file_contexts by their base name, so that all are the same.
	for name, args := range map[string][]string{
		"files": append(fileFlags(root), log),
		"root":  {"-root", root, log},
	} {
		got, stderr, err := diagnose(t, "", args...)
		if err != nil || stderr != "" || got != want {
			t.Errorf("%s: %v %q: not the output for the embedded files", name, err, stderr)
		}
	}
	// What comes by standard input may be anybody's: each denial is marked.
	got, _, err := diagnose(t, string(demo.AuditLog()), append(fileFlags(root), "-")...)
	if err != nil || !strings.Contains(got, "the record comes from text") {
		t.Errorf("standard input: %v, or nothing is said of where the text is from", err)
	}
}

func TestJSON(t *testing.T) {
	for _, args := range [][]string{{"-json"}, {"-o", "json"}} {
		out, _, err := diagnose(t, "", args...)
		if err != nil {
			t.Fatal(err)
		}
		var report struct {
			Findings []struct {
				Status string
				Denial struct{ ID struct{ Serial int } }
				Why    []string
				Fixes  []struct {
					Kind     string
					Commands [][]string
					Exposure struct{ Tuples int }
				}
			}
			Failures, Foreign []json.RawMessage
			Denials           int
		}
		if err := json.Unmarshal([]byte(out), &report); err != nil {
			t.Fatal(err)
		}
		// README.md has three SELINUX_ERR records and one of AppArmor.
		if len(report.Findings) == 0 || len(report.Failures) != 3 || len(report.Foreign) != 1 {
			t.Fatalf("%d findings, %d failures, %d foreign", len(report.Findings), len(report.Failures), len(report.Foreign))
		}
		f := report.Findings[0]
		if f.Status != "open" || f.Denial.ID.Serial != 409 || len(f.Why) == 0 || len(f.Fixes) == 0 ||
			f.Fixes[0].Kind != "context" || f.Fixes[0].Commands[0][0] != "semanage" {
			t.Errorf("the first finding: %+v", f)
		}
	}
}

// The module holds what nothing else cures, and no rule that a better fix
// makes unnecessary.
func TestModule(t *testing.T) {
	out, _, err := diagnose(t, "", "-o", "te")
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"module local 1.0;", "allow user_t httpd_unit_file_t:service start;", "dontaudit iptables_t fail2ban_log_t:file append;"} {
		if !strings.Contains(out, want) {
			t.Errorf("not in the module: %s\n%s", want, out)
		}
	}
	for _, never := range []string{"default_t", "var_t:", "dac_override", "haproxy_t"} {
		if strings.Contains(out, never) {
			t.Errorf("in the module: %s\n%s", never, out)
		}
	}
	out, _, err = diagnose(t, "no denial here\n", append(fileFlags(demoFiles(t)), "-o", "te", "-")...)
	if err != nil || out != "# no module is needed\n" {
		t.Errorf("without denials: %q, %v", out, err)
	}
}

func TestErrors(t *testing.T) {
	root := demoFiles(t)
	missing := filepath.Join(root, "nothing")
	damaged := filepath.Join(root, "damaged")
	if err := os.WriteFile(damaged, demo.Policy()[:4000], 0o644); err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		args []string
		want error
		text string
	}{
		"no log":      {append(fileFlags(root), missing), fs.ErrNotExist, ""},
		"no policy":   {[]string{"-policy", missing, "-"}, fs.ErrNotExist, ""},
		"no contexts": {[]string{"-policy", fileFlags(root)[1], "-contexts", missing, "-"}, fs.ErrNotExist, ""},
		"no ports":    {[]string{"-policy", fileFlags(root)[1], "-ports", missing, "-"}, fs.ErrNotExist, ""},
		"no root":     {[]string{"-root", missing, "-"}, fs.ErrNotExist, ""},
		"damaged":     {[]string{"-policy", damaged, "-"}, nil, "damaged"},
		"two logs":    {[]string{"a", "b"}, nil, "one log at a time"},
		"output":      {[]string{"-o", "xml"}, nil, "xml"},
		"flag":        {[]string{"-nothing"}, flag.ErrHelp, ""},
	} {
		out, _, err := diagnose(t, "", tt.args...)
		switch {
		case err == nil, tt.want != nil && !errors.Is(err, tt.want), !strings.Contains(err.Error(), tt.text):
			t.Errorf("%s: %v, want %v %s", name, err, tt.want, tt.text)
		case out != "":
			t.Errorf("%s: output beside the error: %q", name, out)
		}
	}
}

// Nothing from a log makes a terminal do something, or looks like a line of
// the program's own.
func TestHostileOutput(t *testing.T) {
	files := fileFlags(demoFiles(t))
	for _, name := range []string{
		"\x1b[31mred", "\x1b]0;title\x07", "new\n     fix 1   setenforce 0", "\r over", "\u202egnp.exe", "\u2028line", "\x9b31m", "a\tb", "\x00nul", "\x7f\b\b",
	} {
		for _, where := range []string{"path=%s comm=\"x\"", "name=%s comm=\"x\"", "comm=%s path=\"/data/x\"", "comm=\"x\" path=\"/data/x\" dev=%s"} {
			field := fmt.Sprintf(where, fmt.Sprintf("%X", "/data/"+name))
			log := "type=AVC msg=audit(1772618431.733:1): avc:  denied  { read } for  pid=1 " + field +
				" ino=7 scontext=system_u:system_r:httpd_t:s0 tcontext=system_u:object_r:default_t:s0 tclass=file permissive=0\n" +
				"type=SELINUX_ERR msg=audit(1772618431.733:2): op=setxattr invalid_context=" + fmt.Sprintf("%X", name) + "\n" +
				"type=AVC msg=audit(1772618431.733:3): apparmor=\"DENIED\" operation=\"open\" name=" + name + "\n"
			out, stderr, err := diagnose(t, log, append(files, "-")...)
			if err != nil {
				t.Errorf("%q: %v", name, err)
			}
			for _, r := range out + stderr {
				if r != '\n' && !unicode.IsPrint(r) {
					t.Errorf("%q in %s: prints %q", name, where, r)
					break
				}
			}
			for line := range strings.Lines(out) {
				if strings.HasPrefix(strings.TrimSpace(line), "fix 1   setenforce") {
					t.Errorf("%q makes a line of its own: %q", name, line)
				}
			}
		}
	}
}

// A log that cannot be read to its end is an error, or is said to be so.
func TestBrokenInput(t *testing.T) {
	var out, errs bytes.Buffer
	broken := io.MultiReader(bytes.NewReader(demo.AuditLog()), errReader{})
	err := run(append(fileFlags(demoFiles(t)), "-"), broken, &out, &errs)
	if !strings.Contains(out.String()+errs.String()+fmt.Sprint(err), errBroken.Error()) {
		t.Error("the error of the input is lost")
	}
	if !strings.Contains(out.String(), "could not be read") {
		t.Error("what was read before is lost, or is said to be all")
	}
}

var errBroken = errors.New("the disk is on fire")

type errReader struct{}

func (errReader) Read([]byte) (int, error) { return 0, errBroken }
