package fcontext_test

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/sekit/sekit/fcontext"
	"github.com/sekit/sekit/internal/demo"
	"github.com/sekit/sekit/policy"
)

const template = "HOME_DIR/.+\tsystem_u:object_r:user_home_t:s0\n" +
	"HOME_DIR\t-d\tsystem_u:object_r:user_home_dir_t:s0\n" +
	"HOME_ROOT\t-d\tsystem_u:object_r:home_root_t:s0\n" +
	"HOME_ROOT/x\tsystem_u:object_r:no_such_type_t:s0\n" +
	"/tmp/of-%{USERNAME}\t<<none>>\n" +
	"/mail/USER\tsystem_u:object_r:mail_spool_t:s0\n"

// homedirsRoot is a system's root with what home directories come from.
func homedirsRoot() fstest.MapFS {
	const active = "var/lib/selinux/demo/active/"
	root := fstest.MapFS{}
	for name, text := range map[string]string{
		active + "homedir_template": template,
		active + "seusers":          "# comment\nalice:staff_u:s0\n__default__:unconfined_u:s0-s0:c0.c1023\n",
		active + "users_extra":      "user staff_u prefix staff;\n",
		active + "file_contexts":    "/srv/www(/.*)?\tsystem_u:object_r:var_t:s0\n",
		"etc/passwd":                "root:x:0:0::/root:/bin/sh\nalice:x:1000:1000::/home/alice:/bin/sh\nbob:x:1001:1001::/srv/www/bob:/bin/sh\ncarol:x:1002:1002::/far/off/carol/:/bin/csh\n",
		"etc/group":                 "staff:x:50:alice\n",
		"etc/shells":                "/bin/sh\n/sbin/nologin\n",
		"etc/libuser.conf":          "LU_UIDNUMBER = 800\nLU_HOMEDIRECTORY=/homes\n",
		"export/home/x":             "",
	} {
		root[name] = &fstest.MapFile{Data: []byte(text)}
	}
	return root
}

