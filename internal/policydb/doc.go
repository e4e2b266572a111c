// Package policydb reads and writes SELinux's binary policy formats: bytes on
// one side, plain structs on the other, and nothing decided in between.
//
// The structs hold what the file holds, in the file's order, so that writing
// back what was read gives the same bytes. Symbols are referred to by the
// 1-based values that the file uses; bit n of a [Bitmap] stands for the value
// n+1 (libsepol's ebitmap). Everything in the file is little-endian, on every
// machine.
//
// A decoded policy is one that libsepol accepts, initial SIDs and policy
// capabilities aside that are newer than it: [Decode] checks what its
// reader and the kernel's check, down to each reference, so that code above
// need not. It is stricter only where no tool writes such a thing: ports above
// 65535, bounds that the kernel refuses, a range of no levels, words other than
// 0 and 1 for yes and no, control characters in names, attributes in contexts,
// initial SIDs and transitions given twice. Bytes after the policy are ignored,
// as in both.
//
// What is changed on a machine without a compiler has a way each:
// [Policy.SetBooleanDefaults], [Policy.AddPortcons], [Policy.SetPermissive] and,
// for an older version, [Convert]. [Encode] then writes the bytes that libsepol
// writes after the same change.
//
// Policy modules (.mod) and packages of them (.pp), which go on top of a base
// module, are read and written too, by [DecodeModule] and [DecodePackage].
//
// The format is defined by libsepol's policydb.c, write.c, module.c, avtab.c,
// conditional.c and ebitmap.c, and by the kernel's security/selinux/ss/policydb.c.
package policydb
