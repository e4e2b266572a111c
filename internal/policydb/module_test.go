package policydb

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"strings"
	"testing"
)

// modules returns the committed packages: testdata/modules/kitchen.te, in each
// version what the version can say, by checkmodule 3.4 and semodule_package.
func modules(t testing.TB) map[string][]byte {
	t.Helper()
	files, err := filepath.Glob("testdata/modules/*.pp")
	if err != nil || len(files) < 8 {
		t.Fatalf("%d packages: %v", len(files), err)
	}
	out := make(map[string][]byte)
	for _, f := range files {
		data, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		out[filepath.Base(f)] = data
	}
	return out
}

const kitchenModule = "kitchen-21.pp"

func TestModuleRoundTrip(t *testing.T) {
	for name, data := range modules(t) {
		p, err := DecodePackage(data)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if out, err := EncodePackage(p); err != nil || !bytes.Equal(out, data) {
			t.Errorf("%s: written otherwise: %v", name, err)
		}
	}
}

// TestModuleContent holds what was read against kitchen.te.
func TestModuleContent(t *testing.T) {
	p, err := DecodePackage(modules(t)[kitchenModule])
	if err != nil {
		t.Fatal(err)
	}
	m := p.Module
	if m.Version != 21 || !m.MLS || m.Name != "kitchen" || m.Release != "1.2.3" {
		t.Errorf("head: %d %v %q %q", m.Version, m.MLS, m.Name, m.Release)
	}
	if want := "/usr/bin/a\t--\tsystem_u:object_r:a_exec_t:s0\n"; string(p.FileContexts) != want {
		t.Errorf("file contexts %q", p.FileContexts)
	}
	if string(p.NetfilterContexts) != "netfilter text\n" {
		t.Errorf("netfilter contexts %q", p.NetfilterContexts)
	}
	types := make(map[string]*ModuleType)
	for i := range m.Symbols.Types {
		types[m.Symbols.Types[i].Name] = &m.Symbols.Types[i]
	}
	at, alias := types["a_t"], types["a2_t"]
	if at.Flags != FlagPermissive || alias.Flavor != FlavorType || alias.Primary != 0 || alias.Value != at.Value {
		t.Errorf("a_t %+v, a2_t %+v", at, alias)
	}
	if !types["domain"].Types.Has(at.Value-1) || types["child_t"].Bounds != at.Value {
		t.Errorf("domain %+v, child_t %+v", types["domain"], types["child_t"])
	}
	// The module itself, its optional block, and the one in that.
	if len(m.Blocks) != 3 || len(m.Blocks[1].Branches) != 2 {
		t.Fatalf("blocks: %+v", m.Blocks)
	}
	d := &m.Blocks[0].Branches[0]
	if r := d.Rules[0]; r.Kind != Allow || r.Flags != RuleSelf || !r.Sources.Types.Has(at.Value-1) || r.Sources.Types.Len() != 1 {
		t.Errorf("first rule: %+v", r)
	}
	if n := d.NameTransitions; len(n) != 1 || n[0].Name != "name with.dots" || n[0].Type != types["c_t"].Value {
		t.Errorf("name transitions: %+v", n)
	}
	tunable := 0
	for _, b := range m.Symbols.Booleans {
		if b.Tunable {
			tunable++
		}
	}
	if len(d.Conditionals) != 2 || tunable != 1 || len(d.RoleTransitions) != 2 || len(d.RangeTransitions) != 1 {
		t.Errorf("%d conditionals, %d tunables, %d role, %d range transitions",
			len(d.Conditionals), tunable, len(d.RoleTransitions), len(d.RangeTransitions))
	}
	for _, s := range m.Scopes[TableTypes] {
		want := ScopeRequired
		if strings.HasPrefix(s.Name, "a") || s.Name == "own" || s.Name == "child_t" || s.Name == "deeper_t" {
			want = ScopeDeclared
		}
		if s.Kind != want {
			t.Errorf("scope of %s: %d", s.Name, s.Kind)
		}
	}
}

func TestModuleTruncated(t *testing.T) {
	for _, name := range []string{kitchenModule, "kitchen-4.pp", "kitchen-9.pp"} {
		data := modules(t)[name]
		p, err := DecodePackage(data)
		if err != nil {
			t.Fatal(err)
		}
		end := len(data) - len(p.FileContexts) - len(p.NetfilterContexts)
		for n := range end {
			p, err := DecodePackage(data[:n:n])
			var f *FormatError
			if p != nil || !errors.As(err, &f) {
				t.Fatalf("%s: first %d bytes: %v, %v", name, n, p != nil, err)
			}
			if f.Offset < 0 || f.Offset > int64(n) || f.Section == "" {
				t.Fatalf("%s: first %d bytes: error without a place: %+v", name, n, f)
			}
		}
	}
}

