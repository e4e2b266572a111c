package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sekit/sekit/avc"
	"github.com/sekit/sekit/avc/avctest"
	"github.com/sekit/sekit/examples/internal/machine"
	"github.com/sekit/sekit/internal/demo"
)

// embedded are flags that name the embedded policy, whatever runs here.
func embedded(t *testing.T) (file string) {
	t.Helper()
	file = filepath.Join(t.TempDir(), "policy")
	if err := os.WriteFile(file, demo.Policy(), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

const (
	sshd  = `audit(1700000001.000:1): avc:  denied  { name_bind } for  pid=7 comm="sshd" src=2222 scontext=system_u:system_r:sshd_t:s0 tcontext=system_u:object_r:unreserved_port_t:s0 tclass=tcp_socket permissive=0`
	nginx = `audit(1700000002.000:2): avc:  denied  { read } for  pid=8 comm="nginx" name=611B5B326A dev="sda1" ino=9 scontext=system_u:system_r:httpd_t:s0 tcontext=system_u:object_r:default_t:s0 tclass=file permissive=1`
)

// TestWatch gives records as the kernel sends them, a loss, and one that is
// broken.
func TestWatch(t *testing.T) {
	var out, msg bytes.Buffer
	w := watcher{stdout: &out, stderr: &msg}
	w.machine.Files.Policy = embedded(t)
	src := avctest.NewSource()
	src.Record(avc.TypeAVC, sshd)
	src.Lose(3)
	src.Record(avc.TypeAVC, strings.Replace(nginx, "{ read }", "{ read", 1))
	src.Record(avc.TypeAVC, nginx)
	src.End()
	if err := w.watch(t.Context(), src); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	if len(lines) != 2 {
		t.Fatalf("%d lines, want one for each denial:\n%s", len(lines), out.String())
	}
	// sshd may bind ssh_port_t; 2222 has no type of its own.
	if !strings.HasPrefix(lines[0], "22:13:21 denied name_bind on tcp port 2222 (sshd): sshd_t -> unreserved_port_t: port: ") ||
		!strings.Contains(lines[0], "semanage port -a -t ssh_port_t -p tcp 2222") {
		t.Error(lines[0])
	}
	// The name is "a", escape, "[2j": the escape must not reach the terminal.
	if !strings.HasPrefix(lines[1], "22:13:22 denied (permissive) read on ") || strings.Contains(lines[1], "\x1b") {
		t.Errorf("%q", lines[1])
	}
	if m := msg.String(); !strings.Contains(m, "3 records were lost") || !strings.Contains(m, "truncated") {
		t.Errorf("messages: %q", m)
	}
}

// buffer is written and read at the same time.
type buffer struct {
	mu sync.Mutex
	bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.Buffer.Write(p)
}

func (b *buffer) text() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.String()
}

// TestFollow appends to the log while it is watched, until ctx is done.
func TestFollow(t *testing.T) {
	log := filepath.Join(t.TempDir(), "audit.log")
	write := func(record string) {
		t.Helper()
		f, err := os.OpenFile(log, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		if _, err := io.WriteString(f, "type=AVC msg="+record+"\n"); err != nil {
			t.Fatal(err)
		}
	}
	write(sshd)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	out, done := new(buffer), make(chan error)
	go func() { done <- run(ctx, []string{"-policy", embedded(t), "-follow", log}, nil, out, io.Discard) }()
	wait := func(word string) {
		t.Helper()
		for end := time.Now().Add(20 * time.Second); !strings.Contains(out.text(), word); time.Sleep(5 * time.Millisecond) {
			if time.Now().After(end) {
				t.Fatalf("%s does not appear:\n%s", word, out.text())
			}
		}
	}
	wait("(sshd)")
	write(nginx)
	wait("(nginx)")
	cancel()
	if err := <-done; err != nil {
		t.Errorf("after the interrupt: %v", err)
	}
}

func TestStandardInput(t *testing.T) {
	var out bytes.Buffer
	in := strings.NewReader("type=AVC msg=" + sshd + "\ntype=MAC_POLICY_LOAD msg=audit(1700000003.000:3): policy loaded auid=0 ses=1\ntype=AVC msg=" + nginx + "\n")
	if err := run(t.Context(), []string{"-policy", embedded(t), "-"}, in, &out, io.Discard); err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(out.String(), "\n"); n != 2 {
		t.Errorf("%d lines, want two:\n%s", n, out.String())
	}
}

func TestArguments(t *testing.T) {
	for _, args := range [][]string{{"-kmsg", "-"}, {"-kmsg", "-follow", "x"}, {"a", "b"}, {"audit.log"}} {
		if err := run(t.Context(), args, nil, io.Discard, io.Discard); err == nil || !strings.Contains(err.Error(), "one source") {
			t.Errorf("%v: %v", args, err)
		}
	}
	missing := filepath.Join(t.TempDir(), "none")
	if err := run(t.Context(), []string{"-policy", missing, "-"}, strings.NewReader(""), io.Discard, io.Discard); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no policy: %v", err)
	}
	if got := machine.Printable("a\x1b[2J\xff\u202e"); got != `a\x1b[2J\xff\xe2\x80\xae` {
		t.Errorf("printable: %s", got)
	}
}
