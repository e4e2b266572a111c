package policydb

import (
	"os"
	"testing"
)

// benchmarkPolicy returns Debian's policy where it is installed, else a small
// one; SEKIT_POLICY names another.
func benchmarkPolicy(b *testing.B) []byte {
	b.Helper()
	for _, file := range []string{os.Getenv("SEKIT_POLICY"), "/etc/selinux/default/policy/policy.33"} {
		if data, err := os.ReadFile(file); err == nil {
			return data
		}
	}
	return fixtures(b)["kitchen-33.policy"]
}

func BenchmarkDecode(b *testing.B) {
	data := benchmarkPolicy(b)
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Decode(data); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkEncode(b *testing.B) {
	p, err := Decode(benchmarkPolicy(b))
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Encode(p); err != nil {
			b.Fatal(err)
		}
	}
}
