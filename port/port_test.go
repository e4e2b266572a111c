package port_test

import (
	"context"
	"errors"
	"io/fs"
	"slices"
	"strings"
	"testing"

	"github.com/sekit/sekit/internal/demo"
	"github.com/sekit/sekit/policy"
	"github.com/sekit/sekit/port"
	"github.com/sekit/sekit/port/porttest"
)

// demoPolicy has, among others, these portcons (internal/demo/policy):
// tcp 80, 443, 8443 http_port_t; 8080 http_cache_port_t; 10001-10010
// http_cache_port_t; 1-511 reserved_port_t; 1024-32767 unreserved_port_t.
func demoPolicy(t testing.TB) *policy.Policy {
	t.Helper()
	p, err := policy.Parse(demo.Policy())
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func record(protocol port.Protocol, low, high uint16, typ string) port.Record {
	return port.Record{
		Key:     port.Key{Protocol: protocol, Low: low, High: high},
		Context: policy.MustParseContext("system_u:object_r:" + typ + ":s0"),
	}
}

func TestLookup(t *testing.T) {
	table := port.NewTable(demoPolicy(t), []port.Record{
		record(port.TCP, 5601, 5601, "http_port_t"),
		record(port.TCP, 443, 443, "http_cache_port_t"),
	})
	tests := []struct {
		protocol port.Protocol
		port     int
		want     string // TYPE RANGE ORIGIN
		exact    bool
		shadowed int
	}{
		{port.TCP, 8443, "http_port_t 8443 policy", true, 1},
		{port.TCP, 5601, "http_port_t 5601 local", true, 1},
		{port.UDP, 5601, "unreserved_port_t 1024-32767 policy", false, 0},
		{port.TCP, 443, "http_cache_port_t 443 local", true, 2},
		{port.TCP, 10005, "http_cache_port_t 10001-10010 policy", false, 1},
		{port.TCP, 12, "reserved_port_t 1-511 policy", false, 0},
		{port.TCP, 65535, "unreserved_port_t 61000-65535 policy", false, 0},
		{port.TCP, 0, "port_t 0 initial SID", false, 0},
		{port.DCCP, 80, "port_t 80 initial SID", false, 0},
	}
	for _, tt := range tests {
		m, err := table.Lookup(tt.protocol, tt.port)
		if err != nil {
			t.Errorf("%s %d: %v", tt.protocol, tt.port, err)
			continue
		}
		got := m.Context.Type() + " " + m.Range() + " " + m.Origin.String()
		if got != tt.want || m.Exact() != tt.exact || len(m.Shadowed) != tt.shadowed {
			t.Errorf("%s %d: got %s, exact %v, shadowed %v; want %s, %v, %d",
				tt.protocol, tt.port, got, m.Exact(), m.Shadowed, tt.want, tt.exact, tt.shadowed)
		}
	}
	for _, bad := range []int{-1, 65536, 1 << 20} {
		m, err := table.Lookup(port.TCP, bad)
		if !errors.Is(err, port.ErrInvalidPort) || m.IsValid() {
			t.Errorf("port %d: %v, %v", bad, m, err)
		}
	}
	if _, err := table.Lookup(0, 80); !errors.Is(err, port.ErrInvalidPort) {
		t.Errorf("no protocol: %v", err)
	}
}

// A policy that libsemanage built has the local records at its head, the last
// one of the store first.
func TestMergedPolicy(t *testing.T) {
	p := demoPolicy(t)
	plain := port.NewTable(p, nil).Entries()
	head := []port.Record{plain[1].Record, plain[0].Record} // the store's order is the reverse
	table := port.NewTable(p, head)
	if got := table.Entries(); len(got) != len(plain) || got[0].Record != plain[0].Record || got[1].Record != plain[1].Record ||
		got[0].Origin != port.FromLocal || got[1].Origin != port.FromLocal || got[2] != plain[2] {
		t.Errorf("got %v", got[:3])
	}
	// One that was written in another way.
	other := slices.Clone(head)
	other[0].Context = other[0].Context.WithRange("s0-s0")
	if got := port.NewTable(p, other).Entries(); len(got) != len(plain) {
		t.Errorf("range written in another way: %d entries, want %d", len(got), len(plain))
	}
	// The entry's context is the policy's, and planning goes by the store's record.
	table = port.NewTable(p, other)
	if e := table.Entries()[1]; e.Record != plain[1].Record {
		t.Errorf("got %v, want %v", e, plain[1])
	}
	if c, err := table.PlanDelete(other[0].Key); err != nil || c.Before.Record != other[0] {
		t.Errorf("got %+v, %v", c, err)
	}
	// One that was added since the policy was built: the head is not what the store has.
	more := append(head, record(port.TCP, 5601, 5601, "http_port_t"))
	if got := port.NewTable(p, more).Entries(); len(got) != len(plain)+3 {
		t.Errorf("%d entries, want %d", len(got), len(plain)+3)
	}
}

func TestListing(t *testing.T) {
	table := port.NewTable(demoPolicy(t), []port.Record{
		record(port.TCP, 5601, 5601, "http_port_t"),
		record(port.TCP, 20000, 20010, "http_port_t"),
		record(port.UDP, 5601, 5601, "http_port_t"),
	})
	// As semanage port -l puts local records: the newest first, before the policy's.
	var http []string
	for _, l := range table.ByType() {
		if l.Type == "http_port_t" {
			http = append(http, l.String())
		}
	}
	want := []string{
		"http_port_t                    tcp      20000-20010, 5601, 80, 81, 443, 488, 8008, 8009, 8443, 9000",
		"http_port_t                    udp      5601, 80, 443",
	}
	if !slices.Equal(http, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(http, "\n"), strings.Join(want, "\n"))
	}
	// And semanage port -lC: in the store's order.
	var local []string
	for _, l := range table.LocalByType() {
		local = append(local, l.String())
	}
	want = []string{
		"http_port_t                    tcp      5601, 20000-20010",
		"http_port_t                    udp      5601",
	}
	if !slices.Equal(local, want) {
		t.Errorf("local: got %q, want %q", local, want)
	}
	if got := table.OfType("http_port_t"); len(got) != 13 || got[0].Origin != port.FromLocal {
		t.Errorf("of type: %v", got)
	}
	if got := table.OfType("no_such_t"); got != nil {
		t.Errorf("of an unknown type: %v", got)
	}
}

