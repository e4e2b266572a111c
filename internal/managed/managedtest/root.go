package managedtest

import (
	"os"
	"path/filepath"
	"runtime"
	"testing"
)

// Type is the policy type of a store that [Root] makes.
const Type = "default"

// Root makes the root directory of a machine in a temporary directory, with
// the files of a store, below var/lib/selinux/default, and of etc/selinux/default
// that matter to a commit. The policy, of version 33, is what the store's modules
// compile to; there are no local records.
func Root(t testing.TB, linked []byte) string {
	t.Helper()
	root := t.TempDir()
	const active = "var/lib/selinux/default/active/"
	const etc = "etc/selinux/default/"
	contexts := []byte("/.*	system_u:object_r:default_t:s0\n")
	for name, data := range map[string][]byte{
		"etc/selinux/config":                          []byte("SELINUX=enforcing\nSELINUXTYPE=default\n"),
		"etc/selinux/semanage.conf":                   []byte("module-store = direct\nexpand-check=0\n"),
		active + "modules/100/base/cil":               []byte("(block base)\n"),
		active + "modules/100/base/lang_ext":          []byte("cil"),
		active + "policy.linked":                      linked,
		active + "policy.kern":                        linked,
		active + "file_contexts":                      contexts,
		active + "seusers":                            []byte("__default__:user_u:s0\n"),
		active + "seusers.linked":                     []byte("__default__:user_u:s0\n"),
		active + "users_extra":                        []byte("user user_u prefix user;\n"),
		active + "users_extra.linked":                 []byte("user user_u prefix user;\n"),
		active + "commit_num":                         append([]byte("7"), make([]byte, 31)...),
		"var/lib/selinux/default/semanage.read.LOCK":  nil,
		"var/lib/selinux/default/semanage.trans.LOCK": nil,
		etc + "policy/policy.33":                      linked,
		etc + "contexts/files/file_contexts":          contexts,
		etc + "contexts/files/file_contexts.bin":      []byte("not read"),
		etc + "seusers":                               []byte("__default__:user_u:s0\n"),
	} {
		file := filepath.Join(root, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

// ReadOnly reports whether commits are not supported on this system.
func ReadOnly() bool {
	switch runtime.GOOS {
	case "linux", "darwin", "freebsd", "netbsd", "openbsd", "dragonfly":
		return false
	}
	return true
}
