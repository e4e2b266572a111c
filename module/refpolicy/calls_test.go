package refpolicy_test

import (
	"strings"
	"sync"
	"testing"
	"testing/fstest"

	"github.com/sekit/sekit/module/refpolicy"
)

// TestWaiting holds headers whose interfaces wait until they are called against
// the same ones read at once, as their Makefile does.
func TestWaiting(t *testing.T) {
	for name, text := range map[string]string{
		"plain":            "# It's `quoted\ninterface(`a',`\nallow $1 self:file ifelse(`$2',`',`x',`$2');\n')\n\n\ttemplate(`b',`a($*)') \ninterface(`c',\n\t`b(c_t,``y'')')",
		"empty":            "",
		"comment":          "# no end",
		"nothing":          "interface(`a',`')\n",
		"on one line":      "interface(`a',`x $1')interface(`b',`a(b)')\n",
		"text after":       "interface(`a',`x $1') # more\n",
		"white space":      "interface( `a', `x $1' )\n",
		"third argument":   "interface(`a',`x $1',`y')\n",
		"text before":      "x interface(`a',`x $1')\n",
		"definition":       "define(`helper',`helped by $1')\ninterface(`a',`helper($1)')\n",
		"condition":        "ifdef(`distro_debian',`interface(`a',`x')')\nifdef(`interface',`interface(`b',`y')')\n",
		"own definition":   "interface(`a',`define(`seen',`$1')')\ninterface(`b',`a(x) seen')\n",
		"calls later":      "interface(`a',`b($1)')\ninterface(`b',`x $1')\n",
		"name with a sign": "interface(`a-b',`x')\n",
		"name by macro":    "interface(`rw_perms',`x')\n",
		"builtin":          "interface(`define',`x')\n",
		"interface":        "interface(`interface',`x')\n",
		"twice":            "interface(`a',`x')\ninterface(`b',`y')\ninterface(`a',`z')\n",
		"elsewhere":        "interface(`logs_read',`x')\n",
		"half elsewhere":   "x\ninterface(`logs_read',`x')\n",
		"open quotes":      "interface(`a',`x `y')\n",
		"closed quotes":    "interface(`a',`x')y')\n",
		"stars":            "interface(`a',`dollarsstar $* $@ $#')\ninterface(`b',`a($*)')\n",
		"place":            "\ninterface(`a',`__line__')\n",
		"command":          "interface(`a',`syscmd(x)')\n",
		"nul":              "interface(`a\x00',`x\x00')\ninterface(`b',`x\x00')\n",
	} {
		fsys := headers()
		fsys["users/x.if"] = &fstest.MapFile{Data: []byte(text)}
		h, err := refpolicy.Open(fsys)
		atOnce, want := refpolicy.OpenAtOnce(fsys)
		if (err == nil) != (want == nil) || err != nil && err.Error() != want.Error() {
			t.Errorf("%s: %v, want %v", name, err, want)
		}
		if err != nil || want != nil {
			continue
		}
		for _, call := range []string{"a", "a(x_t)", "a(x_t, `y, z')", "b(x_t)", "a(b(x_t))", "c", "define(`a',`own')a", "ifdef(`a',`a(1)')", "logs_read(x_t)", "rw_perms"} {
			for _, own := range []string{"", "interface(`d',`a($1)')", "interface(`a',`x')"} {
				src := refpolicy.Source{Name: "x", TE: call + "\nd(y_t)\n", IF: own}
				got, err := h.Module(src)
				m, want := atOnce.Module(src)
				if (err == nil) != (want == nil) || err != nil && err.Error() != want.Error() {
					t.Errorf("%s: %s%s: %v, want %v", name, own, call, err, want)
				} else if err == nil && (got.TE != m.TE || strings.Join(got.Warnings, "\n") != strings.Join(m.Warnings, "\n")) {
					t.Errorf("%s: %s%s:\n%q %q, want\n%q %q", name, own, call, got.TE, got.Warnings, m.TE, m.Warnings)
				}
			}
		}
	}
}

// Headers whose interface does something else than define a name are read at
// once.
func TestWaitingOther(t *testing.T) {
	for name, define := range map[string]string{
		"counts":     "define(`n',0)define(`interface',`define(`n',incr(n))define(`$1',`n')`define(`$1',`'n $2')')",
		"defines":    "define(`interface',``define(`$1',`$2')define(`$1_again',`$2')'')",
		"says":       "define(`interface',`errprint(`$1')`define(`$1',`$2')'')",
		"diverts":    "define(`interface',``define(`$1',`$2')'divert(-1)')",
		"diverts 2":  "define(`interface',``define(`$1',`$2')divert'')",
		"nothing":    "define(`interface',`')",
		"no such":    "",
		"both sides": "define(`interface',`define(`$1',`first')`define(`$1',`$2')'')",
	} {
		fsys := headers()
		fsys["support/b.spt"] = &fstest.MapFile{Data: []byte(define)}
		fsys["users/x.if"] = &fstest.MapFile{Data: []byte("interface(`a',`x $1')\ninterface(`b',`a($1)')\n")}
		h, err := refpolicy.Open(fsys)
		atOnce, want := refpolicy.OpenAtOnce(fsys)
		if err != nil || want != nil {
			t.Fatalf("%s: %v, %v", name, err, want)
		}
		src := refpolicy.Source{Name: "x", TE: "a(x) b(y) a_again logs_read(z)\n"}
		got, err1 := h.Module(src)
		m, err2 := atOnce.Module(src)
		if err1 != nil || err2 != nil || got.TE != m.TE {
			t.Errorf("%s: %+v %v, want %+v %v", name, got, err1, m, err2)
		}
	}
}

// TestWaitingShared has several modules ask for the same interfaces at a time.
func TestWaitingShared(t *testing.T) {
	h := open(t)
	src := refpolicy.Source{Name: "x", TE: "daemon_domain(x)\nlogs_old(x_t)\n", IF: "interface(`x_own',`logs_read($1)')\n"}
	want, err := open(t).Module(src)
	if err != nil {
		t.Fatal(err)
	}
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			if got, err := h.Module(src); err != nil || got.TE != want.TE {
				t.Errorf("%+v, %v, want %+v", got, err, want)
			}
			if all := h.Interfaces(); len(all) != 3 {
				t.Errorf("%d interfaces", len(all))
			}
		})
	}
	group.Wait()
}
