package policydb

import (
	"bytes"
	"errors"
	"math"
	"math/rand/v2"
	"reflect"
	"testing"
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
	f.Fuzz(func(t *testing.T, file uint8, seed uint64) {
		before := data[files[int(file)%len(files)]]
		p, err := Decode(before)
		if err != nil {
			t.Fatal(err)
		}
		what := mutate(reflect.ValueOf(p).Elem(), rand.New(rand.NewPCG(seed, 0)))
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

// mutate changes one thing below v and returns what, or "" if it did not.
func mutate(v reflect.Value, r *rand.Rand) string {
	switch v.Kind() {
	case reflect.Struct:
		i := r.IntN(v.NumField())
		if what := mutate(v.Field(i), r); what != "" {
			return v.Type().Field(i).Name + "." + what
		}
		return ""
	case reflect.Array:
		return mutate(v.Index(r.IntN(v.Len())), r)
	case reflect.Pointer:
		if v.IsNil() {
			return ""
		}
		return mutate(v.Elem(), r)
	case reflect.Slice:
		if v.Len() == 0 {
			return ""
		}
		i := r.IntN(v.Len())
		switch r.IntN(16) {
		case 0: // without the element
			v.Set(reflect.AppendSlice(v.Slice3(0, i, i), v.Slice(i+1, v.Len())))
			return "delete"
		case 1: // with it twice
			v.Set(reflect.Append(v.Slice3(0, v.Len(), v.Len()), v.Index(i)))
			return "repeat"
		}
		return mutate(v.Index(i), r)
	case reflect.Bool:
		v.SetBool(!v.Bool())
		return "flip"
	case reflect.String:
		old := v.String()
		v.SetString([]string{"", old + "x", "x" + old, "a\x00b", "object_r", "process", string(make([]byte, 70))}[r.IntN(7)])
		return changed(v.String() != old)
	}
	old := v.Uint()
	v.SetUint([]uint64{0, 1, old + 1, old - 1, old ^ 1<<r.IntN(64), r.Uint64(), r.Uint64N(16), math.MaxUint64}[r.IntN(8)] &
		(1<<v.Type().Bits() - 1))
	return changed(v.Uint() != old)
}

func changed(yes bool) string {
	if yes {
		return "change"
	}
	return ""
}
