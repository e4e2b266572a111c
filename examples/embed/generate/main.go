// Generate compiles ../webapp.te and ../webapp.fc to ../webapp.pp. It is run by
// go generate, on any OS, and needs none of SELinux's tools.
package main

import (
	"fmt"
	"os"

	"github.com/sekit/sekit/module"
)

func main() {
	if err := compile("webapp"); err != nil {
		fmt.Fprintln(os.Stderr, "generate:", err)
		os.Exit(1)
	}
}

func compile(name string) error {
	te, err := os.ReadFile(name + ".te")
	if err != nil {
		return err
	}
	contexts, err := os.ReadFile(name + ".fc")
	if err != nil {
		return err
	}
	m, err := module.ParseTE(name+".te", te)
	if err != nil {
		return err
	}
	// Without a version, it is the lowest that can say what the module says:
	// machines old and new take it.
	pp, err := m.PP(module.PPOptions{FileContexts: contexts})
	if err != nil {
		return err
	}
	return os.WriteFile(name+".pp", pp, 0o644)
}
