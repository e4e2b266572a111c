package managed

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strconv"
	"strings"
)

const confFile = "etc/selinux/semanage.conf"

// conf is what semanage.conf(5) says that matters to a store's files. libsemanage
// has the defaults of conf-parse.y where a file says nothing, and of an image
// that has no file it takes the host's; we take the defaults.
type conf struct {
	storeRoot     string // slash-separated, without leading slash
	direct        bool   // the store is files, not a policy server
	policyVersion int    // of policy.N; 0: the newest that is installed
	fileMode      fs.FileMode
	savePrevious  bool
	noHomedirs    bool // disable-genhomedircon
	verifyKernel  bool // a program is to check each new policy
}

func readConf(root fs.FS) (conf, error) {
	data, err := readLimited(root, confFile, 1<<20)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return conf{}, err
	}
	return parseConf(string(data))
}

func parseConf(text string) (conf, error) {
	c := conf{storeRoot: "var/lib/selinux", direct: true, fileMode: 0o644}
	number := 0
	for line := range strings.Lines(text) {
		number++
		line = strings.TrimSpace(line)
		key, value, found := strings.Cut(line, "=")
		key, value = strings.TrimSpace(key), strings.Trim(strings.TrimSpace(value), `"`)
		if line == "[verify kernel]" {
			c.verifyKernel = true
		}
		if !found || strings.HasPrefix(line, "#") {
			continue
		}
		if err := c.set(key, value); err != nil {
			return conf{}, fmt.Errorf("%s:%d: %w", confFile, number, err)
		}
	}
	return c, nil
}

func (c *conf) set(key, value string) error {
	var err error
	switch key {
	case "module-store":
		c.direct = value == "direct"
	case "store-root":
		c.storeRoot = strings.TrimPrefix(path.Clean("/"+value), "/")
		if !fs.ValidPath(c.storeRoot) || c.storeRoot == "." {
			return fmt.Errorf("store-root %q: %w", value, fs.ErrInvalid)
		}
	case "policy-version":
		c.policyVersion, err = strconv.Atoi(value)
	case "file-mode":
		var mode uint64
		mode, err = strconv.ParseUint(value, 8, 9)
		c.fileMode = fs.FileMode(mode)
	case "save-previous":
		c.savePrevious = strings.EqualFold(value, "true")
	case "disable-genhomedircon":
		c.noHomedirs = strings.EqualFold(value, "true")
	}
	if err != nil {
		return fmt.Errorf("%s %q: %w", key, value, fs.ErrInvalid)
	}
	return nil
}
