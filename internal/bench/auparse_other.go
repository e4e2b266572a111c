//go:build !linux

package main

// auparse is not there: go-libaudit's parser does not build on every OS.
func auparse(string) (sample, int, error) {
	return sample{}, 0, &skip{why: "go-libaudit's auparse is for Linux", optional: true}
}
