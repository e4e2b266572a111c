package policydb

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"testing"

	"github.com/sekit/sekit/internal/mutate"
)

// FuzzDecodeModule wants of any bytes that they are refused with a place, or
// give a module that comes out as the bytes it was read from; and of a change
// in a module that was read that it is refused or shows in what is written.
func FuzzDecodeModule(f *testing.F) {
	for _, data := range modules(f) {
		p, err := DecodePackage(data)
		if err != nil {
			f.Fatal(err)
		}
		module, err := EncodeModule(p.Module)
		if err != nil {
			f.Fatal(err)
		}
		for seed := range uint64(40) {
			f.Add(module, seed)
		}
	}
	f.Fuzz(func(t *testing.T, data []byte, seed uint64) {
		m, err := DecodeModule(data)
		if err != nil {
			var e *FormatError
			if m != nil || !errors.As(err, &e) || e.Offset < 0 || e.Offset > int64(len(data)) {
				t.Fatalf("module %v, error %+v", m != nil, err)
			}
			return
		}
		out, err := EncodeModule(m)
		if err != nil || !bytes.Equal(out, data) {
			t.Fatalf("written otherwise: %v", err)
		}
		what := mutate.One(m, rand.New(rand.NewPCG(seed, 0)))
		after, err := EncodeModule(m)
		if err != nil {
			return
		}
		if what != "" && bytes.Equal(after, data) {
			t.Fatalf("%s: not written", what)
		}
		again, err := DecodeModule(after)
		if err != nil {
			t.Fatalf("%s: written, but not read: %v", what, err)
		}
		if twice, err := EncodeModule(again); err != nil || !bytes.Equal(twice, after) {
			t.Fatalf("%s: written otherwise when read back: %v", what, err)
		}
	})
}

// FuzzPackage wants of any bytes that they are refused with a place, or come
// out the same.
func FuzzPackage(f *testing.F) {
	for _, data := range modules(f) {
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := DecodePackage(data)
		if err != nil {
			var e *FormatError
			if p != nil || !errors.As(err, &e) || e.Offset < 0 || e.Offset > int64(len(data)) {
				t.Fatalf("package %v, error %+v", p != nil, err)
			}
			return
		}
		if out, err := EncodePackage(p); err != nil || !bytes.Equal(out, data) {
			t.Fatalf("written otherwise: %v", err)
		}
	})
}
