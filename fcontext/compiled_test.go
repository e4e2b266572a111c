package fcontext

import (
	"cmp"
	"errors"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

// sameSpecs compares what two databases hold, without file and line.
func sameSpecs(a, b *DB) bool {
	list := func(db *DB) []Spec {
		var specs []Spec
		for s := range db.Specs() {
			s.File, s.Line = "", 0
			specs = append(specs, s)
		}
		slices.SortStableFunc(specs, func(a, b Spec) int {
			return cmp.Or(cmp.Compare(a.Pattern, b.Pattern), cmp.Compare(a.Kind, b.Kind))
		})
		return specs
	}
	return slices.Equal(list(a), list(b))
}

func TestCompiled(t *testing.T) {
	text, err := os.ReadFile("testdata/compiled/file_contexts")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"list.bin", "tree.bin"} {
		data, err := os.ReadFile("testdata/compiled/" + name)
		if err != nil {
			t.Fatal(err)
		}
		for _, order := range []Order{OrderNewest, Order38, Order34} {
			want, err := Parse(Files{Contexts: strings.NewReader(string(text))}, Options{Order: order})
			if err != nil {
				t.Fatal(err)
			}
			db, err := OpenFS(fstest.MapFS{"file_contexts.bin": {Data: data}}, ".", Options{Order: order})
			if err != nil {
				t.Fatal(err)
			}
			if !sameSpecs(db, want) {
				t.Errorf("%s: other specs than the text", name)
			}
			checkTypes(t, db, []question{
				{"/x", File, "default_t"}, {"/run/x", File, noneContext}, {"/run/wsgi.1", Socket, "httpd_var_run_t"},
				{"/etc/hosts.allow", File, "net_conf_t"}, {"/etc/a", Dir, "etc_t"}, {"/etc/a", Symlink, "bin_t"},
				{"/dev/tty1", CharDevice, "tty_device_t"}, {"/dev/tty1", BlockDevice, "fixed_disk_device_t"},
				{"/var/fifo", Pipe, "var_t"}, {"/var/www/html/cgi-bin/x", File, "httpd_sys_script_exec_t"},
			})
		}
	}
}

// TestDamagedCompiled cuts and alters every byte: there is an error, or specs,
// and never more.
func TestDamagedCompiled(t *testing.T) {
	for _, name := range []string{"list.bin", "tree.bin"} {
		data, err := os.ReadFile("testdata/compiled/" + name)
		if err != nil {
			t.Fatal(err)
		}
		for n := 4; n < len(data); n++ {
			db, err := Parse(Files{Contexts: strings.NewReader(string(data[:n]))}, Options{})
			var pe *ParseError
			if !errors.Is(err, ErrCompiled) || !errors.As(err, &pe) || db != nil {
				t.Fatalf("%s cut at %d: %v", name, n, err)
			}
		}
		for n := range data {
			for _, x := range []byte{0x01, 0x80, 0xff} {
				bad := slices.Clone(data)
				bad[n] ^= x
				if db, err := Parse(Files{Contexts: strings.NewReader(string(bad))}, Options{}); err == nil {
					db.Lookup("/var/www/x", File)
				}
			}
		}
	}
}
