package sekit_test

import (
	"errors"
	"testing"

	"github.com/sekit/sekit"
)

// By semanage's mkargv: words are split at white space, one that begins with a
// quotation mark goes on to the word that ends with the next, and the marks are
// cut off.
func TestQuoteImport(t *testing.T) {
	for arg, want := range map[string]string{
		"tcp": "tcp", `/srv/my\.site(/.*)?`: `/srv/my\.site(/.*)?`, "": `""`, "/srv/my dir": `"/srv/my dir"`,
		"$(id)": "$(id)", "/é": "/é", "-x": "-x",
	} {
		if got, err := sekit.QuoteImport(arg); err != nil || got != want {
			t.Errorf("%q: %s, %v, want %s", arg, got, err, want)
		}
	}
	for _, arg := range []string{"a\nport -D", "a\rb", "a\tb", "a  b", " a", "a ", `a"b`, "it's", "a\u00a0b", "a\u2028b", "a\x00", "a\xff", "a\x1cb"} {
		if got, err := sekit.QuoteImport(arg); !errors.Is(err, errors.ErrUnsupported) || got != "" {
			t.Errorf("%q: %q, %v", arg, got, err)
		}
	}
}
