// Package module makes policy modules: the last resort, where no context, no
// port and no boolean cures a denial.
//
// A [Module] is plain data: a name, a version, and [Rule] values with the
// evidence that they came from; [Statement] values are all else that the module
// language can say, from types to optional blocks. What a module uses and does
// not declare it requires. [Module.TE] writes it in the module language, for
// checkmodule and semodule_package; [Module.CIL] writes CIL, which semodule
// takes as it is. [Module.Mod] and [Module.PP] write the binary forms that
// checkmodule and semodule_package make of the text, without these tools, on
// any OS, and in the lowest format version that will do, so that machines old
// and new take them. All check every name first (a [*NameError] says which is
// none), merge rules that belong together, say self where a type is its own
// target, and write the same rules always the same way, so that the text diffs
// well. Nothing in a comment can leave it.
//
// [ParseTE] reads the module language, [ParseCIL] CIL as pp writes it, and
// [ParsePackage], [ParsePP] and [ParseMod] the binary forms: statements that
// compile to the same bytes. [CompileTE] makes a package of a text in one go.
// [ParseFC] and [FormatFC] are for the file contexts
// of a package.
//
// [Minimize] turns denied accesses into the rules that a policy lacks for them,
// and leaves out what it already allows. A [Guard] looks rules over before they
// are taken: it refuses those that hand over the machine or defeat the policy,
// each by an ID with a reason that a caller may lift item by item.
//
// [Daemon], [PortType] and [FileType] are templates: the modules, and the file
// contexts that go with them, of a confined daemon, and of one more type for a
// port or for files. They need no headers of the reference policy.
//
// A [Store] is the modules of a machine or of an image: it lists, installs,
// removes, enables, disables and reads them over a [Backend]. [Semodule] is the
// one that semodule writes, [Files] reads a store anywhere; package moduletest
// has one in memory for tests, which links what is installed into its policy,
// and the tests that every backend must pass.
//
// The words are those of the SELinux notebook and of checkpolicy's grammar.
package module
