package demo_test

import (
	"encoding/hex"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/sekit/sekit/internal/demo"
)

var recordHead = regexp.MustCompile(`^(node=\S+ )?type=[A-Z_]+ msg=audit\((\d+\.\d{3}):(\d+)\): (.*)$`)

// The log is written by hand: hold it to what auditd guarantees. Records of
// an event stand together, serials rise, times do not fall.
func TestAuditLogOrder(t *testing.T) {
	lastSerial, lastTime := 0, ""
	n := 0
	for line := range strings.Lines(string(demo.AuditLog())) {
		n++
		m := recordHead.FindStringSubmatch(strings.TrimSuffix(line, "\n"))
		if m == nil {
			t.Fatalf("line %d: not a record: %q", n, line)
		}
		serial, err := strconv.Atoi(m[3])
		if err != nil {
			t.Fatalf("line %d: %v", n, err)
		}
		switch {
		case serial < lastSerial:
			t.Errorf("line %d: serial %d after %d", n, serial, lastSerial)
		case serial == lastSerial && m[2] != lastTime:
			t.Errorf("line %d: event %d has two times", n, serial)
		case len(m[2]) != len("1772618400.000") || m[2] < lastTime:
			t.Errorf("line %d: time %s after %s", n, m[2], lastTime)
		}
		lastSerial, lastTime = serial, m[2]
	}
	if n < 200 {
		t.Errorf("%d lines: the log was cut", n)
	}
}

// items= counts the PATH records of the event; proctitle and the address of a
// socket are hex; the bytes of a Unix socket's address hold the PATH's name.
func TestAuditLogConsistent(t *testing.T) {
	field := func(record, name string) string {
		for f := range strings.FieldsSeq(record) {
			if v, ok := strings.CutPrefix(f, name+"="); ok {
				return strings.Trim(v, `"`)
			}
		}
		return ""
	}
	events := map[string][]string{}
	for line := range strings.Lines(string(demo.AuditLog())) {
		m := recordHead.FindStringSubmatch(strings.TrimSuffix(line, "\n"))
		if m == nil {
			t.Fatalf("not a record: %q", line)
		}
		events[m[3]] = append(events[m[3]], strings.TrimSpace(strings.TrimPrefix(line, m[1])))
	}
	checked := 0
	for serial, records := range events {
		items, paths, saddr, path := "", 0, "", ""
		for _, r := range records {
			switch field(r, "type") {
			case "SYSCALL":
				items = field(r, "items")
				if field(r, "arch") != "c000003e" {
					t.Errorf("event %s: not x86_64", serial)
				}
			case "PATH":
				paths++
				path = field(r, "name")
			case "SOCKADDR":
				saddr = field(r, "saddr")
			case "PROCTITLE":
				if b, err := hex.DecodeString(field(r, "proctitle")); err != nil || len(b) == 0 {
					t.Errorf("event %s: proctitle: %q, %v", serial, b, err)
				}
			}
		}
		if items != "" {
			checked++
			if items != strconv.Itoa(paths) {
				t.Errorf("event %s: items=%s but %d PATH records", serial, items, paths)
			}
		}
		if strings.HasPrefix(saddr, "0100") {
			b, err := hex.DecodeString(saddr[4:])
			if name, _, _ := strings.Cut(string(b), "\x00"); err != nil || name != path {
				t.Errorf("event %s: socket %q, path %q, %v", serial, name, path, err)
			}
		}
	}
	if checked < 40 {
		t.Errorf("only %d events have a SYSCALL record", checked)
	}
}

// Every context that a record names, but for those of the story about a type
// the policy lacks, has types that the policy's source declares.
func TestAuditLogTypesDeclared(t *testing.T) {
	declared := declaredTypes(t)
	contexts := regexp.MustCompile(`[a-z_]+:[a-z]+_r:([A-Za-z_]+_t)\b`)
	found := 0
	for line := range strings.Lines(string(demo.AuditLog())) {
		for _, m := range contexts.FindAllStringSubmatch(line, -1) {
			found++
			if !declared[m[1]] && m[1] != "zabbix_agent_t" {
				t.Errorf("type %s is not in the policy: %.60s", m[1], line)
			}
		}
	}
	if found == 0 {
		t.Error("no context found")
	}
}
