package refpolicy

import (
	"io/fs"

	"github.com/sekit/sekit/internal/m4"
)

// OpenLimited is Open with limits that a fuzzer reaches soon.
func OpenLimited(fsys fs.FS) (*Headers, error) {
	return open(fsys, m4.Limits{Expansions: 5000, Work: 1 << 20, Output: 1 << 20, Depth: 50}, plain)
}

// OpenAtOnce is Open without calls that wait.
func OpenAtOnce(fsys fs.FS) (*Headers, error) {
	return open(fsys, m4.Limits{}, func(string) ([]call, bool) { return nil, false })
}
