package avc_test

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/sekit/sekit/avc"
)

// formCase is a case of testdata/forms.txt.
type formCase struct {
	name, text string
	want       []string
}

func readForms(t testing.TB) []formCase {
	b, err := os.ReadFile("testdata/forms.txt")
	if err != nil {
		t.Fatal(err)
	}
	var cases []formCase
	replace := strings.NewReplacer("{1d}", "\x1d", "{esc}", "\x1b", "{nbsp}", "\u00a0", "{cr}", "\r")
	for line := range strings.SplitAfterSeq(string(b), "\n") {
		line = strings.ReplaceAll(line, "\r", "") // a checkout on Windows
		if name, ok := strings.CutPrefix(line, "=== "); ok {
			cases = append(cases, formCase{name: strings.TrimSpace(name)})
			continue
		}
		if len(cases) == 0 {
			continue
		}
		c := &cases[len(cases)-1]
		if want, ok := strings.CutPrefix(line, "--- "); ok {
			c.want = append(c.want, strings.TrimSpace(want))
		} else if len(c.want) == 0 {
			c.text += replace.Replace(line)
		}
	}
	if len(cases) < 35 {
		t.Fatalf("only %d cases", len(cases))
	}
	return cases
}

func TestForms(t *testing.T) {
	for _, c := range readForms(t) {
		t.Run(c.name, func(t *testing.T) {
			var got []func(key string) string
			var kinds []string
			add := func(kind string, f func(key string) string) {
				kinds, got = append(kinds, kind), append(got, f)
			}
			for e, err := range avc.NewReader(strings.NewReader(c.text), avc.Options{}).Events() {
				if err != nil {
					var bad *avc.ParseError
					if !errors.As(err, &bad) {
						t.Fatal(err)
					}
					add("unread", func(key string) string { return key })
					if want := c.want[min(len(kinds), len(c.want))-1]; !strings.Contains(want, strings.Fields(bad.Err.Error())[0]) {
						t.Errorf("error %v, want %s", bad.Err, want)
					}
					continue
				}
				for _, d := range e.Denials {
					add("denial", func(key string) string { return denialField(d, key) })
				}
				for _, x := range e.Failures {
					add("failure", func(key string) string { return failureField(x, key) })
				}
				for _, x := range e.Changes {
					add("change", func(key string) string { return changeField(x, key) })
				}
				for _, x := range e.Foreign {
					add("foreign", func(key string) string {
						if key == "module" {
							return x.Module
						}
						return fieldOf(x.Fields, strings.TrimPrefix(key, "field."))
					})
				}
			}
			if len(kinds) == 0 {
				add("nothing", nil)
			}
			if len(kinds) != len(c.want) {
				t.Fatalf("came out: %v; want %q", kinds, c.want)
			}
			for i, want := range c.want {
				kind, fields, _ := strings.Cut(want, " ")
				if kind != kinds[i] {
					t.Errorf("%d: %s, want %s", i, kinds[i], want)
					continue
				}
				if kind == "unread" || kind == "nothing" {
					continue
				}
				for key, value := range expectations(t, fields) {
					if have := got[i](key); have != value {
						t.Errorf("%d: %s is %q, want %q", i, key, have, value)
					}
				}
			}
		})
	}
}

// expectations parts key=value words; a value may be in Go's double quotes.
func expectations(t *testing.T, s string) map[string]string {
	m := make(map[string]string)
	for s = strings.TrimSpace(s); s != ""; s = strings.TrimSpace(s) {
		key, after, ok := strings.Cut(s, "=")
		if !ok {
			t.Fatalf("bad expectation %q", s)
		}
		if strings.HasPrefix(after, `"`) {
			q, err := strconv.QuotedPrefix(after)
			if err != nil {
				t.Fatalf("bad expectation %q", s)
			}
			m[key], _ = strconv.Unquote(q)
			s = after[len(q):]
			continue
		}
		m[key], s, _ = strings.Cut(after, " ")
	}
	return m
}

func fieldOf(fields []avc.Field, key string) string {
	for _, f := range fields {
		if f.Key == key {
			return f.Value
		}
	}
	return ""
}

