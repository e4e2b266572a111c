//go:build kernel && linux

package kernel

import _ "embed"

var (
	//go:embed image/systemd/sekit.service
	jobUnit []byte
	//go:embed image/systemd/sekittest.service
	probeUnit []byte
	//go:embed image/systemd/journald.conf
	journaldConf []byte
)

const systemdDir = "etc/systemd/system/"

// systemdConfig is what makes systemd start vminit's worker, and not ask
// anybody anything: without a machine ID it would take the boot for the first.
// The journal listens to the audit system by itself in Debian 12 alone.
var systemdConfig = []configFile{
	{name: systemdDir + "sekit.service", mode: 0o644, data: jobUnit},
	{name: systemdDir + "multi-user.target.wants/sekit.service", link: "../sekit.service"},
	{name: systemdDir + "default.target", link: "/lib/systemd/system/multi-user.target"},
	{name: systemdDir + "sekittest.service", mode: 0o644, data: probeUnit},
	{name: systemdDir + "serial-getty@ttyS0.service", link: "/dev/null"},
	{name: systemdDir + "getty@tty1.service", link: "/dev/null"},
	{name: systemdDir + "systemd-firstboot.service", link: "/dev/null"},
	{name: systemdDir + "sockets.target.wants/systemd-journald-audit.socket", link: "/lib/systemd/system/systemd-journald-audit.socket"},
	{name: systemdDir + "systemd-journald.service.wants/systemd-journald-audit.socket", link: "/lib/systemd/system/systemd-journald-audit.socket"},
	{name: "etc/systemd/journald.conf.d/sekit.conf", mode: 0o644, data: journaldConf},
	{name: "etc/machine-id", mode: 0o444, data: []byte("5e6117000000000000000000000005e6\n")},
}
