// Package fcontexttest has a [fcontext.Backend] in memory for tests of programs
// that relabel, and the tests that every backend must pass.
package fcontexttest
