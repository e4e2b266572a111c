// Package tooltest has runners of tools for tests: a script of the commands
// that are expected, and a function for what needs more.
package tooltest
