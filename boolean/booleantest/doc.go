// Package booleantest has a [boolean.Backend] in memory for tests, and the
// tests that every backend must pass.
package booleantest
