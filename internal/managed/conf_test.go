package managed

import (
	"io/fs"
	"testing"
)

func TestParseConf(t *testing.T) {
	defaults := conf{storeRoot: "var/lib/selinux", direct: true, fileMode: 0o644}
	with := func(change func(*conf)) conf {
		c := defaults
		change(&c)
		return c
	}
	for text, want := range map[string]conf{
		"":                        defaults,
		"# store-root = /x\n":     defaults,
		"module-store = direct\n": defaults,
		"expand-check=0\nbzip-small=true\n[load_policy]\npath = /bin/x\n[end]\n": defaults,
		"module-store = /run/x":             with(func(c *conf) { c.direct = false }),
		"store-root=/etc/selinux":           with(func(c *conf) { c.storeRoot = "etc/selinux" }),
		"store-root = \"/../etc//x/\"":      with(func(c *conf) { c.storeRoot = "etc/x" }),
		"policy-version = 31":               with(func(c *conf) { c.policyVersion = 31 }),
		"file-mode=0600\n":                  with(func(c *conf) { c.fileMode = 0o600 }),
		"save-previous=TRUE":                with(func(c *conf) { c.savePrevious = true }),
		"disable-genhomedircon = true ":     with(func(c *conf) { c.noHomedirs = true }),
		"[verify kernel]\npath = /x\n[end]": with(func(c *conf) { c.verifyKernel = true }),
	} {
		if got, err := parseConf(text); err != nil || got != want {
			t.Errorf("%q: %+v, %v; want %+v", text, got, err, want)
		}
	}
	for _, text := range []string{"store-root=/", "store-root=", "policy-version=x", "file-mode=8", "file-mode=01000"} {
		if got, err := parseConf(text); err == nil || got != (conf{}) {
			t.Errorf("%q: %+v, %v", text, got, err)
		}
	}
}

func FuzzParseConf(f *testing.F) {
	f.Add("module-store = direct\nexpand-check=0\nstore-root = /etc/selinux\nfile-mode=644\n[verify kernel]\npath = x\n[end]\n")
	f.Fuzz(func(t *testing.T, text string) {
		c, err := parseConf(text)
		if err == nil && (!fs.ValidPath(c.storeRoot) || c.fileMode&^fs.ModePerm != 0) {
			t.Errorf("%+v", c)
		}
	})
}
