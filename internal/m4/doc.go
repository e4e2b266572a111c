// Package m4 is the macro processor m4 as the reference policy uses it: the
// language of GNU m4 with its default quotes and comments, and those of its
// builtins that policies need. It reads no files and runs no commands: what
// could (include, syscmd, …) is an [*UnsupportedError], as is anything else
// that is not known here, so that nothing is silently expanded in another way.
//
// What is read may be hostile. [Limits] bounds the work, the nesting and the
// output.
package m4
