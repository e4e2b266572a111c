package refpolicy

import (
	"io/fs"

	"github.com/sekit/sekit/internal/m4"
)

// low are limits that a fuzzer reaches soon.
var low = m4.Limits{Expansions: 5000, Work: 1 << 20, Output: 1 << 20, Depth: 50}

// OpenLimited is Open with low limits.
func OpenLimited(fsys fs.FS) (*Headers, error) { return open(fsys, low, plain) }

// OpenAtOnce is OpenLimited, but no call waits.
func OpenAtOnce(fsys fs.FS) (*Headers, error) {
	return open(fsys, low, func(string) ([]call, bool) { return nil, false })
}
