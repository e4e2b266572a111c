// Package oracle is what the tests of the oracle lane share: tests that hold
// sekit's answers against those of the field's own tools (build tag oracle).
package oracle
