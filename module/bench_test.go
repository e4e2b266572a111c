package module_test

import (
	"fmt"
	"testing"

	"github.com/sekit/sekit/module"
)

func benchModule(n int) *module.Module {
	m := &module.Module{Name: "bench"}
	for i := range n {
		m.Rules = append(m.Rules, module.Rule{
			Kind: module.Allow, Source: fmt.Sprintf("type%d_t", i%100), Target: fmt.Sprintf("type%d_t", i/100), Class: "file",
			Permissions: []string{"read", "open", "getattr"}, Evidence: []string{fmt.Sprintf("audit(1700000000.000:%d)", i)},
		})
	}
	return m
}

func BenchmarkTE(b *testing.B) {
	for _, n := range []int{300, 20000} {
		m := benchModule(n)
		b.Run(fmt.Sprintf("rules=%d", n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := m.TE(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkPP(b *testing.B) {
	for _, n := range []int{300, 20000} {
		m := benchModule(n)
		b.Run(fmt.Sprintf("rules=%d", n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := m.PP(module.PPOptions{}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkMinimize(b *testing.B) {
	p := demoPolicy(b)
	needs := []module.Need{
		need("httpd_t", "httpd_sys_content_t", "file", "read", "open", "getattr"),
		need("httpd_t", "var_t", "sock_file", "write"),
		process("httpd_t", "httpd_t", "execmem"),
	}
	b.ReportAllocs()
	for b.Loop() {
		if got := module.Minimize(p, needs, module.MinimizeOptions{}); len(got.Rules) != 2 {
			b.Fatal(got)
		}
	}
}

func BenchmarkGuard(b *testing.B) {
	p := demoPolicy(b)
	rules := []module.Rule{allow("httpd_t", "var_t", "sock_file", "write")}
	b.ReportAllocs()
	for b.Loop() {
		if len((module.Guard{}).Check(p, rules)) == 0 {
			b.Fatal("nothing found")
		}
	}
}
