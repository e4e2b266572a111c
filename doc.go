// Package sekit is a Go SDK for SELinux: pure Go, no cgo, no Python, no shell.
// It reads why the kernel refused something, looks up
// what the policy expects, finds the fixes that cure the refusal and gives away
// least, and proves each of them on the policy before anything is touched.
//
// # The field in five sentences
//
// The kernel decides by its policy whether a process in the domain S may do
// the permission P on an object of class C and type T. A refusal is written
// to the audit log as an AVC record. Most refusals are no fault of the policy:
// the file has the wrong context, the port is not registered for the type, or
// a boolean is off. Only when none of these is so does one write a policy
// module, and as small a one as can be. Nobody should run setenforce 0.
//
// # The packages
//
//   - [github.com/sekit/sekit/triage] does the main job: a denial in, reasons
//     and proven fixes out. Start there.
//   - [github.com/sekit/sekit/avc] reads denials from whatever people and
//     kernels write: audit.log, ausearch, the journal, dmesg, pasted text.
//   - [github.com/sekit/sekit/policy] reads a compiled policy and answers what
//     seinfo, sesearch and audit2why answer: components, rules, decisions with
//     all their reasons, and what if.
//   - [github.com/sekit/sekit/fcontext] says what context a path should have.
//   - [github.com/sekit/sekit/port] says which type owns a port, and changes
//     that; port/infiniband does so for Infiniband.
//   - [github.com/sekit/sekit/boolean] lists booleans and what each switches.
//   - [github.com/sekit/sekit/module] writes the small policy module that is
//     the last resort.
//
// Each of port, boolean and fcontext works through small backend interfaces, with
// honest in-memory fakes in porttest, booleantest and fcontexttest, so that a
// program's own tests need no SELinux.
//
// This package, sekit, joins them: a [System] is one machine's SELinux, read
// from the running kernel, from an image's root directory, or from files.
// [ReadState] says what mode it is in, [System.Confinement] whether a program is
// confined.
//
// # Changes
//
// [Settings] say what shall be so: ports, Infiniband's keys and end ports,
// booleans, file contexts, modules, permissive domains. [System.Plan] gives the [Plan] of what has to be changed
// for it, to be looked at; [Machine.Apply] makes the changes in one transaction
// and returns the plan that gives back what was. What a killed program has left
// half done, [Machine.Interrupted] knows at the next start.
//
// Records are written into libsemanage's store directly where that is possible;
// modules, and what only libsemanage can do, go through semodule and semanage,
// which are executed with argument lists, a clean environment and a time limit.
// Package sekittest has a machine in memory for tests.
//
// # Platforms
//
// Everything that reads files works wherever Go does. What needs a Linux
// kernel with SELinux returns an error that wraps [errors.ErrUnsupported]
// elsewhere, or [ErrDisabled] where SELinux is not enabled.
package sekit
