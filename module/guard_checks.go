package module

// checks returns what the guard looks for. It is a function and not a
// variable: what it holds can't be changed from elsewhere.
func checks() []check {
	capability := []string{"capability", "cap_userns"}
	capability2 := []string{"capability2", "cap2_userns"}
	files := []string{"file", "lnk_file", "dir", "chr_file", "blk_file", "sock_file", "fifo_file", "anon_inode"}
	data := []string{"file", "chr_file", "blk_file", "sock_file", "fifo_file"}
	writes := []string{"write", "append", "create", "unlink", "link", "rename", "setattr", "add_name",
		"remove_name", "reparent", "rmdir", "relabelfrom", "relabelto", "mounton", "swapon", "mount"}
	reads := []string{"read", "execute", "execute_no_trans", "map", "ioctl"}
	return []check{
		// What defeats the policy.
		{id: "load-policy", severity: Refuse, classes: []string{"security"}, permissions: []string{"load_policy"},
			reason: "loading a policy replaces all rules, these included"},
		{id: "setenforce", severity: Refuse, classes: []string{"security"}, permissions: []string{"setenforce"},
			reason: "switching to permissive mode turns SELinux off for the whole machine"},
		{id: "setbool", severity: Refuse, classes: []string{"security"}, permissions: []string{"setbool"},
			reason: "setting booleans switches on any rule that the policy makes optional"},
		{id: "setsecparam", severity: Refuse, classes: []string{"security"}, permissions: []string{"setsecparam", "setcheckreqprot"},
			reason: "these parameters decide how the kernel enforces the policy"},
		{id: "mac-admin", severity: Refuse, classes: capability2, permissions: []string{"mac_admin", "mac_override"},
			reason: "mac_admin sets contexts that the policy does not know, mac_override ignores it"},
		{id: "policy-files", severity: Refuse, classes: files, permissions: writes, targets: policyFiles,
			reason: "writing the policy's own files changes what is enforced from the next load on"},
		{id: "relabel-security", severity: Refuse, classes: files, permissions: []string{"relabelto", "relabelfrom"}, targets: securityFiles,
			reason: "relabelling to or from a security type gives its contents away, or forges them"},
		{id: "security-files", severity: Refuse, classes: files, targets: securityFiles,
			reason: "the policy keeps these files (password hashes, keys, the policy, audit logs) from ordinary domains"},
		// What hands over the machine.
		{id: "sys-module", severity: Refuse, classes: capability, permissions: []string{"sys_module"},
			reason: "loading kernel modules is running any code in the kernel"},
		{id: "module-load", severity: Refuse, classes: []string{"system"}, permissions: []string{"module_load"},
			reason: "loading kernel modules is running any code in the kernel"},
		{id: "raw-io", severity: Refuse, classes: capability, permissions: []string{"sys_rawio"},
			reason: "raw input and output reaches memory and disks below the file systems"},
		{id: "raw-device", severity: Refuse, classes: data, targets: rawDevices,
			permissions: append([]string{"read", "write", "append", "map", "ioctl"}, "open"),
			reason:      "raw disks and memory hold all files and secrets of the machine"},
		{id: "transition-unconfined", severity: Refuse, classes: []string{"process", "process2"},
			permissions: []string{"transition", "dyntransition", "nnp_transition", "nosuid_transition"}, targets: unconfinedDomains, notSelf: true,
			reason: "becoming an unconfined domain leaves all confinement behind"},
		{id: "ptrace", severity: Refuse, classes: []string{"process"}, permissions: []string{"ptrace"}, notSelf: true,
			reason: "tracing another domain reads its memory and acts in its name"},
		{id: "startup-write", severity: Refuse, classes: files, permissions: writes, targets: startupFiles,
			reason: "what is written to units, init scripts and cron tables is run by init or cron"},
		{id: "entry-point-write", severity: Refuse, classes: files, permissions: writes, targets: entryPoints,
			reason: "whoever writes a program decides what runs in the domains that it enters"},
		{id: "execmem-daemon", severity: Refuse, classes: []string{"process"}, permissions: []string{"execmem", "execstack", "execheap"}, sources: networkDaemons,
			reason: "memory that is written and executed is what most exploits need, and this domain takes what comes from the network"},
		// What belongs to no one.
		{id: "stray-files", severity: Refuse, classes: files, targets: strayFiles,
			reason: "this type marks what has no context of its own: label the files instead"},
		{id: "base-type-write", severity: Refuse, classes: files, permissions: writes, targets: baseTypes,
			reason: "a base type labels much of the file system: label the one place instead"},
		{id: "base-type-read", severity: Warn, classes: data, permissions: reads, targets: baseTypes,
			reason: "a base type labels much of the file system: a type of its own would open one place"},
		// What a reader should know.
		{id: "dyntransition", severity: Warn, classes: []string{"process"}, permissions: []string{"dyntransition"}, notSelf: true,
			reason: "a dynamic transition changes domain without a new program, memory and all"},
		{id: "execmem", severity: Warn, classes: []string{"process"}, permissions: []string{"execmem", "execstack", "execheap"},
			reason: "memory that is written and executed is what most exploits need"},
		{id: "execmod", severity: Warn, classes: data, permissions: []string{"execmod"},
			reason: "executing a file's changed pages (text relocations) gives up a protection against exploits"},
		{id: "ptrace-self", severity: Warn, classes: []string{"process"}, permissions: []string{"ptrace"}, onlySelf: true,
			reason: "every process of the domain can then read and steer the others"},
		{id: "sys-admin", severity: Warn, classes: capability, permissions: []string{"sys_admin"},
			reason: "sys_admin is near to full root: mounts, namespaces, many devices"},
		{id: "capability", severity: Warn, classes: capability,
			permissions: []string{"sys_ptrace", "sys_boot", "sys_time", "mknod", "setfcap", "audit_control"},
			reason:      "a strong capability: other domains or the machine as a whole are within its reach"},
		{id: "capability2", severity: Warn, classes: capability2,
			permissions: []string{"bpf", "perfmon", "syslog", "checkpoint_restore"},
			reason:      "a strong capability: it looks into the kernel or other processes"},
		{id: "dac-override", severity: Warn, classes: capability, permissions: []string{"dac_override", "dac_read_search"},
			reason: "Unix permissions refused root here: mend owner or mode of the file, the policy is not at fault"},
		{id: "kernel-settings", severity: Warn, classes: files, permissions: writes, targets: kernelSettings,
			reason: "some of these settings name programs that the kernel runs as root"},
	}
}