func TestPlanSet(t *testing.T) {
	table := port.NewTable(demoPolicy(t), []port.Record{
		record(port.TCP, 5601, 5601, "http_cache_port_t"),
		record(port.TCP, 20000, 20010, "http_port_t"),
		{Key: port.Key{Protocol: port.TCP, Low: 30000, High: 30000},
			Context: policy.MustParseContext("system_u:object_r:http_port_t:s0:c1.c3")},
	})
	tests := []struct {
		set     port.Setting
		command string // "" for nothing to do
		shadows int
	}{
		// The policy says so, by an exact record, a wider one, two wider ones in a row.
		{port.Port(port.TCP, 8443, "http_port_t"), "", 0},
		{port.Port(port.TCP, 10005, "http_cache_port_t"), "", 0},
		{port.Setting{Protocol: port.TCP, Low: 61000, High: 63000, Type: "unreserved_port_t"}, "", 0},
		{port.Setting{Protocol: port.TCP, Low: 20001, Type: "http_port_t"}, "", 0},
		// Not all of them: 8080 in between is http_cache_port_t.
		{port.Setting{Protocol: port.TCP, Low: 8079, High: 8079, Type: "unreserved_port_t"}, "", 0},
		{port.Setting{Protocol: port.TCP, Low: 8079, High: 8082, Type: "unreserved_port_t"},
			"semanage port -a -t unreserved_port_t -p tcp 8079-8082", 2}, // 8080, 8081
		// A new record within a wider one of the policy.
		{port.Port(port.TCP, 5602, "http_port_t"), "semanage port -a -t http_port_t -p tcp 5602", 1},
		{port.Port(port.SCTP, 5601, "http_port_t"), "semanage port -a -t http_port_t -p sctp 5601", 1},
		{port.Port(port.DCCP, 5601, "http_port_t"), "semanage port -a -t http_port_t -p dccp 5601", 0},
		// The key is there: locally, or in the policy.
		{port.Port(port.TCP, 5601, "http_port_t"), "semanage port -m -t http_port_t -p tcp 5601", 2},
		{port.Port(port.TCP, 8080, "http_port_t"), "semanage port -m -t http_port_t -p tcp 8080", 2},
		{port.Setting{Protocol: port.TCP, Low: 20000, High: 20010, Type: "http_cache_port_t"},
			"semanage port -m -t http_cache_port_t -p tcp 20000-20010", 2},
		// A range of its own.
		{port.Setting{Protocol: port.TCP, Low: 8443, Type: "http_port_t", Range: "s0:c1"},
			"semanage port -m -t http_port_t -r s0:c1 -p tcp 8443", 1},
		{port.Setting{Protocol: port.TCP, Low: 30000, Type: "http_port_t", Range: "s0:c1,c2,c3"}, "", 0}, // s0:c1.c3
		{port.Setting{Protocol: port.TCP, Low: 30000, Type: "http_port_t", Range: "s0"},
			"semanage port -m -t http_port_t -r s0 -p tcp 30000", 1},
		{port.Port(port.TCP, 30000, "http_cache_port_t"), "semanage port -m -t http_cache_port_t -p tcp 30000", 2},
	}
	for _, tt := range tests {
		c, err := table.PlanSet(tt.set)
		if err != nil {
			t.Errorf("%+v: %v", tt.set, err)
			continue
		}
		if got := strings.Join(c.Command(), " "); got != tt.command || len(c.Shadows) != tt.shadows {
			t.Errorf("%+v: got %q, shadows %v; want %q, %d", tt.set, got, c.Shadows, tt.command, tt.shadows)
		}
		if c.String() == "" || (c.Op == port.Nothing) != (tt.command == "") {
			t.Errorf("%+v: %s %q", tt.set, c.Op, c)
		}
		after, err := table.With(c)
		if err != nil {
			t.Errorf("%+v: %v", tt.set, err)
			continue
		}
		for n := tt.set.Low; n <= max(tt.set.Low, tt.set.High); n++ {
			if m, _ := after.Lookup(tt.set.Protocol, n); m.Context.Type() != tt.set.Type {
				t.Errorf("%+v: afterwards port %d is %v", tt.set, n, m.Context)
			}
		}
		if again, err := after.PlanSet(tt.set); err != nil || again.Op != port.Nothing {
			t.Errorf("%+v: not idempotent: %v, %v", tt.set, again, err)
		}
	}
}

