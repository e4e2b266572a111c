package fcontext

import (
	"bytes"
	"io"
	"io/fs"
)

// maxLibrary bounds what is read of a file that is called libselinux.so.1,
// which has some 200 KB.
const maxLibrary = 4 << 20

// InstalledOrder returns the order of the libselinux that is installed in a
// root directory, so that a path gets the context that this system's own tools
// give it; [OrderNewest] if there is none, or one that is not known.
//
// The library tells its release by the versions of its symbols
// (libselinux.map): there is LIBSELINUX_3.8 since 3.8, and LIBSELINUX_3.9 since
// 3.9.
func InstalledOrder(root fs.FS) Order {
	for _, pattern := range []string{"usr/lib/*/libselinux.so.1", "usr/lib64/libselinux.so.1", "usr/lib/libselinux.so.1",
		"lib/*/libselinux.so.1", "lib64/libselinux.so.1", "lib/libselinux.so.1"} {
		names, err := fs.Glob(root, pattern)
		if err != nil {
			continue
		}
		for _, name := range names {
			if order, ok := libraryOrder(root, name); ok {
				return order
			}
		}
	}
	return OrderNewest
}

func libraryOrder(root fs.FS, name string) (Order, bool) {
	f, err := root.Open(name)
	if err != nil {
		return 0, false
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxLibrary))
	if err != nil {
		return 0, false
	}
	for _, v := range []struct {
		version string
		order   Order
	}{{"3.9", OrderNewest}, {"3.8", Order38}, {"1.0", Order34}} {
		if bytes.Contains(data, []byte("\x00LIBSELINUX_"+v.version+"\x00")) {
			return v.order, true
		}
	}
	return 0, false
}
