package job_test

import (
	"bytes"
	"io"
	"strings"
	"testing"

	"github.com/sekit/sekit/internal/kernel/job"
)

func TestPackUnpack(t *testing.T) {
	want := job.Job{Context: "u:r:t", Programs: []job.Program{{Name: "a", Args: []string{"a.test", "-x"}, Seconds: 7}}}
	files := []job.File{{Name: "a.test", Mode: 0o755, Data: []byte("binary")}, {Name: "empty", Mode: 0o600}}
	var disk bytes.Buffer
	if err := job.Pack(&disk, job.JobFile, want, files); err != nil {
		t.Fatal(err)
	}
	if !job.IsPayload(disk.Bytes()[:512]) || job.IsEmpty(disk.Bytes()) {
		t.Error("the payload is not known by its first bytes")
	}
	// A disk is larger than its archive; what follows is not read.
	disk.Write(make([]byte, 4096))
	disk.WriteString("left over from an older, longer archive")
	var got job.Job
	var names []string
	err := job.Unpack(&disk, job.JobFile, &got, func(f job.File) error {
		names = append(names, f.Name+"="+string(f.Data)+" "+f.Mode.String())
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if got.Context != want.Context || len(got.Programs) != 1 || got.Programs[0].Seconds != 7 {
		t.Errorf("got %+v", got)
	}
	if s := strings.Join(names, ","); s != "a.test=binary -rwxr-xr-x,empty= -rw-------" {
		t.Errorf("got %s", s)
	}
}

func TestUnpackRefuses(t *testing.T) {
	pack := func(head string, files ...job.File) io.Reader {
		var b bytes.Buffer
		if err := job.Pack(&b, head, job.Result{}, files); err != nil {
			t.Fatal(err)
		}
		return &b
	}
	for name, r := range map[string]io.Reader{
		"empty":          strings.NewReader(""),
		"empty disk":     strings.NewReader(job.EmptyDisk + strings.Repeat("\x00", 2000)),
		"another's head": pack(job.JobFile),
		"climbs":         pack(job.ResultFile, job.File{Name: "../x"}),
		"absolute":       pack(job.ResultFile, job.File{Name: "/x"}),
		"cut":            io.LimitReader(pack(job.ResultFile, job.File{Name: "x", Data: make([]byte, 999)}), 2000),
	} {
		var res job.Result
		if err := job.Unpack(r, job.ResultFile, &res, func(job.File) error { return nil }); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}
