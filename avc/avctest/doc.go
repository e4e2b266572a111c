// Package avctest provides a source of audit records for tests: it gives what a
// test puts into it, as the live kernel would, and fails when it is told to.
package avctest
