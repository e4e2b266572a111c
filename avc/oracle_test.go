//go:build oracle

package avc_test

import (
	"bufio"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/sekit/sekit/avc"
	"github.com/sekit/sekit/internal/oracle"
)

// shared finds a path in the folder of shared test material.
func shared(t testing.TB, elem ...string) string {
	root := os.Getenv("SEKIT_SHARED")
	if root == "" {
		root = filepath.Join("..", "..", "shared")
	}
	p, err := filepath.Abs(filepath.Join(append([]string{root}, elem...)...))
	if err != nil {
		t.Fatal(err)
	}
	oracle.Require(t, p)
	return p
}

// published is one block of the corpus of published records, with what a
// careful reader takes from it.
type published struct {
	ID, Form, Kind              string
	Perms, Stype, Ttype, Tclass string
	Comm, Text                  string
}

// corpusWrong lists the blocks whose expectation is wrong, and why.
var corpusWrong = map[string]string{
	"R00179": "the fields stand before avc: and belong to a record whose head is missing",
	"R01191": "tcontext is broken over two lines (t|context=) and was missed",
	"R01219": "tclass is broken over two lines (s|ystem); s is no class",
	"R01405": "tclass is broken over two lines (tc|lass=); the class given is a later record's",
	"R02015": "the thread's name is rs:main Q:Reg, as the SYSCALL record has it too",
	"R02580": "the target context is damaged (sy tem_u:…); sy is no type",
	"R02612": "tcontext is broken over two lines (syst|em_u:…); syst is no type",
	"R03838": "the target context is cut (system_u:s); that is no type",
	"R03899": "type=AVC [...] trawcon=… has no access vector: there is nothing to read",
}

