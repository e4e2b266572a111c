// Package tool runs the tools of the field: semanage, semodule, setsebool.
//
// A [Command] is an argument list; no shell sees it. It is run by a [Runner]:
// [Exec] is the real one, package tooltest has a scripted one for tests. Exec
// gives a tool a clean environment, its input on stdin or as files in a
// directory of its own, a time limit, and bounds on what it may print; when
// the context ends, the tool goes with all that it started.
//
// What an enforcing machine does to these tools, which run in domains of their
// own (semanage_t, setfiles_t), and what follows:
//
//   - Their output may vanish with exit status 0: semanage_t may not write to
//     every pipe or file that it is given. Nothing printed is never the answer
//     "none": set [Command.MustPrint], or read the store's files instead.
//   - They may not read what a daemon put in /run. Input goes through stdin or
//     [Command.Files].
//   - Their stderr holds noise although all went well. It is kept in
//     [Result.Stderr] and is no error; the exit status is.
package tool
