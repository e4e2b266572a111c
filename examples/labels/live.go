package main

import (
	"context"
	"fmt"
	"io"
	"path"
	"strings"

	"github.com/sekit/sekit"
	"github.com/sekit/sekit/fcontext"
)

// host is a system whose files are looked at.
type host struct {
	tree         fcontext.Backend
	db           *fcontext.DB
	local        *fcontext.LocalTable // nil if it isn't known
	customizable []string
	root         string // "/", or where the system's root is mounted
}

// openHost opens the running system, or one below another directory.
func openHost(root string) (*host, func() error, error) {
	s, err := sekit.OpenRoot(root)
	if err != nil {
		return nil, nil, err
	}
	tree, err := fcontext.OpenTree(root)
	if err != nil {
		return nil, nil, err
	}
	return &host{tree: tree, db: s.Contexts, local: s.LocalContexts, customizable: s.CustomizableTypes, root: root}, tree.Close, nil
}

// compare prints which of the files have another context than they should, and
// what to type to give them that one, or to make the one that they have stay.
func (h *host) compare(w io.Writer, name string, recursive bool) error {
	if t, ok := h.tree.(*fcontext.Tree); ok {
		resolved, err := t.Resolve(name)
		if err != nil {
			return err
		}
		name = resolved
	}
	plan, err := fcontext.PlanRelabel(context.Background(), h.tree, h.db, []string{name},
		fcontext.RelabelOptions{Recursive: recursive, Customizable: h.customizable})
	if err != nil {
		return err
	}
	for _, c := range plan.Changes {
		has := "no context"
		switch {
		case c.From.IsValid():
			has = c.From.String()
		case c.Malformed != "":
			has = fmt.Sprintf("%q, which is no context", c.Malformed)
		}
		fmt.Fprintf(w, "%q (%v)\n  has           %s\n  should have   %v\n  decided by    %s\n", c.Path, c.Kind, has, c.To, where(c.Why))
		if c.From.IsValid() && c.From.Type() != c.To.Type() {
			h.keep(w, c)
		}
	}
	for _, s := range plan.Skipped {
		fmt.Fprintf(w, "%q (%v)\n  keeps         %v (%v)\n", s.Path, s.Kind, s.From, s.Reason)
	}
	for _, err := range plan.Errors {
		fmt.Fprintf(w, "%q: %v\n", err.Path, err.Err)
	}
	if !recursive && plan.Counts.Matching == 1 {
		has, err := fcontext.ContextAt(h.tree, name)
		if err != nil {
			return err
		}
		fmt.Fprintf(w, "%q has %v, as it should\n", name, has)
	}
	fmt.Fprintln(w, plan.Counts)
	if len(plan.Changes) > 0 {
		fmt.Fprintf(w, "to give them what they should have: %s\n", h.restore(name, recursive))
	}
	return nil
}

// keep prints the command after which the file should have what it has.
func (h *host) keep(w io.Writer, c fcontext.Change) {
	pattern, err := fcontext.QuotePath(c.Path)
	if err != nil || h.local == nil {
		return
	}
	change, err := h.local.PlanSet(fcontext.LocalSetting{Pattern: pattern, Kind: c.Kind, Type: c.From.Type()})
	if err != nil {
		fmt.Fprintf(w, "  cannot stay   %v\n", err)
		return
	}
	args := change.Command()
	if len(args) == 0 {
		return
	}
	args[len(args)-1] = shell(pattern) // the others are words
	command := strings.Join(args, " ")
	if h.root != "/" {
		command = "chroot " + shell(h.root) + " " + command
	}
	fmt.Fprintf(w, "  to keep it    %s\n", command)
}

// restore returns the command that relabels.
func (h *host) restore(name string, recursive bool) string {
	switch {
	case h.root != "/":
		// restorecon does nothing where the kernel has no SELinux.
		for s := range h.db.Specs() {
			return fmt.Sprintf("setfiles -v -r %s %s %s", shell(h.root), shell(path.Join(h.root, s.File)), shell(path.Join(h.root, name)))
		}
		return ""
	case recursive:
		return "restorecon -Rv -- " + shell(name)
	}
	return "restorecon -v -- " + shell(name)
}