func TestReadHomedirs(t *testing.T) {
	h, err := fcontext.ReadHomedirs(homedirsRoot(), "demo")
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(h.Roots, []string{"/homes", "/export/home"}) || h.MinUID != 800 || h.MaxUID != 60000 || !slices.Equal(h.Shells, []string{"/bin/sh"}) {
		t.Errorf("roots %q, UIDs %d to %d, shells %q", h.Roots, h.MinUID, h.MaxUID, h.Shells)
	}
	if len(h.Logins) != 2 || h.Logins[1] != (fcontext.Login{Name: "__default__", User: "unconfined_u"}) || h.Prefixes["staff_u"] != "staff" || len(h.Accounts) != 4 || len(h.Groups) != 1 {
		t.Errorf("%+v", h)
	}
	p, _ := openDemo(t)
	text, warnings, err := h.Generate(p)
	if err != nil {
		t.Fatal(err)
	}
	// bob's home has a spec of the policy's, carol cannot log in.
	if len(warnings) != 1 || warnings[0].Account != "bob" || warnings[0].Home != "/srv/www/bob" {
		t.Errorf("warnings %v", warnings)
	}
	for _, want := range []string{
		"\n\n#\n# Home Context for user user_u\n#\n\n/export/home/[^/]+/.+\tunconfined_u:object_r:user_home_t:s0\n",
		"\n/homes\t-d\tsystem_u:object_r:home_root_t:s0\n",
		"\n/home/alice/.+\tstaff_u:object_r:user_home_t:s0\n",
		"\n/tmp/of-[^/]+\t<<none>>\n", "\n/tmp/of-alice\t<<none>>\n",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
	if strings.Contains(text, "no_such_type_t") || strings.Contains(text, "carol") {
		t.Errorf("too much in\n%s", text)
	}
	if _, err := fcontext.Parse(fcontext.Files{Contexts: strings.NewReader(text)}, fcontext.Options{}); err != nil {
		t.Error(err)
	}

	root := homedirsRoot()
	delete(root, "var/lib/selinux/demo/active/seusers")
	if h, err := fcontext.ReadHomedirs(root, "demo"); !errors.Is(err, fs.ErrNotExist) || h != nil {
		t.Errorf("no seusers: %v", err)
	}
}

// An account's name or home must not make a line of its own.
func TestHomedirsHostile(t *testing.T) {
	p, _ := openDemo(t)
	for _, change := range []func(h *fcontext.Homedirs){
		func(h *fcontext.Homedirs) { h.Accounts[1].Home = "/x\n/etc/shadow\tu:r:t:s0\n" },
		func(h *fcontext.Homedirs) { h.Accounts[1].Home = "/home/a lice" },
		func(h *fcontext.Homedirs) { h.Accounts[1].Name, h.Logins[0].Name = "a\tb", "a\tb" },
		func(h *fcontext.Homedirs) { h.Logins[0].User = "no_such_user_u" },
		func(h *fcontext.Homedirs) { h.Logins[0].Name = "%no-such-group" },
		func(h *fcontext.Homedirs) { h.Roots = []string{"/a\nb"} },
		func(h *fcontext.Homedirs) { h.Template = "HOME_DIR/x bad:context\n" },
	} {
		h, err := fcontext.ReadHomedirs(homedirsRoot(), "demo")
		if err != nil {
			t.Fatal(err)
		}
		change(h)
		if text, _, err := h.Generate(p); !errors.Is(err, fcontext.ErrHomedirs) || text != "" {
			t.Errorf("%q, %v", text, err)
		}
	}
}

// FuzzHomedirs: whatever the files say, what is made of them can be read.
func FuzzHomedirs(f *testing.F) {
	f.Add(template, "alice:staff_u\n%g:user_u\n", "alice:x:1000:5::/home/alice:/bin/sh\nbob:x:1:5::/x/y/:/bin/sh\n", "g:x:5:alice,eve\n")
	f.Add("HOME_DIR a:b:c\nUSER d:e:f \nROLE USER %{USERID}", "__default__:x:s0", "a:x:4294967296:0:::\n::::::\n", "g:x:-1:\n")
	p, _ := openDemo(f)
	f.Fuzz(func(t *testing.T, template, logins, passwd, group string) {
		root := homedirsRoot()
		root["var/lib/selinux/demo/active/homedir_template"].Data = []byte(template)
		root["var/lib/selinux/demo/active/seusers"].Data = []byte(logins)
		root["etc/passwd"].Data = []byte(passwd)
		root["etc/group"].Data = []byte(group)
		h, err := fcontext.ReadHomedirs(root, "demo")
		if err != nil {
			t.Fatal(err)
		}
		if text, _, err := h.Generate(p); err != nil && (text != "" || !errors.Is(err, fcontext.ErrHomedirs)) {
			t.Errorf("%q, %v", text, err)
		}
	})
}

// Which specs does a user get who is added?
func ExampleHomedirs_Generate() {
	p, err := policy.Parse(demo.Policy())
	if err != nil {
		panic(err)
	}
	h := &fcontext.Homedirs{
		Template: "HOME_DIR/.+\tsystem_u:object_r:user_home_t:s0\n/tmp/of-%{USERNAME}\t<<none>>\n",
		Logins:   []fcontext.Login{{Name: "__default__", User: "unconfined_u"}},
	}
	before, _, err := h.Generate(p)
	if err != nil {
		panic(err)
	}
	h.Accounts = append(h.Accounts, fcontext.Account{Name: "alice", UID: 1000, Home: "/home/alice"})
	h.Logins = append(h.Logins, fcontext.Login{Name: "alice", User: "staff_u"})
	after, _, err := h.Generate(p)
	if err != nil {
		panic(err)
	}
	fmt.Println(strings.TrimPrefix(after, before))
	// Output:
	// #
	// # Home Context for user alice
	// #
	//
	// /home/alice/.+	staff_u:object_r:user_home_t:s0
	// /tmp/of-alice	<<none>>
}
