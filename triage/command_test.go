package triage

import (
	"os/exec"
	"testing"
)

// The names are what a hostile process may call its files.
var hostileArguments = []string{
	"", "plain", "/srv/web", "two words", "it's", `back\slash`, "$(reboot)", "`reboot`", "a;b&c|d", "*?[x]", "~root", "#no", "!h",
	"new\nline", "\x1b[31mred", "tab\there", "caf\xc3\xa9", "\x01" + "7", "'\n'", `\'` + "\n", "\xff0", "-rf", "{a,b}", "(/.*)?",
}

func TestCommandString(t *testing.T) {
	// bash itself is the judge of what it reads back.
	bash, err := exec.LookPath("bash")
	for _, arg := range hostileArguments {
		s := Command{"printf", "%s", arg}.String()
		for i := 0; i < len(s); i++ {
			if s[i] < ' ' || s[i] >= 0x7f {
				t.Errorf("%q: a control byte is printed raw: %q", arg, s)
			}
		}
		if err != nil {
			continue
		}
		out, err := exec.Command(bash, "-c", s).Output()
		if err != nil || string(out) != arg {
			t.Errorf("bash reads %s as %q, %v; want %q", s, out, err, arg)
		}
	}
	if err != nil {
		t.Skip("no bash: only the control bytes were checked")
	}
}
