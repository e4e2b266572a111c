package module

import (
	"slices"

	"github.com/sekit/sekit/policy"
)

// typeSet is a set of types that the guard knows.
type typeSet uint8

const (
	anyType typeSet = iota
	securityFiles
	policyFiles
	strayFiles
	baseTypes
	unconfinedDomains
	entryPoints
	plainFiles
	usersFiles
	systemDomains
	keyFiles
	bareDevices
	containerRuntimes
	containedDomains
	startupFiles
	rawDevices
	kernelSettings
	networkDaemons
)

// setDefinition says which types are in a set: those that have one of the
// attributes, and those of these names. An attribute that the policy lacks (a
// kernel policy keeps only those that its rules use) adds nothing.
type setDefinition struct {
	attributes []string
	// without takes the types that have this attribute out of the first part;
	// a policy that lacks it has no first part.
	without string
	// except takes the types that have this attribute out of the first part, if
	// the policy has it.
	except string
	names  []string
}

// definition returns a set's definition. The names are those of the reference
// policy's kernel and system layers, which all known policies are built on;
// none is a product's.
func (s typeSet) definition() setDefinition {
	switch s {
	case securityFiles:
		return setDefinition{
			attributes: []string{"file_type"}, without: "non_security_file_type",
			names: []string{"shadow_t", "auditd_etc_t", "auditd_log_t", "audit_spool_t",
				"krb5_keytab_t", "policy_config_t"},
		}
	case policyFiles:
		return setDefinition{names: []string{"policy_config_t", "policy_src_t", "selinux_config_t",
			"default_context_t", "file_context_t", "semanage_store_t", "semanage_read_lock_t",
			"semanage_trans_lock_t", "selinux_login_config_t"}}
	case strayFiles:
		return setDefinition{names: []string{"default_t", "unlabeled_t", "file_t"}}
	case baseTypes:
		return setDefinition{
			attributes: []string{"base_file_type", "base_ro_file_type"},
			names: []string{"bin_t", "boot_t", "default_t", "device_t", "etc_runtime_t", "etc_t", "file_t",
				"home_root_t", "init_var_run_t", "initrc_var_run_t", "ld_so_cache_t", "ld_so_t", "lib_t",
				"locale_t", "lost_found_t", "man_t", "mnt_t", "modules_object_t", "proc_t", "root_t",
				"runtime_t", "shell_exec_t", "src_t", "sysfs_t", "system_map_t", "textrel_shlib_t",
				"tmp_t", "tmpfs_t", "unlabeled_t", "usr_t", "var_lib_t", "var_lock_t", "var_log_t",
				"var_run_t", "var_spool_t", "var_t"},
		}
	case unconfinedDomains:
		return setDefinition{
			attributes: []string{"unconfined_domain_type", "kern_unconfined", "selinux_unconfined_type"},
			names:      []string{"init_t", "initrc_t", "kernel_t", "unconfined_service_t", "unconfined_t"},
		}
	case entryPoints:
		return setDefinition{
			attributes: []string{"entry_type", "exec_type", "application_exec_type"},
			// All files of a file system without labels have its type, and so
			// programs among others.
			except: "noxattrfs",
			names:  []string{"bin_t", "shell_exec_t", "init_exec_t"},
		}
	case plainFiles:
		return setDefinition{attributes: []string{"file_type"}, without: "exec_type"}
	case usersFiles:
		return setDefinition{
			attributes: []string{"user_home_content_type", "user_tmp_type"},
			names:      []string{"home_bin_t", "tmp_t", "user_bin_t", "user_home_t", "user_tmp_t"},
		}
	case keyFiles:
		return setDefinition{names: []string{"gpg_secret_t", "ssh_home_t", "sshd_key_t", "tls_privkey_t"}}
	case bareDevices:
		return setDefinition{names: []string{"cpu_device_t", "event_device_t", "uhid_device_t", "usb_device_t", "vfio_device_t", "xen_device_t"}}
	case systemDomains:
		return setDefinition{attributes: []string{"daemon"}, names: []string{"crond_t", "init_t", "initrc_t", "kernel_t", "system_cronjob_t"}}
	case containerRuntimes:
		return setDefinition{attributes: []string{"container_runtime_domain", "container_engine_domain"}, names: []string{"container_runtime_t"}}
	case containedDomains:
		return setDefinition{attributes: []string{"mcs_constrained_type", "container_domain", "svirt_sandbox_domain"}, names: []string{"container_t"}}
	case startupFiles:
		return setDefinition{
			attributes: []string{"systemdunit", "systemd_unit_file_type", "init_script_file_type", "cron_spool_type"},
			names:      []string{"initrc_exec_t", "systemd_unit_t", "systemd_unit_file_t", "system_cron_spool_t"},
		}
	case rawDevices:
		return setDefinition{names: []string{"fixed_disk_device_t", "memory_device_t", "nvram_device_t", "proc_kcore_t"}}
	case kernelSettings:
		return setDefinition{
			attributes: []string{"sysctl_type"},
			names:      []string{"sysctl_kernel_t", "usermodehelper_t", "sysctl_modprobe_t", "sysctl_hotplug_t"},
		}
	}
	return setDefinition{}
}

