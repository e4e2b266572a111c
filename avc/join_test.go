package avc_test

import (
	"strings"
	"testing"

	"github.com/sekit/sekit/avc"
)

// TestBrokenWords joins words that were broken where a rule for each is needed:
// what stands left of the bar ends a line, what stands right of it begins the
// next. The record without bars says what is to come out.
func TestBrokenWords(t *testing.T) {
	for _, text := range []string{
		"type=1400 audit|(1700000000.001:1): avc: denied { read } for scontext=u:r:a:s0 tcontext=u:r:b:s0 tclass=file permissive=0",
		"type=1400 audit(1700000000.001:1)|: avc: denied { read } for scontext=u:r:a:s0 tcontext=u:r:b:s0 tclass=file permissive=0",
		"type=AVC msg=|audit(1700000000.001:1): avc: denied { ad|d } for pid=1 scontext=u:r:a:s0 tcontext=u:r:b:s0 tclass=service_manager",
		"avc: denied { unix_|read } for scontext=u:r:a:s0 tcontext=u:r:b:s0 tclass=shm permissive=0",
		"avc: denied { mount } for scontext=u:r:a:s0 tcontext=u:r:b:s0 tclass=file|system permissive=0",
		"avc: denied { net_raw } for scontext=u:r:a:s0 tcontext=u:r:b:s0 tcla|ss=process|2 permissive=0",
		"avc: denied { read } for dsm=HS|_Q scontext=u:r:a|:s0 tcontext=u:r:b:s0 tclass=file",
		"avc: denied { read } for pid=1 scontext=s|ysadm_u:r:a:s0 tco|ntext=u:r:b:s0 tclass=file",
		"type=USER_AVC msg=audit(1700000000.001:1): pid=1 uid=0 a|uid=1 ses=2 msg='avc:  denied  { send_msg } for scontext=u:r:a:s0 tcontext=u:r:b:s0 tclass=db|us : exe=\"/bin/dbus-daemon\"'",
	} {
		whole, err := avc.ParseRecord(strings.ReplaceAll(text, "|", ""))
		if err != nil || len(whole.Denials) != 1 {
			t.Fatalf("%s: %v", text, err)
		}
		want := whole.Denials[0]
		for _, margin := range []string{"", "    ", "> "} {
			e, err := avc.ParseRecord(margin + strings.ReplaceAll(text, "|", "\n"+margin))
			if err != nil || len(e.Denials) != 1 {
				t.Errorf("%q %s: %v", margin, text, err)
				continue
			}
			got := e.Denials[0]
			if got.ID != want.ID || strings.Join(got.Permissions, " ") != strings.Join(want.Permissions, " ") ||
				got.Source != want.Source || got.Target != want.Target || got.Class != want.Class || got.AUID != want.AUID {
				t.Errorf("%q %s: %v %v %v %v", margin, text, got.Permissions, got.Source, got.Target, got.Class)
			}
		}
	}
}
