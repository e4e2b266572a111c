package triage_test

import (
	"context"
	"testing"

	"github.com/sekit/sekit"
	"github.com/sekit/sekit/module"
	"github.com/sekit/sekit/module/moduletest"
)

// enterprise is the demonstration's system with what is different in Enterprise
// Linux's policy: the web's content and file systems without labels count as
// programs.
func enterprise(t *testing.T) *sekit.System {
	t.Helper()
	sys := demoSystem(t)
	store := moduletest.NewBackend(sys.Policy)
	cil := `(typeattribute noxattrfs)
(typeattributeset noxattrfs (nfs_t))
(typeattributeset exec_type (httpd_sys_content_t nfs_t))
(typeattributeset entry_type (httpd_sys_content_t nfs_t))
(allow syslogd_t noxattrfs (filesystem (getattr)))
`
	err := store.Commit(context.Background(), []module.Change{{
		Op: module.Install, Key: module.Key{Name: "enterprise", Priority: 400}, Content: module.Content{Language: "cil", Data: []byte(cil)},
	}})
	if err != nil {
		t.Fatal(err)
	}
	if sys.Policy, err = store.Policy(); err != nil {
		t.Fatal(err)
	}
	sys.Ports = nil
	return sys
}

// TestEnterprise holds the answers for denials by such a policy to an expert's.
func TestEnterprise(t *testing.T) {
	sys := enterprise(t)
	for _, s := range scenarios(t, "testdata/enterprise.scenarios") {
		t.Run(s.name, func(t *testing.T) { s.check(t, sys, s.answer(t, sys)) })
	}
}