// world answers which set a type is in, for one policy or none.
type world struct {
	p     *policy.Policy
	cache map[typeSet]map[string]bool
}

func newWorld(p *policy.Policy) *world {
	return &world{p: p, cache: make(map[typeSet]map[string]bool)}
}

// canonical returns the name that an alias stands for.
func (w *world) canonical(name string) string {
	if w.p == nil {
		return name
	}
	if t, err := w.p.Type(name); err == nil {
		return t.Name()
	}
	return name
}

// types returns the types that a rule's source or target stands for: the
// members of an attribute, or the one type.
func (w *world) types(name string) []string {
	if w.p != nil {
		if a, err := w.p.Attribute(name); err == nil {
			var all []string
			for t := range a.Types() {
				all = append(all, t.Name())
			}
			return all
		}
	}
	return []string{w.canonical(name)}
}

func (w *world) in(s typeSet, name string) bool {
	set, ok := w.cache[s]
	if !ok {
		set = w.members(s)
		w.cache[s] = set
	}
	return set[name]
}

func (w *world) members(id typeSet) map[string]bool {
	set := make(map[string]bool)
	if id == networkDaemons {
		return w.listeners()
	}
	s := id.definition()
	for _, name := range s.names {
		set[w.canonical(name)] = true
	}
	if w.p == nil {
		return set
	}
	var without policy.Attribute
	if s.without != "" {
		var err error
		if without, err = w.p.Attribute(s.without); err != nil {
			return set
		}
	}
	except, err := w.p.Attribute(s.except)
	excepted := func(t policy.Type) bool { return err == nil && except.Has(t) }
	for _, name := range s.attributes {
		a, err := w.p.Attribute(name)
		if err != nil {
			continue
		}
		for t := range a.Types() {
			if (s.without == "" || !without.Has(t)) && !excepted(t) {
				set[t.Name()] = true
			}
		}
	}
	return set
}

// listeners returns the domains that take what comes from the network: those
// that the policy lets bind a port, whatever its booleans say. (A boolean such
// as nis_enabled lets every domain bind that looks up users.) Without a policy
// nobody is known to.
func (w *world) listeners() map[string]bool {
	set := make(map[string]bool)
	if w.p == nil {
		return set
	}
	for _, class := range []string{"tcp_socket", "udp_socket", "dccp_socket", "sctp_socket"} {
		rules, err := w.p.Rules(policy.RuleQuery{
			Kinds: policy.KindAllow, Classes: []string{class}, Permissions: []string{"name_bind"},
		})
		if err != nil {
			continue // a policy without the class, or whose class has no ports
		}
		for r := range rules {
			if _, conditional := r.Condition(); conditional {
				continue
			}
			for _, source := range w.types(r.Source()) {
				set[source] = true
			}
		}
	}
	return set
}

// check is one thing that the guard looks for: a rule of one of the classes,
// with one of the permissions, whose source and target are in the sets. Nil and
// anyType are any.
type check struct {
	id          string
	severity    Severity
	classes     []string
	permissions []string
	sources     typeSet
	targets     typeSet
	notSelf     bool // the rule must not be about the source itself
	onlySelf    bool // it must
	reason      string
}

// maxTargets is how many types a finding names.
const maxTargets = 8

func (c *check) apply(w *world, r Rule) (Finding, bool) {
	if c.classes != nil && !slices.Contains(c.classes, r.Class) {
		return Finding{}, false
	}
	self := r.Target == Self || r.Target == r.Source
	if c.notSelf && self || c.onlySelf && !self {
		return Finding{}, false
	}
	perms := r.Permissions
	if c.permissions != nil {
		perms = nil
		for _, p := range r.Permissions {
			if slices.Contains(c.permissions, p) {
				perms = append(perms, p)
			}
		}
	}
	if len(perms) == 0 {
		return Finding{}, false
	}
	if c.sources != anyType && !slices.ContainsFunc(w.types(r.Source), func(t string) bool { return w.in(c.sources, t) }) {
		return Finding{}, false
	}
	f := Finding{Rule: r, Severity: c.severity, ID: c.id, Reason: c.reason}
	f.Rule.Permissions, f.Rule.Evidence = perms, nil
	if c.targets == anyType {
		return f, true
	}
	target := r.Target
	if self {
		target = r.Source
	}
	for _, t := range w.types(target) {
		if w.in(c.targets, t) && len(f.Targets) < maxTargets {
			f.Targets = append(f.Targets, t)
		}
	}
	return f, len(f.Targets) > 0
}
