// Package managed reads and writes libsemanage's managed store: where semanage,
// setsebool and semodule keep what was changed on a machine.
//
// A store is the directory TYPE below /var/lib/selinux. Its directory active
// holds the modules, what they compile to before local changes (policy.linked),
// the local changes (ports.local, booleans.local, file_contexts.local, …) and
// the outcome (policy.kern, file_contexts, …), a copy of which is installed in
// /etc/selinux/TYPE. [Store.Commit] changes local files and does what
// libsemanage then does (direct_api.c, semanage_store.c), short of compiling
// modules: the same bytes, under the same locks, in one step.
package managed
