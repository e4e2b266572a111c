// Package demo embeds a machine to try sekit on: a small policy, its file
// contexts, its local ports and an audit log, so that the examples and the
// tests of the layers above need nothing but Go.
//
// The policy is the project's own, written in CIL (directory policy), but its
// names are the field's: types, attributes, booleans, classes and port numbers
// are those of Fedora's policy and of the reference policy, and rules follow
// theirs along the lines the stories need. It is far smaller than a real one
// (some 260 types against 4000 to 5000) and no host should load it.
//
// The audit log holds events in the form auditd writes them, invented but
// consistent, one or more for each story; README.md tells for each what is
// wrong and what an expert would answer.
//
// The binary is committed. After a change to the sources,
//
//	go generate ./internal/demo
//
// rebuilds it with secilc and renews SHA256SUMS, by which the tests notice a
// binary that does not belong to its sources.
package demo