func TestBadSettings(t *testing.T) {
	b := porttest.NewBackend(demoPolicy(t), record(port.TCP, 20000, 20010, "http_port_t"))
	ports := port.New(demoPolicy(t), b)
	const typ = "http_port_t"
	tests := map[string]struct {
		set  port.Setting
		want error
	}{
		"port 0":            {port.Port(port.TCP, 0, typ), port.ErrInvalidPort},
		"port 65536":        {port.Port(port.TCP, 65536, typ), port.ErrInvalidPort},
		"port 65537":        {port.Port(port.TCP, 65537, typ), port.ErrInvalidPort}, // 1, if it were cut to 16 bits
		"negative":          {port.Port(port.TCP, -80, typ), port.ErrInvalidPort},
		"high 65536":        {port.Setting{Protocol: port.TCP, Low: 1, High: 65536, Type: typ}, port.ErrInvalidPort},
		"reversed":          {port.Setting{Protocol: port.TCP, Low: 9, High: 3, Type: typ}, port.ErrInvalidPort},
		"no protocol":       {port.Port(0, 80, typ), port.ErrInvalidPort},
		"icmp":              {port.Port(1, 80, typ), port.ErrInvalidPort},
		"no type":           {port.Port(port.TCP, 80, ""), nil},
		"unknown type":      {port.Port(port.TCP, 80, "no_such_port_t"), fs.ErrNotExist},
		"attribute":         {port.Port(port.TCP, 80, "port_type"), fs.ErrNotExist},
		"no port type":      {port.Port(port.TCP, 80, "httpd_t"), port.ErrNotPortType},
		"blank in type":     {port.Port(port.TCP, 80, "http_port_t x"), nil},
		"newline in type":   {port.Port(port.TCP, 80, "http_port_t\n"), nil},
		"shell in type":     {port.Port(port.TCP, 80, "$(id)"), nil},
		"option as type":    {port.Port(port.TCP, 80, "-D"), nil},
		"no such range":     {port.Setting{Protocol: port.TCP, Low: 5601, Type: typ, Range: "s9"}, nil},
		"hostile range":     {port.Setting{Protocol: port.TCP, Low: 5601, Type: typ, Range: "s0 -D"}, nil},
		"overlap":           {port.Setting{Protocol: port.TCP, Low: 20005, High: 20015, Type: typ}, fs.ErrExist},
		"inside local":      {port.Port(port.TCP, 20005, "http_cache_port_t"), fs.ErrExist},
		"around local":      {port.Setting{Protocol: port.TCP, Low: 19999, High: 20011, Type: "http_cache_port_t"}, fs.ErrExist},
		"first good, a bad": {port.Port(port.TCP, 80, "no_such_port_t"), fs.ErrNotExist},
	}
	for name, tt := range tests {
		changes, err := ports.Set(t.Context(), port.Port(port.TCP, 5602, typ), tt.set)
		var e *port.Error
		if changes != nil || !errors.As(err, &e) || tt.want != nil && !errors.Is(err, tt.want) {
			t.Errorf("%s: %v, %v; want %v", name, changes, err, tt.want)
			continue
		}
		if e.Op != "set" || e.Object != "port" || e.Key == "" || strings.ContainsAny(err.Error(), "\n") {
			t.Errorf("%s: %+q", name, e)
		}
	}
	if b.Commits() != 0 {
		t.Error("a bad setting was committed")
	}
}

