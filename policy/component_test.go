package policy_test

import (
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/sekit/sekit/policy"
)

//go:generate checkpolicy -M -c 33 -o testdata/query.policy testdata/query.conf

// queryPolicy opens the policy that testdata/query.conf is the source of.
func queryPolicy(t testing.TB) *policy.Policy {
	t.Helper()
	p, err := policy.Open("testdata/query.policy")
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func texts[T fmt.Stringer](list iter.Seq[T]) []string {
	var out []string
	for v := range list {
		out = append(out, v.String())
	}
	return out
}

func statementsOf[T interface{ Statement() string }](list iter.Seq[T]) []string {
	var out []string
	for v := range list {
		out = append(out, v.Statement())
	}
	return out
}

func wantLines(t *testing.T, what string, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s:\n got %s\nwant %s", what, strings.Join(got, "\n     "), strings.Join(want, "\n     "))
	}
}

// All expectations are read off the source.
func TestComponents(t *testing.T) {
	p := queryPolicy(t)
	wantLines(t, "types", texts(p.Types()),
		"ephemeral_port_t", "haproxy_t", "http_port_t", "httpd_exec_t", "httpd_log_t", "httpd_sys_content_t",
		"httpd_t", "httpd_worker_t", "kernel_t", "netif_t", "node_t", "port_t", "proc_net_t", "proc_t", "unlabeled_t")
	wantLines(t, "attributes", statementsOf(p.Attributes()),
		"attribute domain;", "attribute file_type;", "attribute nothing;", "attribute trusted;")
	wantLines(t, "classes", texts(p.Classes()), "dir", "file", "peer", "process", "tcp_socket")
	wantLines(t, "commons", statementsOf(p.Commons()), "common file\n{\n\tgetattr\n\tioctl\n\tread\n\trelabelto\n\twrite\n}")
	wantLines(t, "roles", statementsOf(p.Roles()),
		"role object_r;", // no types: it goes with all
		"role staff_r types haproxy_t;",
		"role system_r types { haproxy_t httpd_t httpd_worker_t kernel_t unlabeled_t };")
	wantLines(t, "users", statementsOf(p.Users()),
		"user root roles { staff_r system_r } level s0 range s0;",
		"user system_u roles system_r level s0 range s0 - s1:c0.c3;")
	wantLines(t, "booleans", statementsOf(p.Booleans()),
		"bool httpd_can_network_connect false;", "bool httpd_enable_homedirs false;", "bool use_nfs_home_dirs true;")
	wantLines(t, "sensitivities", statementsOf(p.Sensitivities()), // lowest first
		"sensitivity s0;", "sensitivity s1 alias { hidden secret };")
	wantLines(t, "categories", statementsOf(p.Categories()), // in their order
		"category c0;", "category c1;", "category c2 alias blue;", "category c3;")
	wantLines(t, "capabilities", statementsOf(p.Capabilities()),
		"policycap network_peer_controls;", "policycap open_perms;")
	wantLines(t, "defaults", statementsOf(p.Defaults()),
		"default_range dir glblub;",
		"default_user file source;", "default_role file target;", "default_type file source;",
		"default_range file source low_high;")
	wantLines(t, "permissive", texts(p.PermissiveTypes()), "haproxy_t")
	wantLines(t, "bounded", texts(p.BoundedTypes()), "httpd_worker_t")
	wantLines(t, "constraints", statementsOf(p.Constraints()),
		"constrain dir { search write } (u1 == u2 or not ( t1 != { file_type httpd_t } ) or u1 == { root system_u });",
		"mlsconstrain file relabelto (l1 domby l2 and ( t1 == trusted or r1 == r2 ));",
		"mlsvalidatetrans file (l1 == l2 or t3 == trusted);")
}