// TestModuleFlippedBytes wants every damaged package refused, or read as what
// the bytes say: then it comes out the same.
func TestModuleFlippedBytes(t *testing.T) {
	for _, name := range []string{kitchenModule, "kitchen-5.pp"} {
		data := modules(t)[name]
		refused := 0
		for i := range data {
			for _, mask := range []byte{0x01, 0x04, 0xff} {
				b := bytes.Clone(data)
				b[i] ^= mask
				p, err := DecodePackage(b)
				var f *FormatError
				if err != nil {
					refused++
					if p != nil || !errors.As(err, &f) {
						t.Fatalf("%s: byte %d ^ %#x: %v, %v", name, i, mask, p != nil, err)
					}
					continue
				}
				if out, err := EncodePackage(p); err != nil || !bytes.Equal(out, b) {
					t.Fatalf("%s: byte %d ^ %#x: written otherwise: %v", name, i, mask, err)
				}
			}
		}
		// Most of a module are sizes and references.
		if refused < 2*len(data) {
			t.Errorf("%s: %d of %d refused", name, refused, 3*len(data))
		}
	}
}

func TestDecodeModuleHeaderErrors(t *testing.T) {
	policy := fixtures(t)[small]
	for _, tt := range []struct {
		name string
		data []byte
		want error
	}{
		{"empty", nil, errTruncated},
		{"text", []byte("module foo 1.0;\n"), ErrNotModule},
		{"kernel", policy, ErrKernel},
		{"package", modules(t)[kitchenModule], ErrPackage},
		{"base", header(0xf97cff8d, "SE Linux Module", 1, 20, 1, 8, 9), ErrBase},
		{"older", header(0xf97cff8d, "SE Linux Module", 2, 3, 1, 8, 0), errors.ErrUnsupported},
		{"newer", header(0xf97cff8d, "SE Linux Module", 2, 25, 1, 8, 0), errors.ErrUnsupported},
		{"header only", header(0xf97cff8d, "SE Linux Module", 2, 20, 1, 8, 0), errTruncated},
	} {
		m, err := DecodeModule(tt.data)
		var f *FormatError
		if m != nil || !errors.As(err, &f) || !errors.Is(err, tt.want) {
			t.Errorf("%s: %v, %v; want nil and a FormatError that is %v", tt.name, m != nil, err, tt.want)
		}
	}
}

// TestEncodeModuleVersions writes what the newest fixture says in each version
// there is, as far as that goes, and wants it back.
func TestEncodeModuleVersions(t *testing.T) {
	for version := uint32(MinModuleVersion - 1); version <= MaxModuleVersion+1; version++ {
		p, err := DecodePackage(modules(t)[kitchenModule])
		if err != nil {
			t.Fatal(err)
		}
		p.Module.Version = version
		data, err := EncodeModule(p.Module)
		// Everything up to extended permissions is in the fixture, and nothing newer.
		if ok := version >= 18 && version <= MaxModuleVersion; ok != (err == nil) {
			t.Errorf("version %d: %v", version, err)
		}
		if err != nil {
			if data != nil || !errors.Is(err, errors.ErrUnsupported) {
				t.Errorf("version %d: %d bytes, %v", version, len(data), err)
			}
			continue
		}
		if m, err := DecodeModule(data); err != nil || !reflect.DeepEqual(m, p.Module) {
			t.Errorf("version %d reads otherwise: %v", version, err)
		}
	}
}

// TestModuleHostileCounts puts a great number wherever there may be a count.
// Whatever is allocated for it must be in proportion to the data.
func TestModuleHostileCounts(t *testing.T) {
	const tail = 1 << 13
	for _, name := range []string{kitchenModule} {
		p, err := DecodePackage(modules(t)[name])
		if err != nil {
			t.Fatal(err)
		}
		data, err := EncodeModule(p.Module)
		if err != nil {
			t.Fatal(err)
		}
		b := append(bytes.Clone(data), make([]byte, tail)...)
		var before, after runtime.MemStats
		for i := 0; i+4 <= len(data); i++ {
			for _, count := range [][]byte{{0xff, 0xff, 0xff, 0xff}, {0, 1, 0, 0}} {
				copy(b[i:], count)
				runtime.ReadMemStats(&before)
				_, _ = DecodeModule(b)
				runtime.ReadMemStats(&after)
				if n := after.TotalAlloc - before.TotalAlloc; n > 10*uint64(len(b)) {
					t.Fatalf("%s: bytes %x at %d: %d bytes allocated for %d", name, count, i, n, len(b))
				}
				copy(b[i:i+4], data[i:])
			}
		}
	}
}
