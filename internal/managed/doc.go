// Package managed finds libsemanage's managed store: where semanage, setsebool
// and semodule keep what was changed on a machine.
package managed
