// Package porttest has a [port.Backend] in memory for tests, and the tests that
// every backend must pass.
package porttest