func userText(u avc.User) string {
	switch {
	case u.IsZero():
		return ""
	case !u.HasID:
		return "0?" + u.Name
	}
	return fmt.Sprintf("%d/%s", u.ID, u.Name)
}

func endText(e avc.Endpoint) string {
	if e.IsZero() {
		return ""
	}
	addr := e.Addr.String()
	if e.Addr.Is6() {
		addr = "[" + addr + "]"
	}
	return fmt.Sprintf("%s:%d", addr, e.Port)
}

func denialField(d *avc.Denial, key string) string {
	if k, ok := strings.CutPrefix(key, "other."); ok {
		return fieldOf(d.Other, k)
	}
	switch key {
	case "complete":
		return map[bool]string{true: "yes", false: "no"}[d.Complete()]
	case "port":
		p, n, ok := d.Port()
		if !ok {
			return ""
		}
		return fmt.Sprintf("%s/%d", p, n)
	case "manager":
		if d.Manager == nil {
			return "none"
		}
		return fmt.Sprintf("%d:%s:%s", d.Manager.Pid, d.Manager.Exe, d.Manager.UID.Name)
	case "sockaddr":
		if d.Sockaddr == nil {
			return ""
		}
		return d.Sockaddr.Family + ":" + endText(d.Sockaddr.Endpoint)
	case "syscall", "success", "intent", "exit":
		if d.Syscall == nil {
			return "none"
		}
		return map[string]string{
			"syscall": d.Syscall.Name, "success": d.Syscall.Success.String(),
			"intent": d.Syscall.Intent.String(), "exit": strconv.FormatInt(d.Syscall.Exit, 10),
		}[key]
	case "ms":
		return strconv.FormatInt(d.ID.Time.UnixMilli(), 10)
	}
	v, ok := map[string]string{
		"verdict": d.Verdict.String(), "perms": strings.Join(d.Permissions, ","),
		"stype": d.Source.Type(), "ttype": d.Target.Type(), "source": d.Source.String(), "class": d.Class,
		"form": d.Form.String(), "type": d.Type.String(), "pid": strconv.Itoa(d.Pid), "comm": d.Comm,
		"exe": d.Exe, "name": d.Name, "path": d.Path, "dev": d.Dev, "ino": strconv.FormatUint(d.Inode, 10),
		"permissive": d.Permissive.String(), "serial": strconv.FormatUint(d.ID.Serial, 10), "node": d.ID.Node,
		"lines": strconv.Itoa(d.Lines), "full": d.FullPath, "certainty": d.PathCertainty.String(),
		"wanted": d.Wanted, "cwd": d.Cwd, "cmdline": strings.Join(d.Cmdline, "|"),
		"auid": userText(d.AUID), "uid": userText(d.UID), "capability": strconv.Itoa(d.Capability),
		"ioctlcmd": strconv.Itoa(int(d.Ioctlcmd)), "nlmsg": strconv.Itoa(int(d.NlmsgType)),
		"src": endText(d.Src), "dst": endText(d.Dst), "local": endText(d.Local), "remote": endText(d.Remote),
		"netif": d.Netif, "srawcon": d.SourceRaw, "trawcon": d.TargetRaw,
	}[key]
	if !ok {
		return "no such key"
	}
	return v
}

func failureField(x *avc.Failure, key string) string {
	v, ok := map[string]string{
		"op": x.Op, "result": x.Result, "reason": x.Reason, "invalid": x.Invalid, "stype": x.Source.Type(),
		"ttype": x.Target.Type(), "class": x.Class, "old": x.Old.String(), "new": x.New.String(),
		"task": x.Task.String(), "perms": strings.Join(x.Permissions, ","),
	}[key]
	if !ok {
		return "no such key"
	}
	return v
}

func changeField(x *avc.Change, key string) string {
	if k, ok := strings.CutPrefix(key, "field."); ok {
		return fieldOf(x.Fields, k)
	}
	v, ok := map[string]string{
		"kind": x.Kind.String(), "boolean": x.Boolean, "value": x.Value.String(), "old": x.Old.String(),
		"success": x.Success.String(), "auid": userText(x.AUID),
	}[key]
	if !ok {
		return "no such key"
	}
	return v
}
