package policy

import "testing"

// A kernel under test (Linux 6.1, Debian's policy) gives sockets of these
// classes their creator's type, and objects of the others the type object_r
// rules give: what /sys/fs/selinux/create says.
func TestSocketClass(t *testing.T) {
	for name, want := range map[string]bool{
		"socket": true, "tcp_socket": true, "netlink_route_socket": true, "bluetooth_socket": true,
		"obsolete_netlink_firewall_socket": false, "obsolete_netlink_ip6fw_socket": false,
		"netlink_firewall_socket": false, "sock_file": false, "process": false,
	} {
		if got := isSocketClass(name); got != want {
			t.Errorf("isSocketClass(%q) = %v, want %v", name, got, want)
		}
	}
}
