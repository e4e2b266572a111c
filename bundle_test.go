package sekit_test

import (
	"errors"
	"testing"

	"github.com/sekit/sekit"
	"github.com/sekit/sekit/boolean"
	"github.com/sekit/sekit/fcontext"
	"github.com/sekit/sekit/module"
	"github.com/sekit/sekit/port"
)

func TestBundle(t *testing.T) {
	_, m := semanageMachine(t)
	sys, err := m.System(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	key := module.Key{Name: "kibana", Priority: 300}
	want := sekit.Settings{
		Ports: []port.Setting{port.Port(port.TCP, 5601, "http_port_t"), {Protocol: port.UDP, Low: 7000, High: 7010, Type: "http_port_t"},
			port.Port(port.TCP, 443, "http_port_t")}, // so already
		Contexts: []fcontext.LocalSetting{{Pattern: `/srv/my\.app(/.*)?`, Type: "httpd_sys_content_t"}, {Pattern: "/srv/keep", Kind: fcontext.Socket, None: true}},
		Booleans: []boolean.Record{{Name: "httpd_can_network_connect", On: true}}, Permissive: []string{"httpd_t"},
		Relabel: []sekit.Relabel{{Path: "/srv/my.app", Recursive: true}},
	}
	got, err := sys.Bundle(t.Context(), key, want)
	if err != nil {
		t.Fatal(err)
	}
	const text = `(typepermissive httpd_t)
(portcon tcp 5601 (system_u object_r http_port_t ((s0) (s0))))
(portcon udp (7000 7010) (system_u object_r http_port_t ((s0) (s0))))
(filecon "/srv/my\.app(/.*)?" any (system_u object_r httpd_sys_content_t ((s0) (s0))))
(filecon "/srv/keep" socket ())
`
	if len(got.Modules) != 1 || got.Modules[0].Key != key || string(got.Modules[0].Data) != text ||
		len(got.Ports)+len(got.Contexts)+len(got.Permissive) > 0 || len(got.Booleans) != 1 || len(got.Relabel) != 1 {
		t.Errorf("%+v\n%s", got, got.Modules)
	}
	for name, bad := range map[string]sekit.Settings{
		"the policy's own port": {Ports: []port.Setting{port.Port(port.TCP, 443, "http_cache_port_t")}},
		"the policy's pattern":  {Contexts: []fcontext.LocalSetting{{Pattern: "/.*", Type: "httpd_sys_content_t"}}},
		"over narrower ports":   {Ports: []port.Setting{{Protocol: port.TCP, Low: 430, High: 450, Type: "http_cache_port_t"}}},
		"equivalence":           {Equivalences: []fcontext.Equivalence{{Target: "/srv/www", Source: "/var/www"}}},
		"categories":            {Ports: []port.Setting{{Protocol: port.TCP, Low: 5601, Type: "http_port_t", Range: "s0:c1"}}},
		"without":               {Without: sekit.Without{Permissive: []string{"httpd_t"}}},
	} {
		if got, err := sys.Bundle(t.Context(), key, bad); !errors.Is(err, errors.ErrUnsupported) || !got.IsZero() {
			t.Errorf("%s: %+v, %v", name, got, err)
		}
	}
}
