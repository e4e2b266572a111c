// Package contract is what the contract suites of all rooms ask of a backend in
// the same words.
package contract
