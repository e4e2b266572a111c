package policydb

import (
	"encoding/binary"
	"errors"
	"testing"
)

// header returns the first bytes of a policy file.
func header(magic uint32, id string, words ...uint32) []byte {
	b := binary.LittleEndian.AppendUint32(nil, magic)
	b = binary.LittleEndian.AppendUint32(b, uint32(len(id)))
	b = append(b, id...)
	for _, w := range words {
		b = binary.LittleEndian.AppendUint32(b, w)
	}
	return b
}

func TestDecodeHeaderErrors(t *testing.T) {
	for _, tt := range []struct {
		name string
		data []byte
		want error
	}{
		{"empty", nil, errTruncated},
		{"text", []byte("policy_module(foo, 1.0)\n"), ErrMagic},
		{"module", header(0xf97cff8d, "SE Linux Module", 1, 20, 1, 8, 0), ErrModule},
		{"package", header(0xf97cff8f, "", 1), ErrModule},
		{"xen", header(0xf97cff8c, "XenFlask", 24, 1, 8, 5), ErrXen},
		{"older", header(0xf97cff8c, "SE Linux", 23, 1, 8, 7), errors.ErrUnsupported},
		{"newer", header(0xf97cff8c, "SE Linux", 36, 1, 8, 9), errors.ErrUnsupported},
		{"header only", header(0xf97cff8c, "SE Linux", 33, 1, 8, 9), errTruncated},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p, err := Decode(tt.data)
			var f *FormatError
			if p != nil || !errors.As(err, &f) || !errors.Is(err, tt.want) {
				t.Fatalf("Decode = %v, %v; want nil and a FormatError that is %v", p, err, tt.want)
			}
			if f.Section == "" || f.Offset < 0 || f.Offset > int64(len(tt.data)) {
				t.Errorf("no place in the error: %+v", f)
			}
		})
	}
}
