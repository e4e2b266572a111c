// Package module makes policy modules: the last resort, where no context, no
// port and no boolean cures a denial.
//
// A [Module] is plain data: a name, a version, and [Rule] values with the
// evidence that they came from. [Module.TE] writes it in the module language,
// for checkmodule and semodule_package; [Module.CIL] writes CIL, which semodule
// takes as it is. [Module.Mod] and [Module.PP] write the binary forms that
// checkmodule and semodule_package make of the text, without these tools, on
// any OS, and in the lowest format version that will do, so that machines old
// and new take them; [ParsePP] reads packages back. All check every name first
// (a [*NameError] says which is none), merge what belongs together, say self
// where a type is its own target, and write the same rules always the same
// way, so that the text diffs well. Nothing in a comment can leave it.
//
// [Minimize] turns denied accesses into the rules that a policy lacks for them,
// and leaves out what it already allows. A [Guard] looks rules over before they
// are taken: it refuses those that hand over the machine or defeat the policy,
// each by an ID with a reason that a caller may lift item by item.
//
// A [Store] is the modules of a machine or of an image: it lists, installs,
// removes, enables, disables and reads them over a [Backend]. [Semodule] is the
// one that semodule writes, [Files] reads a store anywhere; package moduletest
// has one in memory for tests, which links what is installed into its policy,
// and the tests that every backend must pass.
//
// The words are those of the SELinux notebook and of checkpolicy's grammar.
package module
