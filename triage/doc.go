// Package triage turns denials into findings: why an access was denied, and
// the fixes that are proven to cure it, the one that gives away least first.
//
// A [Triage] works on a [sekit.System]: a policy with its file contexts and
// port records. [Triage.Read] takes all that a log holds, [Triage.Explain] one
// denial. A [Finding] has the policy's decision with every reason, the fixes,
// the changes that were considered and rejected, and notes on what is known
// and what is guessed.
//
// # Order
//
// Most denials are no fault of the policy, so candidates are tried in the order
// of what they give away: the right context for the object (or for the program
// that runs in the wrong domain), the port's registration, booleans, and a
// policy module last, where nothing else cures. There is no setenforce 0. A
// boolean that opens something to many domains that did not ask comes after a
// module with one rule. Before all of this counts that a fix cures the whole
// operation: what leaves a denial to follow comes after what does not.
//
// # Proof and price
//
// Each candidate is applied to the policy or the file contexts in memory, and
// the access decided again. One that does not flip the decision is not shown as
// a fix but as [Rejected], with the policy's reason. The kernel logs only the
// first permission that fails; so the access is widened to what its operation
// needs as a whole, the way to a file through its directories and what the
// system call goes on to ask for, and what a fix leaves denied of that is in
// [Fix.Follows]. A fix is priced by its [policy.Exposure]: how many (source
// type, target type, class, permission) it newly allows. For a file or port
// that gets another type these are the accesses to that one object.
//
// Candidates come from the policy and the file contexts themselves: types that
// the domain may use so and where the policy's authors put them, port types
// that it may bind, rules that are off. There is no table of products. A type
// that no spec has and no program's new files get was left for administrators to
// give (as that of Samba's shares); one that is of no use while a boolean is off
// is offered with the boolean.
//
// What cures may still do harm. No fix gives another type to what the file
// contexts have for others by a spec of its own, to programs, to secrets, or to
// what many domains use; none takes a port from many; none allows anything to a
// process whose context the policy does not know.
//
// # Trust
//
// What is in a log was chosen by whoever named the files and ran the programs.
// Paths reach a [Command] as single arguments and a policy module not at all;
// a bare name= is never taken for a path; records that any program may have
// written are marked. Rules that would hand over the machine are refused by the
// guard of package module, unless Options lift the refusal item by item.
package triage
