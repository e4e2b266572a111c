package managed

import (
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strconv"
	"strings"
)

// candidates are all files that a commit may replace, in the order in which it
// does: what is edited, what is made from that, and what is installed
// (semanage_install_final_tmp).
func (t *transaction) candidates() []file {
	var files []file
	for _, name := range slices.Concat(edited, []string{kernelFile, commitFile}) {
		files = append(files, file{root: t.dir, source: name,
			name: path.Join(activeDir, name), staged: path.Join(sandboxDir, name)})
	}
	for _, f := range []struct{ source, name string }{
		{"file_contexts", path.Join(contextsDir, "file_contexts")},
		{"file_contexts.homedirs", path.Join(contextsDir, "file_contexts.homedirs")},
		{FcontextsFile, path.Join(contextsDir, FcontextsFile)},
		{SubsFile, path.Join(contextsDir, SubsFile)},
		{kernelFile, t.kernel},
		{"seusers", "seusers"},
	} {
		if f.source == "file_contexts.homedirs" && t.s.conf.noHomedirs {
			continue
		}
		files = append(files, file{root: t.etc, source: f.source, mode: t.s.conf.fileMode,
			name: f.name, staged: f.name + ".tmp", compiled: path.Dir(f.name) == contextsDir})
	}
	return files
}

// kernelName returns the name of the installed policy. libsemanage writes that of
// the version that its configuration names, or else the newest that its libsepol
// knows, whatever version the policy in it has; without a libsepol that is the
// newest that is there.
func (t *transaction) kernelName() (string, error) {
	newest := t.s.conf.policyVersion
	if newest == 0 {
		entries, err := fs.ReadDir(t.etc.FS(), "policy")
		if err != nil {
			return "", err
		}
		for _, e := range entries {
			suffix, ok := strings.CutPrefix(e.Name(), "policy.")
			if n, err := strconv.Atoi(suffix); ok && err == nil && strconv.Itoa(n) == suffix {
				newest = max(newest, n)
			}
		}
	}
	if newest == 0 {
		return "", &UnsupportedError{path.Join(t.s.etc(), "policy"), "there is no policy yet", "run semodule -B"}
	}
	return fmt.Sprintf("policy/policy.%d", newest), nil
}
