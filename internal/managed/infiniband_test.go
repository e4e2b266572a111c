package managed_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/sekit/sekit/internal/managed"
)

// Forms that libsemanage takes, and what it writes of them.
func TestParseInfiniband(t *testing.T) {
	const pkeys = "# c\n\nibpkeycon FE80::1:2:3:4 1-2 a:b:c\n ibpkeycon\t2001:db8:: 3 - 4\n a:b:c:s0\nibpkeycon :: 65535 a:b:c\n"
	p, err := managed.ParsePkeys("f", []byte(pkeys))
	want := header + "ibpkeycon fe80:: 1 - 2 a:b:c\nibpkeycon 2001:db8:: 3 - 4 a:b:c:s0\nibpkeycon :: 65535 a:b:c\n"
	if got := string(managed.FormatPkeys(p)); err != nil || got != want {
		t.Errorf("%q, %v", got, err)
	}
	e, err := managed.ParseEndports("f", []byte("ibendportcon mlx5_0\t1 a:b:c\nibendportcon rocep3s0f0 255\na:b:c:s0\n"))
	want = header + "ibendportcon mlx5_0 1 a:b:c\nibendportcon rocep3s0f0 255 a:b:c:s0\n"
	if got := string(managed.FormatEndports(e)); err != nil || got != want {
		t.Errorf("%q, %v", got, err)
	}
}

func TestParseInfinibandErrors(t *testing.T) {
	var pe *managed.ParseError
	for _, text := range []string{"x", "ibpkeycon", "ibpkeycon fe80::", "ibpkeycon fe80:: 1", "ibpkeycon fe80:: 1 a", "ibpkeycon 192.0.2.1 1 a:b:c",
		"ibpkeycon fe80::%eth0 1 a:b:c", "ibpkeycon fe80:: 65536 a:b:c", "ibpkeycon fe80:: 2-1 a:b:c", "ibpkeycon fe80:: -1 a:b:c"} {
		if got, err := managed.ParsePkeys("f", []byte("\n"+text)); got != nil || !errors.As(err, &pe) || pe.Line != 2 {
			t.Errorf("%q: %v, %v", text, got, err)
		}
	}
	for _, text := range []string{"x", "ibendportcon", "ibendportcon mlx5_0", "ibendportcon mlx5_0 1", "ibendportcon mlx5_0 0 a:b:c",
		"ibendportcon mlx5_0 256 a:b:c", "ibendportcon -z 1 a:b:c", "ibendportcon a;b 1 a:b:c", "ibendportcon " + strings.Repeat("a", 64) + " 1 a:b:c"} {
		if got, err := managed.ParseEndports("f", []byte("\n"+text)); got != nil || !errors.As(err, &pe) || pe.Line != 2 {
			t.Errorf("%q: %v, %v", text, got, err)
		}
	}
}

// What was read can be written and read again.
func FuzzParseInfiniband(f *testing.F) {
	f.Add([]byte("ibpkeycon fe80:: 1-2 a:b:c\nibpkeycon ::\n#x\n3 a:b:c:s0-s0:c0.c1023"))
	f.Add([]byte("ibendportcon mlx5_0 1 a:b:c"))
	f.Fuzz(func(t *testing.T, data []byte) {
		if got, err := managed.ParsePkeys("f", data); err == nil {
			again, err := managed.ParsePkeys("f", managed.FormatPkeys(got))
			if err != nil || !slices.Equal(got, again) {
				t.Fatalf("%v became %v, %v", got, again, err)
			}
		}
		if got, err := managed.ParseEndports("f", data); err == nil {
			again, err := managed.ParseEndports("f", managed.FormatEndports(got))
			if err != nil || !slices.Equal(got, again) {
				t.Fatalf("%v became %v, %v", got, again, err)
			}
		}
	})
}
