package mutate

import (
	"math"
	"math/rand/v2"
	"reflect"
)

// One changes one thing somewhere below a pointer: a field, an element, or that
// there is one. It returns what, or "" if it met nothing to change. Slices are
// not written over, so that a shallow copy of what holds them stays as it was;
// their elements are.
func One(p any, r *rand.Rand) string { return one(reflect.ValueOf(p).Elem(), r) }

func one(v reflect.Value, r *rand.Rand) string {
	switch v.Kind() {
	case reflect.Struct:
		i := r.IntN(v.NumField())
		if what := one(v.Field(i), r); what != "" {
			return v.Type().Field(i).Name + "." + what
		}
		return ""
	case reflect.Array:
		return one(v.Index(r.IntN(v.Len())), r)
	case reflect.Pointer:
		if v.IsNil() {
			return ""
		}
		return one(v.Elem(), r)
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
		return one(v.Index(i), r)
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
