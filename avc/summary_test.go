package avc_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/sekit/sekit/avc"
)

// denials reads all denials of a text.
func denials(t testing.TB, text string) []*avc.Denial {
	t.Helper()
	var l []*avc.Denial
	for d, err := range avc.NewReader(strings.NewReader(text), avc.Options{}).Denials() {
		if err != nil {
			t.Fatal(err)
		}
		l = append(l, d)
	}
	return l
}

const summaryLog = `type=AVC msg=audit(1700000002.000:2): avc:  denied  { write read } for  pid=1 comm="b" name="y" dev="sda1" ino=2 scontext=a_u:a_r:a_t:s0 tcontext=b_u:object_r:b_t:s0 tclass=file permissive=0
type=AVC msg=audit(1700000001.000:1): avc:  denied  { read write } for  pid=1 comm="a" name="x" dev="sda1" ino=1 scontext=c_u:c_r:a_t:s0:c1 tcontext=b_u:object_r:b_t:s0 tclass=file permissive=1
type=AVC msg=audit(1700000003.000:3): avc:  denied  { name_bind } for  pid=1 comm="a" src=81 scontext=a_u:a_r:a_t:s0 tcontext=p_u:object_r:p_t:s0 tclass=tcp_socket permissive=0
type=AVC msg=audit(1700000004.000:4): avc:  denied  { name_bind } for  pid=1 comm="a" src=82 scontext=a_u:a_r:a_t:s0 tcontext=p_u:object_r:p_t:s0 tclass=tcp_socket
type=AVC msg=audit(1700000005.000:5): avc:  denied  { name_bind } for  pid=1 comm="a" src=81 scontext=a_u:a_r:a_t:s0 tcontext=p_u:object_r:p_t:s0 tclass=tcp_socket permissive=0
type=AVC msg=audit(1700000006.000:6): avc:  granted  { read } for  pid=1 comm="a" name="x" dev="sda1" ino=1 scontext=a_u:a_r:a_t:s0 tcontext=b_u:object_r:b_t:s0 tclass=file
`

func TestSummary(t *testing.T) {
	var s avc.Summary
	for _, d := range denials(t, summaryLog) {
		s.Add(d)
	}
	var got strings.Builder
	for _, g := range s.Groups() {
		fmt.Fprintln(&got, g.Verdict, g.Source, g.Target, g.Class, g.Permissions, g.Count, g.First.Unix(), g.Last.Unix(),
			g.Enforced, g.Permissive, g.Comms, g.Paths, g.Ports, g.Example.ID.Serial)
	}
	// The permissions' order in the record does not part groups; the first of
	// equals is the example.
	const want = `denied a_t p_t tcp_socket name_bind 3 1700000003 1700000005 2 0 [{a 3}] [] [{tcp/81 2} {tcp/82 1}] 3
denied a_t b_t file read write 2 1700000001 1700000002 1 1 [{a 1} {b 1}] [{x 1} {y 1}] [] 1
granted a_t b_t file read 1 1700000006 1700000006 0 0 [{a 1}] [{x 1}] [] 6
`
	// "read" sorts before "read write", but the latter is more frequent.
	if got.String() != want {
		t.Errorf("got\n%swant\n%s", got.String(), want)
	}
}

// TestSummaryMerge: however the denials are parted, and whether or not a part
// went through JSON, the whole is the same.
func TestSummaryMerge(t *testing.T) {
	all := denials(t, summaryLog)
	var whole avc.Summary
	for _, d := range all {
		whole.Add(d)
	}
	want, err := json.Marshal(&whole)
	if err != nil {
		t.Fatal(err)
	}
	for cut := 0; cut <= len(all); cut++ {
		var a, b avc.Summary
		for i, d := range all {
			if i < cut {
				a.Add(d)
			} else {
				b.Add(d)
			}
		}
		text, err := json.Marshal(&b)
		if err != nil {
			t.Fatal(err)
		}
		var c avc.Summary
		if err := json.Unmarshal(text, &c); err != nil {
			t.Fatal(err)
		}
		for _, order := range [][2]*avc.Summary{{&a, &c}, {&c, &a}} {
			var sum avc.Summary
			sum.Merge(order[0])
			sum.Merge(order[1])
			got, err := json.Marshal(&sum)
			if err != nil {
				t.Fatal(err)
			}
			if string(got) != string(want) {
				t.Errorf("cut at %d:\n%s\nwant\n%s", cut, got, want)
			}
		}
	}
}

func TestSelection(t *testing.T) {
	all := denials(t, summaryLog)
	at := func(sec int64) time.Time { return time.Unix(sec, 0) }
	for _, c := range []struct {
		name string
		s    avc.Selection
		want string // serial numbers
	}{
		{"all", avc.Selection{}, "2 1 3 4 5 6"},
		{"since", avc.Selection{Since: at(1700000004)}, "4 5 6"},
		{"until", avc.Selection{Until: at(1700000002)}, "2 1"},
		{"verdict", avc.Selection{Verdicts: []avc.Verdict{avc.Granted}}, "6"},
		{"comm", avc.Selection{Comms: []string{"b", "z"}}, "2"},
		{"domain", avc.Selection{Sources: []string{"a_*"}}, "2 1 3 4 5 6"},
		{"no domain", avc.Selection{Sources: []string{"b_t"}}, ""},
		{"target", avc.Selection{Targets: []string{"p_t"}}, "3 4 5"},
		{"class", avc.Selection{Classes: []string{"*_socket"}}, "3 4 5"},
		{"permission", avc.Selection{Permissions: []string{"write"}}, "2 1"},
		{"path", avc.Selection{Paths: []string{"x"}}, "1 6"},
		{"permissive", avc.Selection{Permissive: avc.Yes}, "1"},
		{"enforced", avc.Selection{Permissive: avc.No, Classes: []string{"file"}}, "2"},
		{"type", avc.Selection{Types: []avc.RecordType{avc.TypeUserAVC}}, ""},
		{"success", avc.Selection{Success: avc.No}, ""},
		{"provenance", avc.Selection{Provenance: avc.ProvenanceFile}, ""},
		{"bad pattern", avc.Selection{Comms: []string{"["}}, ""},
	} {
		var got []string
		for _, d := range all {
			if c.s.Match(d) {
				got = append(got, fmt.Sprint(d.ID.Serial))
			}
		}
		if g := strings.Join(got, " "); g != c.want {
			t.Errorf("%s: %s, want %s", c.name, g, c.want)
		}
	}
}
