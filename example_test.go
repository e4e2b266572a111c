package sekit_test

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/sekit/sekit"
	"github.com/sekit/sekit/fcontext"
	"github.com/sekit/sekit/internal/demo"
	"github.com/sekit/sekit/port"
)

// An image builder asks what the files of the image should have, without
// booting it.
func ExampleOpenRoot() {
	root, err := unpack()
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(root)

	sys, err := sekit.OpenRoot(root)
	if err != nil {
		fmt.Println(err)
		return
	}
	if m, ok := sys.Contexts.Lookup("/var/www/html/index.html", fcontext.File); ok {
		fmt.Println(m.Context)
	}
	if owner, err := sys.Ports.Lookup(port.TCP, 8443); err == nil {
		fmt.Println(owner.Context.Type())
	}
	// Output:
	// system_u:object_r:httpd_sys_content_t:s0
	// http_port_t
}

// unpack makes an image with the demonstration's policy.
func unpack() (string, error) {
	root, err := os.MkdirTemp("", "image")
	if err != nil {
		return "", err
	}
	etc := filepath.Join(root, "etc", "selinux")
	if err := os.MkdirAll(filepath.Join(etc, "demo", "policy"), 0o755); err != nil {
		return root, err
	}
	if err := os.WriteFile(filepath.Join(etc, "config"), []byte("SELINUXTYPE=demo\n"), 0o644); err != nil {
		return root, err
	}
	if err := os.WriteFile(filepath.Join(etc, "demo", "policy", "policy.33"), demo.Policy(), 0o644); err != nil {
		return root, err
	}
	contexts, err := fs.Sub(demo.Contexts(), ".")
	if err != nil {
		return root, err
	}
	return root, os.CopyFS(filepath.Join(etc, "demo", "contexts", "files"), contexts)
}
