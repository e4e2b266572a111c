//go:build !linux

package managed

func load(string, []byte) error { return nil }
