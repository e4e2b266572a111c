package avc_test

import (
	"bytes"
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"github.com/sekit/sekit/avc"
)

// TestJSONBytes: names that are not UTF-8 come back from JSON as they were, in
// an event, in what is in it and in a summary. 61FF62 is the name a\xffb.
func TestJSONBytes(t *testing.T) {
	const log = `type=AVC msg=audit(1700000000.001:1): avc:  denied  { read } for  pid=1 comm=61FF62 name=61FF62 dev="sda1" ino=7 kmod=61FF62 scontext=a_u:a_r:a_t:s0 tcontext=b_u:object_r:b_t:s0 tclass=file permissive=0
type=SYSCALL msg=audit(1700000000.001:1): arch=c000003e syscall=257 success=no exit=-13 a0=ffffff9c a1=0 a2=0 a3=0 items=1 ppid=1 pid=1 auid=0 uid=0 comm=61FF62 exe=2F61FF62 key=(null)
type=CWD msg=audit(1700000000.001:1): cwd=2F61FF62
type=PATH msg=audit(1700000000.001:1): item=0 name=61FF62 inode=7 dev=08:01 mode=0100644 ouid=0 ogid=0 rdev=00:00 obj=b_u:object_r:b_t:s0 nametype=NORMAL
type=PROCTITLE msg=audit(1700000000.001:1): proctitle=6361740061FF62
`
	r := avc.NewReader(strings.NewReader(log), avc.Options{})
	e, err := r.Next()
	if err != nil {
		t.Fatal(err)
	}
	const name = "a\xffb"
	d := e.Denials[0]
	if d.Name != name || d.FullPath != "/"+name+"/"+name || d.Cmdline[1] != name || d.Other[0].Value != name {
		t.Fatalf("read %+v", d)
	}
	b, err := json.Marshal(d)
	if err != nil {
		t.Fatal(err)
	}
	if want := `"name":"a\ufffdb"`; !bytes.Contains(b, []byte(want)) || !bytes.Contains(b, []byte(`"cmdline.1":"Yf9i"`)) {
		t.Errorf("%s: want %s, and cmdline.1 in base64", b, want)
	}
	var d2 avc.Denial
	if err := json.Unmarshal(b, &d2); err != nil || !reflect.DeepEqual(&d2, d) {
		t.Errorf("came back as %+v, %v", d2, err)
	}
	if b, err = json.Marshal(e); err != nil {
		t.Fatal(err)
	}
	var e2 avc.Event
	if err := json.Unmarshal(b, &e2); err != nil {
		t.Fatal(err)
	}
	if e2.Cwd != e.Cwd || e2.Paths[0] != e.Paths[0] || !reflect.DeepEqual(e2.Denials, e.Denials) {
		t.Errorf("came back as %+v", e2)
	}
	c := d.Clone()
	if !reflect.DeepEqual(c, d) {
		t.Errorf("clone %+v", c)
	}
	if c.Cmdline[0], c.Syscall.Exe, c.Other[0].Value = "x", "x", "x"; d.Cmdline[0] == "x" || d.Syscall.Exe == "x" || d.Other[0].Value == "x" {
		t.Error("the clone shares memory")
	}
	var s, s2 avc.Summary
	s.Add(d)
	if b, err = json.Marshal(&s); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(b, &s2); err != nil || !reflect.DeepEqual(s2.Groups(), s.Groups()) {
		t.Errorf("%s came back as %+v, %v", b, s2.Groups(), err)
	}
	if err := json.Unmarshal([]byte(`{"bytes":{"nowhere":"AA=="}}`), &d2); err == nil {
		t.Error("bytes of nothing are taken")
	}
}