func TestDelete(t *testing.T) {
	local := record(port.TCP, 443, 443, "http_cache_port_t")
	b := porttest.NewBackend(demoPolicy(t), local)
	ports := port.New(demoPolicy(t), b)
	key := func(low, high uint16) port.Key { return port.Key{Protocol: port.TCP, Low: low, High: high} }

	_, err := ports.Delete(t.Context(), key(80, 80))
	var owner *port.OwnerError
	if !errors.Is(err, fs.ErrPermission) || !errors.As(err, &owner) || owner.Owner.Context.Type() != "http_port_t" ||
		!strings.Contains(err.Error(), "http_port_t") {
		t.Errorf("policy's record: %v", err)
	}
	_, err = ports.Delete(t.Context(), key(10005, 10005))
	var missing *port.MissingError
	if !errors.Is(err, fs.ErrNotExist) || !errors.As(err, &missing) || missing.Within.Key != key(10001, 10010) {
		t.Errorf("inside a policy's record: %v", err)
	}
	if _, err = ports.Delete(t.Context(), port.Key{}); !errors.Is(err, port.ErrInvalidPort) {
		t.Errorf("zero key: %v", err)
	}
	if b.Commits() != 0 {
		t.Error("something was committed")
	}
	changes, err := ports.Delete(t.Context(), local.Key)
	if err != nil || len(changes) != 1 || strings.Join(changes[0].Command(), " ") != "semanage port -d -p tcp 443" {
		t.Errorf("local record: %v, %v", changes, err)
	}
}

