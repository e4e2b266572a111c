// Package port answers which type a network port has and makes it another one:
// what semanage port does.
//
// The policy gives ranges of ports contexts (portcon statements), the managed
// store adds local records over them (semanage port -a). A [Table] joins both:
// it lists them as semanage does, says which record decides about a port as the
// kernel picks it, and plans changes. [Table.PlanSet] takes what shall be so and
// returns a [Change] that is to be made, or that nothing is; a Change knows the
// semanage command that makes it.
//
// [Ports] joins a policy and a [Backend], a store of local records, and commits
// changes to it. [Store] is the backend that reads and writes libsemanage's
// files, of this machine or of an image, without libsemanage; package porttest
// has one in memory for tests, and the tests that every backend must pass.
//
// Errors are an [*Error] that names the operation and the port, around
// [fs.ErrNotExist], [fs.ErrExist] and [fs.ErrPermission] where these fit.
package port