func TestTypeAndAttribute(t *testing.T) {
	p := queryPolicy(t)
	v, err := p.Type("lb_t")
	if err != nil || v.Name() != "haproxy_t" {
		t.Fatalf("Type of an alias: %v, %v", v, err)
	}
	if s := v.Statement(); s != "type haproxy_t alias { balancer_t lb_t }, domain;" {
		t.Error(s)
	}
	if !v.Permissive() || v.NeverAudit() {
		t.Error("haproxy_t is permissive, and no type is neveraudit")
	}
	wantLines(t, "roles", texts(v.Roles()), "staff_r", "system_r")
	worker, _ := p.Type("httpd_worker_t")
	if b, ok := worker.Bounds(); !ok || b.Name() != "httpd_t" {
		t.Errorf("bounds %v %v", b, ok)
	}
	if _, ok := v.Bounds(); ok {
		t.Error("haproxy_t has no bounds")
	}
	domain, err := p.Attribute("domain")
	if err != nil || domain.Len() != 4 || !domain.Has(v) {
		t.Errorf("domain: %v, %d types", err, domain.Len())
	}
	wantLines(t, "domain", texts(domain.Types()), "haproxy_t", "httpd_t", "httpd_worker_t", "kernel_t")
	nothing, _ := p.Attribute("nothing")
	if nothing.Len() != 0 || texts(nothing.Types()) != nil {
		t.Error("nothing has no types")
	}
}

func TestClass(t *testing.T) {
	p := queryPolicy(t)
	dir, err := p.Class("dir")
	if err != nil {
		t.Fatal(err)
	}
	if s := dir.Statement(); s != "class dir\ninherits file\n{\n\tsearch\n}" {
		t.Errorf("%q", s)
	}
	wantLines(t, "permissions", dir.Permissions(), "ioctl", "read", "write", "getattr", "relabelto", "search")
	if common, ok := dir.Common(); !ok || common.Name() != "file" || !dir.HasPermission("read") || dir.HasPermission("execute") {
		t.Error("dir inherits file, and has no execute")
	}
	peer, _ := p.Class("peer")
	if _, ok := peer.Common(); ok {
		t.Error("peer inherits nothing")
	}
}

func TestUnknownNames(t *testing.T) {
	p := queryPolicy(t)
	for kind, look := range map[string]func(string) error{
		"type":        func(s string) error { _, err := p.Type(s); return err },
		"attribute":   func(s string) error { _, err := p.Attribute(s); return err },
		"class":       func(s string) error { _, err := p.Class(s); return err },
		"common":      func(s string) error { _, err := p.Common(s); return err },
		"role":        func(s string) error { _, err := p.Role(s); return err },
		"user":        func(s string) error { _, err := p.User(s); return err },
		"boolean":     func(s string) error { _, err := p.Boolean(s); return err },
		"sensitivity": func(s string) error { _, err := p.Sensitivity(s); return err },
		"category":    func(s string) error { _, err := p.Category(s); return err },
		"initial SID": func(s string) error { _, err := p.InitialSID(s); return err },
	} {
		var unknown *policy.NameError
		if err := look("no_such"); !errors.As(err, &unknown) || unknown.Kind != kind || !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: %v", kind, err)
		}
	}
	// A type is no attribute, and the other way round.
	if _, err := p.Type("domain"); err == nil {
		t.Error("domain is no type")
	}
	if _, err := p.Attribute("httpd_t"); err == nil {
		t.Error("httpd_t is no attribute")
	}
	// Aliases of levels are found.
	if s, err := p.Sensitivity("secret"); err != nil || s.Name() != "s1" || s.Level() != "s1:c0.c3" {
		t.Errorf("secret: %v %v", s, err)
	}
	if c, err := p.Category("blue"); err != nil || c.Name() != "c2" {
		t.Errorf("blue: %v %v", c, err)
	}
}