func TestFaults(t *testing.T) {
	b := porttest.NewBackend(demoPolicy(t))
	ports := port.New(demoPolicy(t), b)
	full := errors.New("disk full")
	want := port.Port(port.TCP, 5601, "http_port_t")

	b.Inject(porttest.Fault{Local: full})
	var e *port.Error
	if changes, err := ports.Set(t.Context(), want); changes != nil || !errors.Is(err, full) || !errors.As(err, &e) {
		t.Errorf("reading: %v, %v", changes, err)
	}
	b.Inject(porttest.Fault{Commit: full})
	if changes, err := ports.Set(t.Context(), want); changes != nil || !errors.Is(err, full) {
		t.Errorf("committing: %v, %v", changes, err)
	}
	// Done, but the caller does not know: trying again finds it so.
	b.Inject(porttest.Fault{AfterCommit: full})
	if _, err := ports.Set(t.Context(), want); !errors.Is(err, full) {
		t.Errorf("after committing: %v", err)
	}
	b.Inject(porttest.Fault{})
	if changes, err := ports.Set(t.Context(), want); len(changes) != 0 || err != nil || b.Commits() != 1 {
		t.Errorf("again: %v, %v, %d commits", changes, err, b.Commits())
	}
}

// Several settings are one commit; the later ones see the earlier.
func TestSetTogether(t *testing.T) {
	b := porttest.NewBackend(demoPolicy(t))
	ports := port.New(demoPolicy(t), b)
	changes, err := ports.Set(t.Context(),
		port.Port(port.TCP, 5601, "http_port_t"),
		port.Port(port.TCP, 8443, "http_port_t"), // so already
		port.Port(port.UDP, 5601, "http_port_t"),
		port.Port(port.TCP, 5601, "http_cache_port_t"), // not what was said before
	)
	if err != nil || len(changes) != 3 || changes[2].Op != port.Modify || b.Commits() != 1 {
		t.Fatalf("%v, %v, %d commits", changes, err, b.Commits())
	}
	table, err := ports.Table(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if m, _ := table.Lookup(port.TCP, 5601); m.Context.Type() != "http_cache_port_t" {
		t.Errorf("got %v", m)
	}
}

func TestUsers(t *testing.T) {
	table := port.NewTable(demoPolicy(t), nil)
	bind, err := table.Users(port.TCP, 443, port.Bind)
	if err != nil || !slices.Contains(bind, "httpd_t") || slices.Contains(bind, "sshd_t") || !slices.IsSorted(bind) {
		t.Errorf("bind 443: %v, %v", bind, err)
	}
	types, err := table.TypesFor("haproxy_t", port.TCP, port.Connect)
	if err != nil || !slices.Contains(types, "http_port_t") || slices.Contains(types, "unreserved_port_t") {
		t.Errorf("haproxy_t connects to %v, %v", types, err)
	}
	if _, err := table.Users(port.UDP, 53, port.Connect); err == nil {
		t.Error("name_connect for udp: the kernel has no such permission")
	}
	if _, err := table.TypesFor("no_such_t", port.TCP, port.Bind); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("unknown domain: %v", err)
	}
}

func TestApplyRefuses(t *testing.T) {
	a, b := record(port.TCP, 80, 80, "http_port_t"), record(port.TCP, 80, 80, "http_cache_port_t")
	local := func(r port.Record) port.Entry { return port.Entry{Record: r, Origin: port.FromLocal} }
	for name, c := range map[string]port.Change{
		"add what is there":       {Op: port.Add, Key: a.Key, After: a},
		"modify what is not so":   {Op: port.Modify, Key: a.Key, Before: local(b), After: b},
		"delete what is not so":   {Op: port.Delete, Key: a.Key, Before: local(b)},
		"delete without a before": {Op: port.Delete, Key: a.Key},
	} {
		got, err := port.Apply([]port.Record{a}, c)
		if got != nil || !errors.Is(err, port.ErrChanged) {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
	if got, err := port.Apply(nil, port.Change{Op: port.Add, Key: a.Key, After: record(port.TCP, 81, 81, "http_port_t")}); got != nil || err == nil {
		t.Errorf("a record of another key: %v, %v", got, err)
	}
	if got, err := port.Apply(nil, port.Change{Op: port.Delete, Key: a.Key}); got != nil || !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("delete with nothing there: %v, %v", got, err)
	}
}

func TestCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	p := demoPolicy(t)
	if table, err := port.New(p, porttest.NewBackend(p)).Table(ctx); table != nil || !errors.Is(err, context.Canceled) {
		t.Errorf("%v, %v", table, err)
	}
}
