// Package sekittest has a machine in memory, for the tests of programs that
// change SELinux: the fakes of the rooms (porttest, booleantest, fcontexttest)
// joined over one policy and one store.
//
// It decides by the real policy engine: what a program changes on it has the
// effects that it would have on a machine with that policy, and so a test can
// see that a denied access is allowed after [sekit.Machine.Apply] and denied
// again after its undo. It fails where a test tells it to ([Machine.Inject]).
package sekittest
