//go:build oracle

package refpolicy_test

import (
	"encoding/xml"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/sekit/sekit/internal/oracle"
	"github.com/sekit/sekit/module/refpolicy"
)

const (
	devel   = "/usr/share/selinux/devel"
	include = devel + "/include"
	sources = "/usr/src/selinux-policy-src.tar.zst"
)

func debian(t testing.TB) *refpolicy.Headers {
	t.Helper()
	oracle.Require(t, "m4", "make", devel+"/Makefile", include+"/support")
	h, err := refpolicy.Open(os.DirFS(include))
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// m4 is real m4 at work as the headers' Makefile has it.
type m4 struct {
	args       []string // options and support files
	interfaces string   // tmp/all_interfaces.conf
}

// newM4 has the Makefile build an empty module, for the definitions of all
// interfaces and for the options that it gives m4.
func newM4(t testing.TB) m4 {
	t.Helper()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "nothing.te"), []byte("policy_module(nothing, 1.0)\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	log := oracle.Output(t, "make", "-C", dir, "-f", devel+"/Makefile", "QUIET=n", "nothing.pp")
	m := m4{interfaces: filepath.Join(dir, "tmp", "all_interfaces.conf")}
	for line := range strings.Lines(log) {
		words := strings.Fields(line)
		if i := slices.Index(words, "-s"); i > 0 && words[0] == "m4" {
			m.args = slices.Clone(words[1:i])
		}
	}
	if len(m.args) == 0 {
		t.Fatalf("no call of m4 in %s", log)
	}
	support, err := filepath.Glob(include + "/support/*.spt")
	if err != nil {
		t.Fatal(err)
	}
	m.args = append(m.args, support...)
	return m
}

// expand expands texts, each after a line with its number, in one run.
func (m m4) expand(t testing.TB, interfaces bool, texts []string) []string {
	t.Helper()
	dir := t.TempDir()
	args := slices.Clone(m.args)
	if interfaces {
		args = append(args, m.interfaces)
	}
	for i, text := range texts {
		name := filepath.Join(dir, fmt.Sprint(i))
		// A comment that no end of line ends is an error to m4.
		if err := os.WriteFile(name, []byte(fmt.Sprintf("\n@@%d@@\n%s\n", i, text)), 0o600); err != nil {
			t.Fatal(err)
		}
		args = append(args, name)
	}
	out := make([]string, len(texts))
	parts := regexp.MustCompile(`(?m)^@@\d+@@$`).Split(oracle.Output(t, "m4", args...), -1)
	if len(parts) != len(texts)+1 {
		t.Fatalf("m4 wrote %d of %d texts", len(parts)-1, len(texts))
	}
	copy(out, parts[1:])
	return out
}

// tokens cuts text into words and signs, comments left out.
func tokens(text string) []string {
	var out []string
	for line := range strings.Lines(text) {
		line, _, _ = strings.Cut(line, "#")
		out = append(out, strings.Fields(line)...)
	}
	return out
}

// same compares token streams and says where they part.
func same(t testing.TB, what, ours, theirs string) bool {
	t.Helper()
	a, b := tokens(ours), tokens(theirs)
	if slices.Equal(a, b) {
		return true
	}
	i := 0
	for i < len(a) && i < len(b) && a[i] == b[i] {
		i++
	}
	around := func(s []string) string { return strings.Join(s[max(0, i-5):min(len(s), i+10)], " ") }
	t.Errorf("%s, token %d:\nours   %s\nm4's   %s", what, i, around(a), around(b))
	return false
}

// TestOracleInterfaces expands every interface and template of Debian's headers
// as m4 does.
func TestOracleInterfaces(t *testing.T) {
	h := debian(t)
	real := newM4(t)
	// More arguments than any interface takes.
	args := []string{"one_t", "two_t", "three_t", "four_t", "five_t", "six_t", "seven_t", "eight_t"}
	var calls []string
	all := h.Interfaces()
	for _, i := range all {
		calls = append(calls, i.Name+"("+strings.Join(args, ",")+")")
	}
	different, size := 0, 0
	for n, theirs := range real.expand(t, true, calls) {
		ours, err := h.Expand(all[n].Name, args...)
		if err != nil || !same(t, all[n].Name, ours, theirs) {
			t.Error(all[n].Name, err)
			different++
		}
		size += len(tokens(ours))
	}
	if size < 20*len(all) {
		t.Errorf("only %d tokens in all", size)
	}
	oracle.Report(t, "refpolicy-interfaces", len(all), different)
}

// debianModules returns the modules of Debian's policy source, but for those
// that its build makes from other files.
func debianModules(t testing.TB) []refpolicy.Source {
	t.Helper()
	oracle.Require(t, "tar", "zstd", sources)
	dir := t.TempDir()
	oracle.Output(t, "tar", "-C", dir, "-xf", sources)
	files, err := filepath.Glob(dir + "/*/policy/modules/*/*.te")
	if err != nil {
		t.Fatal(err)
	}
	var out []refpolicy.Source
	for _, te := range files {
		fc := strings.TrimSuffix(te, ".te") + ".fc"
		text, err1 := os.ReadFile(te)
		contexts, err2 := os.ReadFile(fc)
		if err1 != nil || err2 != nil {
			t.Fatal(err1, err2)
		}
		out = append(out, refpolicy.Source{Name: strings.TrimSuffix(filepath.Base(te), ".te"), TE: string(text), FC: string(contexts)})
	}
	return out
}

// TestOracleModules expands all modules of Debian's policy source as m4 does.
func TestOracleModules(t *testing.T) {
	h := debian(t)
	modules := debianModules(t)
	real := newM4(t)
	var te, fc []string
	for _, m := range modules {
		te, fc = append(te, m.TE), append(fc, m.FC)
	}
	theirTE, theirFC := real.expand(t, true, te), real.expand(t, false, fc)
	teDifferent, fcDifferent := 0, 0
	for i, m := range modules {
		ours, err := h.Module(m)
		if err != nil {
			t.Errorf("%s: %v", m.Name, err)
			teDifferent++
			continue
		}
		if !same(t, m.Name+".te", ours.TE, theirTE[i]) {
			teDifferent++
		}
		if !same(t, m.Name+".fc", ours.FileContexts, theirFC[i]) {
			fcDifferent++
		}
	}
	oracle.Report(t, "refpolicy-te", len(modules), teDifferent)
	oracle.Report(t, "refpolicy-fc", len(modules), fcDifferent)
}

// TestOracleDocuments reads the documents that the headers' build has taken out
// of the interface files.
func TestOracleDocuments(t *testing.T) {
	h := debian(t)
	type iface struct {
		Name    string `xml:"name,attr"`
		Line    int    `xml:"lineno,attr"`
		Summary string `xml:"summary"`
		Param   []struct {
			Name     string `xml:"name,attr"`
			Optional string `xml:"optional,attr"`
			Summary  string `xml:"summary"`
		} `xml:"param"`
		Flow struct {
			Type   string `xml:"type,attr"`
			Weight int    `xml:"weight,attr"`
		} `xml:"infoflow"`
		template bool
		where    string
	}
	want := make(map[string]iface)
	layers, err := filepath.Glob(include + "/*.xml")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range layers {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		var layer struct {
			Modules []struct {
				Name       string  `xml:"name,attr"`
				Interfaces []iface `xml:"interface"`
				Templates  []iface `xml:"template"`
			} `xml:"module"`
		}
		if err := xml.Unmarshal([]byte("<layer>"+string(data)+"</layer>"), &layer); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for _, m := range layer.Modules {
			for _, i := range m.Templates {
				i.template = true
				m.Interfaces = append(m.Interfaces, i)
			}
			for _, i := range m.Interfaces {
				i.where = strings.TrimSuffix(filepath.Base(name), ".xml") + " " + m.Name
				want[i.Name] = i
			}
		}
	}
	line := func(s string) string { return strings.Join(strings.Fields(s), " ") }
	different := 0
	all := h.Interfaces()
	for _, got := range all {
		w, ok := want[got.Name]
		equal := ok && got.Template == w.template && got.Layer+" "+got.Module == w.where && got.Summary == line(w.Summary) &&
			got.InfoFlow == w.Flow.Type && got.InfoFlowWeight == w.Flow.Weight && len(got.Parameters) == len(w.Param)
		for i := 0; equal && i < len(w.Param); i++ {
			p := got.Parameters[i]
			equal = p.Name == w.Param[i].Name && p.Summary == line(w.Param[i].Summary) && p.Optional == (w.Param[i].Optional == "true")
		}
		if !equal {
			different++
			t.Errorf("got %+v\nwant %+v", got, w)
		}
	}
	if len(all) != len(want) {
		different++
		t.Errorf("%d interfaces, the documents have %d", len(all), len(want))
	}
	oracle.Report(t, "refpolicy-documents", len(all), different)
}
