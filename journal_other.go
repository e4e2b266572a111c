//go:build !(linux || darwin || freebsd || netbsd || openbsd || dragonfly)

package sekit

import "os"

const locksFiles = false

func lockFile(*os.File) error { return nil }

func syncDir(string) error { return nil }
