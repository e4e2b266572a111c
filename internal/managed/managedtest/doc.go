// Package managedtest makes managed stores for tests.
package managedtest
