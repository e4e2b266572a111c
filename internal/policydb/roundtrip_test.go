package policydb

import (
	"bytes"
	"testing"
)

func TestRoundTrip(t *testing.T) {
	for name, data := range fixtures(t) {
		p, err := Decode(data)
		if err != nil {
			t.Errorf("%s: Decode: %v", name, err)
			continue
		}
		out, err := Encode(p)
		if err != nil || !bytes.Equal(out, data) {
			t.Errorf("%s: Encode gives %d bytes of %d: %v", name, len(out), len(data), err)
		}
	}
}
