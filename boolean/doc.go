// Package boolean lists the booleans of a policy with their values, says what
// they switch, and sets them: what getsebool, setsebool and semanage boolean
// do.
//
// A boolean has three values. Current is what the kernel decides by now,
// Pending what it will decide by after the next commit of pending values, and
// Default what it starts with at the next load of the policy: the value of the
// local record (setsebool -P) if there is one, else the policy's own. A [Table]
// joins the three for all booleans and plans changes to them.
//
// [Booleans] joins a policy and a [Backend]: a running kernel's values, a
// store of local records, or both. [Store] is the backend that reads and writes
// libsemanage's files, of this machine or of an image, without libsemanage, and
// sets this machine's values; [Files] only reads, and needs no right to. Package
// booleantest has a backend in memory for tests, and the tests that every backend
// must pass.
package boolean
