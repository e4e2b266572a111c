// Bench measures sekit beside its peers, in one run on one machine:
//
//	go run ./internal/bench                 everything
//	go run ./internal/bench -run '^policy'  some of it
//	go run ./internal/bench -short -n 1     a quick pass, as in CI
//
// For each comparison it prints a line
//
//	BENCH <name> ours=<time> peer=<time> ratio=<peer/ours>
//
// of medians. The two sides take turns, so that the drift of a noisy machine
// meets both. Where both are libraries, calls are compared and no process start
// counts; where users would start a program, its start counts (the names of
// these end in -process; -v tells for each what exactly is compared). Work of
// the garbage collector counts, freeing memory in C does not.
//
// Names that end in -cores compare sekit with itself, by all cores and by one.
//
// The peers are Debian's packages libsepol-dev, libselinux1-dev, setools,
// python3-setools, policycoreutils-python-utils (audit2allow) and auditd
// (ausearch), with gcc for two helpers that are built on the way, and
// go-libaudit. A peer that is missing is skipped with a line that says so; with
// SELINUX_TEST_REQUIRE=1 that is a failure. SELINUX_NEWEST may name a
// directory with a newer libselinux.so.1, its headers in ../include.
package main
