// Package fcontext answers what context a path should have: it reads
// file_contexts and the files beside it, and looks paths up in them as
// libselinux's selabel_lookup(3) does, without libselinux, on any system, for
// the running system, an image's root, or text in memory.
//
// A line of file_contexts is a [Spec]: a regular expression for paths, the
// [Kind] of files it is for, and a context, or <<none>> for files that are to
// keep what they have. [Open] and its siblings make a [DB] of all of them.
// [DB.Lookup] gives the one that decides for a path, [DB.Explain] the others
// that matched as well. [DB.SpecsOfType] asks the other way round: where does
// the policy expect files of a type? [DB.With] adds specs in memory, as
// semanage fcontext -a would on disk, to see what they would change.
//
// # Relabelling
//
// [PlanRelabel] compares the contexts that files have with those that they
// should have, as restorecon -n does, and gives a [RelabelPlan] that is plain
// data; [RelabelPlan.Apply] makes the changes, each through a descriptor of the
// very file that was compared, so that nothing swapped in meanwhile is changed.
// Files are reached through a [Backend]: [OpenTree] is the one for a directory
// of this machine, package fcontexttest has one in memory for tests.
//
// # Local records
//
// What semanage fcontext does is here, too. [Local] joins a policy, its file
// contexts and a [LocalBackend], a store of local records: what the
// administrator adds to the policy's specs, and the equivalences of trees. A
// [LocalTable] is a picture of both; it lists them as semanage does and plans
// changes: [LocalTable.PlanSet] takes what shall be so and returns a
// [LocalChange] that is to be made, or that nothing is. [LocalTable.WhatIf]
// says which paths would get another context by it. [LocalStore] is the backend
// of libsemanage's files, package fcontexttest has one in memory.
//
// # Other contexts
//
// [Diff] compares two databases, and [DiffLookups] what becomes of paths in
// them. [DB.NewFile] tells which context a file will get that a process
// creates, which may be another than file contexts say it should have.
// [Homedirs] makes file_contexts.homedirs of the policy's template, the accounts
// and their SELinux users, as genhomedircon(8) does, also for one that is yet to
// be added. [Table] is for what is not a file: removable media, X objects,
// database objects, Android's properties and services.
//
// # Which files
//
// In the order of their precedence, the last first (selabel_file(5)):
// file_contexts, which has to be there; file_contexts.homedirs, which
// genhomedircon makes; file_contexts.local, which semanage fcontext makes.
// Before a path is looked up, the first substitution of file_contexts.subs
// that applies to it is made, then the first of file_contexts.subs_dist; of
// several in a file, the last line is the first (not in [Order38]). A path /var/run/x is so
// looked up as /run/x. Where only the compiled form of a file is there
// (file_contexts.bin), that is read.
//
// # Regular expressions
//
// libselinux hands the pattern, between ^ and $, to PCRE2 with PCRE2_DOTALL.
// This package has an automaton of its own, over bytes, that gives the same
// answer for what file contexts use: text, escapes, ".", bracketed and POSIX
// classes, \d \s \w, groups, alternation and the quantifiers, greedy or lazy.
// What it does not decide, such as look-around or back references, it refuses
// when it reads the line ([ErrUnsupported]), and never matches wrongly. The
// time for a lookup is bounded by the path's length times the size of the
// specs, whatever the expressions; PCRE2 instead gives up on expressions that
// take it too long, and libselinux then finds no context.
//
// Subtleties that are libselinux's and so are this package's: a pattern with
// an alternation outside of all groups is anchored at one side only; "$"
// also matches before a newline at the path's end; specs are tried only on
// paths below their literal first directories (see [Order]).
//
// # Differences
//
// What libselinux leaves to chance is refused here: a line with a NUL byte
// (it drops the rest), a context that is not well-formed (unless told to
// validate it hands it out), and an expression that PCRE2 does not compile
// (it fails the lookups that come to it). [Options.Skip] passes over such
// lines instead.
package fcontext
