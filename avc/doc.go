// Package avc reads what the kernel and its userspace helpers write about
// SELinux, in whatever form it comes, and gives typed denials.
//
// # Input
//
// A [Reader] takes bytes and finds the records in them: audit.log (raw and
// ENRICHED, with or without node=), ausearch raw and interpreted (-i), the
// journal as text, JSON and export, syslog, the kernel log and dmesg, Android's
// logcat, bare "avc: denied" lines, records wrapped over several lines by a
// terminal, a mail or a program's text, several records on one line; in the
// colours of a terminal, escaped as in HTML, JSON, CSV or a mail, marked up in
// Markdown or HTML, quoted by “” instead of "". The form is
// found for each record, so that forms may be mixed in one stream. What is no
// record is passed over; what is one but cannot be read is a [*ParseError] with
// its text and line, is counted, and the stream goes on.
//
// Files are read ahead, on all processors; see Options.Workers. A program that
// looks at each event and lets it go, as sums and searches do, sets
// Options.Reuse.
//
// # Events
//
// The kernel describes one event by several records with the same time and
// serial number. They are brought together again, also when they come out of
// order or interleaved with others, so that a [Denial] knows the path, the
// command line, the system call and the user behind it. What is inferred and
// not said by the records is marked, see [Denial.PathCertainty].
//
// # Trust
//
// Log text is an attacker's to write: names print raw unless they hold spaces,
// quotes or control bytes. Fields are therefore read from left to right with
// quotes honoured, a name is decoded only if the kernel would have encoded it,
// and a record in which a field that decides stands twice is refused. Markup is
// taken off outside the quotes of names only, and not at all from a source that
// only the kernel or a daemon writes ([ProvenanceFile] and above). Each
// Denial carries its [Provenance]; a line in syslog or a paste proves nothing.
//
// Nothing here needs Linux, except reading the live kernel ([OpenKernel],
// [OpenKmsg]), which gives [errors.ErrUnsupported] elsewhere.
package avc
