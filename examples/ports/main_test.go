package main

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/sekit/sekit/internal/demo"
	"github.com/sekit/sekit/internal/managed/managedtest"
)

func TestRun(t *testing.T) {
	for name, tt := range map[string]struct {
		o    options
		port string
		want []string
	}{
		"who":   {options{}, "5601", []string{"tcp 5601 is unreserved_port_t (policy record 1024-32767)", "may bind: ", "may connect: "}},
		"types": {options{domain: "httpd_t"}, "1", []string{"httpd_t may bind: ", "http_port_t"}},
		"plan": {options{typ: "http_port_t"}, "5601", []string{
			"add port tcp 5601 as http_port_t\n", "may then bind: ", "dry run: -apply makes it so, as does: semanage port -a -t http_port_t -p tcp 5601\n"}},
		"apply":   {options{typ: "http_port_t", apply: true}, "5601", []string{"done\nundo with: semanage port -d -p tcp 5601\n"}},
		"nothing": {options{typ: "http_port_t"}, "443", []string{"it is so already\n"}},
	} {
		var b strings.Builder
		tt.o.protocol = "tcp"
		if err := run(t.Context(), tt.o, []string{tt.port}, &b); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		for _, want := range tt.want {
			if !strings.Contains(b.String(), want) {
				t.Errorf("%s: no %q in\n%s", name, want, b.String())
			}
		}
	}
	for _, bad := range []struct {
		o    options
		port string
	}{
		{options{protocol: "icmp"}, "5601"}, {options{protocol: "tcp"}, "0"}, {options{protocol: "tcp"}, "65536"}, {options{protocol: "tcp"}, "x"},
		{options{protocol: "tcp", typ: "bin_t"}, "5601"}, {options{protocol: "tcp", domain: "no_such_t"}, "5601"},
		{options{protocol: "tcp", root: "testdata/none"}, "5601"},
	} {
		if err := run(t.Context(), bad.o, []string{bad.port}, new(strings.Builder)); err == nil {
			t.Errorf("%+v %s: no error", bad.o, bad.port)
		}
	}
}

// What is applied to an image is there the next time, until it is undone.
func TestImage(t *testing.T) {
	if managedtest.ReadOnly() {
		t.Skip("stores can't be written here")
	}
	o := options{root: managedtest.Root(t, demo.Policy()), protocol: "tcp", state: filepath.Join(t.TempDir(), "state")}
	step := func(o options, want string) {
		t.Helper()
		var b strings.Builder
		if err := run(t.Context(), o, []string{"5601"}, &b); err != nil || !strings.Contains(b.String(), want) {
			t.Errorf("%v, no %q in\n%s", err, want, b.String())
		}
	}
	set, undo := o, o
	set.typ, set.apply = "http_port_t", true
	undo.delete, undo.apply = true, true
	step(o, "unreserved_port_t")
	step(set, "done")
	step(o, "http_port_t (local record 5601)")
	step(set, "already")
	step(undo, "done\nundo with: semanage port -a -t http_port_t -p tcp 5601\n")
	step(o, "unreserved_port_t")
	step(undo, "already")
}
