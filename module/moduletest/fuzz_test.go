package moduletest_test

import (
	"os"
	"testing"

	"github.com/sekit/sekit/module"
	"github.com/sekit/sekit/module/moduletest"
)

// FuzzInstall installs what may be a module: it is linked whole, or nothing is
// changed.
func FuzzInstall(f *testing.F) {
	for _, name := range []string{"webapp-5.pp", "webapp-21.pp"} {
		data, err := os.ReadFile("../testdata/" + name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add("pp", data)
	}
	f.Add("cil", []byte("(type own_t)\n(typeattributeset domain (own_t))\n(allow httpd_t own_t (file (read)))\n(typetransition httpd_t own_t file \"x\" own_t)"))
	p := demoPolicy(f)
	f.Fuzz(func(t *testing.T, language string, data []byte) {
		b := moduletest.NewBackend(p)
		_, err := module.NewStore(b).Install(t.Context(), module.Key{Name: "webapp"}, module.Content{Language: language, Data: data})
		if now, _ := b.Policy(); err != nil && now != p || err == nil && now == p {
			t.Errorf("%v, policy changed: %v", err, now != p)
		}
	})
}
