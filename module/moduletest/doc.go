// Package moduletest has a [module.Backend] in memory for tests, which links
// what is installed into its policy as semodule does, and the tests that every
// backend must pass.
package moduletest
