//go:build !linux

package sekit

import "os"

const locksFiles = false

func lockFile(*os.File) error { return nil }

func syncDir(string) error { return nil }
