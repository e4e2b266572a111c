// Package refpolicy reads the headers of the reference policy, which
// distributions ship for those who write modules (Debian: selinux-policy-dev,
// Fedora: selinux-policy-devel, both in /usr/share/selinux/devel/include): the
// interfaces (.if) with their documents, and the support macros. It expands
// interfaces and whole modules as m4 does in the headers' Makefile, into plain
// module language and file contexts, and makes packages of them, without m4,
// make and checkmodule. [Open] reads the headers once for any number of modules;
// an interface is expanded when it is first called.
//
// [Headers.Suggest] looks for the interfaces that allow what was denied, and
// says what each would open beyond that: audit2allow -R, priced on the policy.
//
// Nothing of the reference policy is in this package: it all is read at run
// time.
package refpolicy
