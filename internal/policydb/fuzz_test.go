package policydb

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"os"
	"reflect"
	"testing"

	"github.com/sekit/sekit/internal/mutate"
)

// FuzzDecode wants of any bytes that they are refused with a place, or give a
// policy that can be walked and that comes out as the bytes it was read from.
func FuzzDecode(f *testing.F) {
	for _, data := range fixtures(f) {
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		p, err := Decode(data)
		if err != nil {
			var e *FormatError
			if p != nil || !errors.As(err, &e) || e.Offset < 0 || e.Offset > int64(len(data)) {
				t.Fatalf("policy %v, error %+v", p != nil, err)
			}
			return
		}
		out, err := Encode(p)
		if err != nil {
			t.Fatalf("what was read cannot be written: %v", err)
		}
		if !bytes.HasPrefix(data, out) {
			t.Fatal("what was written is not what was read")
		}
		again, err := Decode(out)
		if err != nil || !reflect.DeepEqual(again, p) {
			t.Fatalf("what was written reads otherwise: %v", err)
		}
		for version := uint32(MinVersion); version <= MaxVersion; version++ {
			q, _, err := Convert(p, version)
			if err != nil {
				continue
			}
			if _, err := Encode(q); err != nil {
				t.Fatalf("converted to version %d: %v", version, err)
			}
		}
	})
}

// FuzzEncode changes one thing somewhere in a policy. The policy must be
// refused, or be written as bytes that read back and show the change: a writer
// that drops something in silence would make another policy of it.
func FuzzEncode(f *testing.F) {
	files := []string{small, "kitchen-24.policy", "kitchen-31.policy", "kitchen-33-nomls.policy", "kitchen-cil-33.policy"}
	data := fixtures(f)
	for i := range files {
		for seed := range 200 {
			f.Add(uint8(i), uint64(seed))
		}
	}
	// A distribution's policy is a hundred times slower.
	if name := os.Getenv("SEKIT_FUZZ_POLICY"); name != "" {
		real, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		files, data[name] = append(files, name), real
		for seed := range 10 {
			f.Add(uint8(len(files)-1), uint64(seed))
		}
	}
	f.Fuzz(func(t *testing.T, file uint8, seed uint64) {
		before := data[files[int(file)%len(files)]]
		p, err := Decode(before)
		if err != nil {
			t.Fatal(err)
		}
		what := mutate.One(p, rand.New(rand.NewPCG(seed, 0)))
		after, err := Encode(p)
		if err != nil {
			var e *FormatError
			if after != nil || !errors.As(err, &e) {
				t.Fatalf("%s: %d bytes and %v", what, len(after), err)
			}
			return
		}
		// Extended permissions that no rule refers to are no part of the file.
		if what != "" && what != "XPerms.repeat" && bytes.Equal(after, before) {
			t.Fatalf("%s: not written", what)
		}
		q, err := Decode(after)
		if err != nil {
			t.Fatalf("%s: written, but not read: %v", what, err)
		}
		if again, err := Encode(q); err != nil || !bytes.Equal(again, after) {
			t.Fatalf("%s: written otherwise when read back: %v", what, err)
		}
	})
}