func TestFilesystems(t *testing.T) {
	p := queryPolicy(t)
	wantLines(t, "fs_use", statementsOf(p.FSUses()), // checkpolicy writes the last one first
		"fs_use_trans devpts system_u:object_r:proc_t:s0;",
		"fs_use_task pipefs system_u:object_r:unlabeled_t:s0;",
		"fs_use_xattr ext4 system_u:object_r:unlabeled_t:s0;")
	if u, ok := p.FSUse("devpts"); !ok || u.Behavior != "trans" || u.Context.Type() != "proc_t" {
		t.Errorf("devpts: %+v", u)
	}
	if _, ok := p.FSUse("proc"); ok {
		t.Error("proc has no fs_use")
	}
	wantLines(t, "genfscon", statementsOf(p.Genfscons()), // longest path first
		"genfscon proc /net/tcp system_u:object_r:httpd_log_t:s0 - s1:c0.c1",
		"genfscon proc /net -d system_u:object_r:proc_net_t:s0",
		"genfscon proc / system_u:object_r:proc_t:s0")
	for _, c := range []struct{ path, class, typ string }{
		{"/cpuinfo", "file", "proc_t"},
		{"/net", "dir", "proc_net_t"},
		{"/net/udp", "dir", "proc_net_t"},
		{"/net", "file", "proc_t"},        // the statement is for directories
		{"/network", "dir", "proc_net_t"}, // it is a prefix of the text, not of the path
		{"/net/tcp6", "file", "httpd_log_t"},
		{"//net/tcp", "file", "httpd_log_t"}, // the kernel drops slashes in front
		{"/net/tcp", "", "httpd_log_t"},
	} {
		if ctx := p.GenfsContext("proc", c.path, c.class); ctx.Type() != c.typ {
			t.Errorf("%s of class %s: %v, want %s", c.path, c.class, ctx, c.typ)
		}
	}
	// Without a statement: the context of the initial SID unlabeled. Two
	// categories in a row are c0,c1 as the kernel prints them.
	if ctx := p.GenfsContext("sysfs", "/", "dir"); ctx.String() != "system_u:object_r:unlabeled_t:s0" {
		t.Error(ctx)
	}
	if ctx := p.GenfsContext("proc", "/net/tcp", "file"); ctx.Range() != "s0-s1:c0,c1" {
		t.Error(ctx)
	}
}

func TestNetwork(t *testing.T) {
	p := queryPolicy(t)
	wantLines(t, "netifcon", texts(p.Netifcons()),
		"netifcon lo system_u:object_r:proc_t:s0 system_u:object_r:unlabeled_t:s0")
	wantLines(t, "nodecon", texts(p.Nodecons()),
		"nodecon 127.0.0.0 255.0.0.0 system_u:object_r:proc_t:s0",
		"nodecon ::1 ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff system_u:object_r:proc_net_t:s0")
	wantLines(t, "ibpkeycon", texts(p.IBPkeycons()), "ibpkeycon fe80:: 0x7fff-0x8001 system_u:object_r:proc_t:s0")
	wantLines(t, "ibendportcon", texts(p.IBEndportcons()), "ibendportcon mlx4_0 1 system_u:object_r:proc_net_t:s0")
	const subnet = 0xfe80 << 48
	for what, got := range map[string][2]string{
		"lo":                {p.NetifContext("lo").Type(), "proc_t"},
		"eth0":              {p.NetifContext("eth0").Type(), "netif_t"}, // initial SID netif
		"127.1.2.3":         {p.NodeContext(netip.MustParseAddr("127.1.2.3")).Type(), "proc_t"},
		"128.1.2.3":         {p.NodeContext(netip.MustParseAddr("128.1.2.3")).Type(), "node_t"}, // initial SID node
		"::1":               {p.NodeContext(netip.MustParseAddr("::1")).Type(), "proc_net_t"},
		"::ffff:127.0.0.1":  {p.NodeContext(netip.MustParseAddr("::ffff:127.0.0.1")).Type(), "node_t"},
		"pkey 0x8001":       {p.IBPkeyContext(subnet, 0x8001).Type(), "proc_t"},
		"pkey 0x8002":       {p.IBPkeyContext(subnet, 0x8002).Type(), "unlabeled_t"},
		"pkey other subnet": {p.IBPkeyContext(1, 0x8001).Type(), "unlabeled_t"},
		"mlx4_0 1":          {p.IBEndportContext("mlx4_0", 1).Type(), "proc_net_t"},
		"mlx4_0 2":          {p.IBEndportContext("mlx4_0", 2).Type(), "unlabeled_t"},
	} {
		if got[0] != got[1] {
			t.Errorf("%s: %s, want %s", what, got[0], got[1])
		}
	}
}

func TestInitialSIDs(t *testing.T) {
	p := queryPolicy(t)
	s, err := p.InitialSID("kernel")
	if err != nil || s.Number != 1 || s.Statement() != "sid kernel system_u:system_r:kernel_t:s0" {
		t.Errorf("%+v %v", s, err)
	}
	// Those of the source, by number.
	wantLines(t, "initial SIDs", texts(p.InitialSIDs()), "kernel", "security", "unlabeled", "fs", "file",
		"file_labels", "init", "any_socket", "port", "netif", "netmsg", "node")
}
