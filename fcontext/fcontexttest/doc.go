// Package fcontexttest has a [fcontext.Backend] and a [fcontext.LocalBackend] in
// memory for tests of programs that relabel or change local file contexts, and
// the tests that every backend must pass.
package fcontexttest