func TestOracleCorpus(t *testing.T) {
	f, err := os.Open(shared(t, "corpus", "avc", "records.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	in := bufio.NewScanner(f)
	in.Buffer(nil, 1<<22)
	compared, different := 0, 0
	for in.Scan() {
		var want published
		if err := json.Unmarshal(in.Bytes(), &want); err != nil {
			t.Fatal(err)
		}
		compared++
		got, problem := readPublished(want.Text)
		want.Comm = plainComm(want.Comm)
		bad := problem
		switch {
		case bad != "":
		case got.Perms != want.Perms:
			bad = "permissions " + got.Perms
		case got.Stype != want.Stype:
			bad = "source type " + got.Stype
		case got.Ttype != want.Ttype:
			bad = "target type " + got.Ttype
		case got.Tclass != want.Tclass:
			bad = "class " + got.Tclass
		case got.Comm != want.Comm && want.Comm != "":
			bad = "comm " + got.Comm
		}
		_, known := corpusWrong[want.ID]
		switch {
		case bad == "" && known:
			t.Errorf("%s is listed as wrong and is not", want.ID)
		case bad != "" && !known:
			different++
			t.Logf("%s %s: %s; want %q %q %q %q %q\n%s", want.ID, want.Form, bad,
				want.Perms, want.Stype, want.Ttype, want.Tclass, want.Comm, want.Text)
		}
	}
	if err := in.Err(); err != nil {
		t.Fatal(err)
	}
	oracle.Report(t, "avc-corpus", compared, different)
}

// plainComm decodes the corpus's comm where it is as the kernel encoded it.
func plainComm(s string) string {
	if len(s) < 8 || strings.Trim(s, "0123456789ABCDEF") != "" {
		return s
	}
	b, err := hex.DecodeString(s)
	if err != nil {
		return s
	}
	return string(b)
}

// readPublished takes from the first event of a block what the corpus has.
func readPublished(text string) (got published, problem string) {
	r := avc.NewReader(strings.NewReader(text), avc.Options{})
	found := false
	for e, err := range r.Events() {
		if err != nil {
			return got, err.Error()
		}
		if found {
			continue
		}
		found = true
		switch {
		case len(e.Denials) > 0:
			d := e.Denials[0]
			got = published{
				Perms: strings.Join(d.Permissions, " "), Stype: d.Source.Type(), Ttype: d.Target.Type(),
				Tclass: d.Class, Comm: d.Comm,
			}
		case len(e.Failures) > 0:
			x := e.Failures[0]
			got = published{Stype: x.Source.Type(), Ttype: x.Target.Type(), Tclass: x.Class, Comm: x.Comm}
			if e.Syscall != nil && got.Comm == "" {
				got.Comm = e.Syscall.Comm
			}
		}
	}
	if !found {
		return got, "no event"
	}
	return got, ""
}

func TestOracleCaptured(t *testing.T) {
	root := shared(t, "captured")
	var files []string
	err := filepath.WalkDir(root, func(p string, d os.DirEntry, err error) error {
		base := filepath.Base(p)
		if err == nil && !d.IsDir() && (strings.HasSuffix(base, ".log") || strings.HasPrefix(base, "dmesg") ||
			strings.HasPrefix(base, "journal") || strings.Contains(base, "ausearch")) &&
			!strings.Contains(base, "audit2") && !strings.HasSuffix(base, ".csv") {
			files = append(files, p)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(files)
	records, unread := 0, 0
	for _, name := range files {
		f, err := os.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		r := avc.NewReader(f, avc.Options{Name: strings.TrimPrefix(name, root)})
		for {
			_, err := r.Next()
			if err == io.EOF {
				break
			}
			if err != nil {
				unread++
				t.Errorf("%v", err)
			}
		}
		f.Close()
		s := r.Stats()
		records += s.Records
		t.Logf("%-60s lines %6d records %6d events %6d denials %6d", strings.TrimPrefix(name, root), s.Lines, s.Records, s.Events, s.Denials)
	}
	oracle.Report(t, "avc-captured", records, unread)
}

// capturedFiles lists the captured files whose path ends in suffix.
func capturedFiles(t *testing.T, suffix string) []string {
	var files []string
	err := filepath.WalkDir(shared(t, "captured"), func(p string, d os.DirEntry, err error) error {
		if err == nil && strings.HasSuffix(p, suffix) {
			files = append(files, p)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(files) == 0 {
		t.Fatalf("no files %s", suffix)
	}
	return files
}

func readEvents(t *testing.T, name string) map[uint64]*avc.Event {
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	events := make(map[uint64]*avc.Event)
	for e, err := range avc.NewReader(f, avc.Options{Name: name}).Events() {
		if err != nil {
			t.Fatal(err)
		}
		events[e.ID.Serial] = e
	}
	return events
}

// TestOracleAusearch holds what is read from the raw logs against what
// ausearch -i made of them: decoded names, names for numbers, command lines.
func TestOracleAusearch(t *testing.T) {
	// ausearch -i writes control bytes as \ooo.
	escape := func(s string) string {
		var b strings.Builder
		for i := 0; i < len(s); i++ {
			if s[i] < ' ' {
				fmt.Fprintf(&b, "\\%03o", s[i])
			} else {
				b.WriteByte(s[i])
			}
		}
		return strings.TrimRight(b.String(), " ")
	}
	// describe is what both readings must have in common.
	describe := func(d *avc.Denial) string {
		s := fmt.Sprintln(d.Verdict, d.Permissions, d.Source, d.Target, d.Class, escape(d.Name), escape(d.Path), d.Dev, d.Inode,
			d.Pid, escape(d.Comm), escape(d.Exe), d.Capability, d.HasCapability, d.Src, d.Dst, d.Local, d.Remote, d.Ioctlcmd, d.Permissive,
			strings.Join(strings.Fields(escape(strings.Join(d.Cmdline, " "))), " "), d.Cwd, escape(d.FullPath), d.PathCertainty, escape(d.Wanted), d.Manager != nil)
		if c := d.Syscall; c != nil {
			s += fmt.Sprintln(c.Name, c.Machine, c.Success, c.Intent, c.PPid)
			if c.Success == avc.No { // ausearch writes large results in other ways
				s += fmt.Sprintln(c.Exit)
			}
		}
		if a := d.Sockaddr; a != nil {
			s += fmt.Sprintln(a.Family, a.Endpoint, a.Path)
		}
		return s
	}
	compared, different := 0, 0
	for _, interpreted := range capturedFiles(t, ".ausearch-i.txt") {
		raw := readEvents(t, strings.TrimSuffix(interpreted, ".ausearch-i.txt")+".log")
		for serial, want := range readEvents(t, interpreted) {
			got := raw[serial]
			if got == nil || len(got.Denials) != len(want.Denials) {
				t.Errorf("%s: event %d is not the same number of denials in both", interpreted, serial)
				different++
				continue
			}
			// ausearch -i turns the order of an event's records around.
			have := make([]string, 0, len(got.Denials))
			need := make([]string, 0, len(got.Denials))
			for i := range got.Denials {
				have = append(have, describe(got.Denials[i]))
				need = append(need, describe(want.Denials[i]))
			}
			slices.Sort(have)
			slices.Sort(need)
			compared += len(have)
			for i := range have {
				if have[i] != need[i] {
					different++
					t.Errorf("%s: event %d:\nraw  %sinterpreted %s", interpreted, serial, have[i], need[i])
				}
			}
		}
	}
	oracle.Report(t, "avc-ausearch", compared, different)
}

// TestOracleAudit2allow holds the denials of whole logs against the rules that
// audit2allow makes of the same logs.
func TestOracleAudit2allow(t *testing.T) {
	compared, different := 0, 0
	for _, rules := range capturedFiles(t, ".audit2allow.txt") {
		text, err := os.ReadFile(rules)
		if err != nil {
			t.Fatal(err)
		}
		want := make(map[string]bool)
		for line := range strings.SplitSeq(string(text), "\n") {
			f := strings.Fields(strings.NewReplacer(";", "", "{", "", "}", "", ":", " ").Replace(line))
			if len(f) < 5 || f[0] != "allow" {
				continue
			}
			if f[2] == "self" {
				f[2] = f[1]
			}
			for _, p := range f[4:] {
				want[strings.Join(append(slices.Clone(f[1:4]), p), " ")] = true
			}
		}
		got := make(map[string]bool)
		for _, e := range readEvents(t, strings.TrimSuffix(rules, ".audit2allow.txt")+".log") {
			for _, d := range e.Denials {
				for _, p := range d.Permissions {
					got[strings.Join([]string{d.Source.Type(), d.Target.Type(), d.Class, p}, " ")] = true
				}
			}
		}
		for k := range want {
			compared++
			if !got[k] {
				different++
				t.Errorf("%s: %s is not read", rules, k)
			}
		}
		for k := range got {
			if !want[k] {
				different++
				t.Errorf("%s: %s is not in audit2allow's rules", rules, k)
			}
		}
	}
	oracle.Report(t, "avc-audit2allow", compared, different)
}

// foldWords breaks a text between words so that lines have at most width
// bytes, where they can.
func foldWords(s string, width int, indent string) string {
	var b strings.Builder
	n := 0
	for i, w := range strings.Split(s, " ") {
		if i > 0 && n+1+len(w) > width {
			b.WriteString("\n" + indent)
			n = len(indent)
		} else if i > 0 {
			b.WriteByte(' ')
			n++
		}
		b.WriteString(w)
		n += len(w)
	}
	return b.String()
}

// foldColumns breaks a text after every width bytes, as a terminal does.
func foldColumns(s string, width int) string {
	var b strings.Builder
	for len(s) > width {
		b.WriteString(s[:width] + "\n")
		s = s[width:]
	}
	return b.String() + s
}

// TestOracleWrapped wraps the records of the corpus that are on one line in
// many ways: they must read as they did.
func TestOracleWrapped(t *testing.T) {
	f, err := os.Open(shared(t, "corpus", "avc", "records.jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	in := bufio.NewScanner(f)
	in.Buffer(nil, 1<<22)
	compared, different := 0, 0
	for in.Scan() {
		var p published
		if err := json.Unmarshal(in.Bytes(), &p); err != nil {
			t.Fatal(err)
		}
		if damaged := p.ID == "R00179" || p.ID == "R01355"; damaged || strings.Contains(p.Text, "\n") || strings.Contains(p.Text, "...") || len(p.Text) > 2000 || p.Tclass == "" {
			continue
		}
		want, problem := readPublished(p.Text)
		if problem != "" {
			continue
		}
		for _, w := range []struct{ how, text string }{
			{"words 60", foldWords(p.Text, 60, "")},
			{"words 72", foldWords(p.Text, 72, "")},
			{"words 76 indented", foldWords(p.Text, 76, "    ")},
			{"words 80 quoted", "> " + foldWords(p.Text, 80, "> ")},
			{"words 100", foldWords(p.Text, 100, "")},
			{"columns 80", foldColumns(p.Text, 80)},
			{"columns 93", foldColumns(p.Text, 93)},
			{"columns 120", foldColumns(p.Text, 120)},
			{"columns 132", foldColumns(p.Text, 132)},
			{"columns 201", foldColumns(p.Text, 201)},
		} {
			compared++
			got, problem := readPublished(w.text + "\n\nAnd some words after it.\n")
			if problem != "" || got != want {
				different++
				if different <= 60 {
					t.Logf("%s %s: %s %+v\nwant %+v\n%s", p.ID, w.how, problem, got, want, w.text)
				}
			}
		}
	}
	oracle.Report(t, "avc-wrapped", compared, different)
}
