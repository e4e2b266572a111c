// Package mutate changes one thing in a decoded structure, for fuzzing what
// stands behind a format's checks: damaged bytes seldom come as far.
package mutate
