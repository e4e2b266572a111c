package demo

import (
	"embed"
	"io/fs"
)

//go:generate sh generate.sh

//go:embed policy.33 ports.local audit.log contexts/files/*
var files embed.FS

// Policy returns the compiled policy: version 33, MLS enabled (s0, c0 to
// c1023), unknown classes and permissions allowed. The bytes are the
// caller's own.
func Policy() []byte { return read("policy.33") }

// Contexts returns the file contexts, rooted where a host has
// /etc/selinux/<name>/contexts/files: file_contexts, file_contexts.homedirs,
// file_contexts.local, file_contexts.subs and file_contexts.subs_dist.
func Contexts() fs.FS {
	sub, err := fs.Sub(files, "contexts/files")
	if err != nil {
		panic(err) // the path is a constant and valid
	}
	return sub
}

// PortsLocal returns the machine's own port records in the form of
// libsemanage's ports.local. The policy already holds them too, as a policy
// that libsemanage built would.
func PortsLocal() []byte { return read("ports.local") }

// AuditLog returns the audit log that README.md walks through, in the order
// of its events. The bytes are the caller's own.
func AuditLog() []byte { return read("audit.log") }

// read returns a copy of an embedded file.
func read(name string) []byte {
	b, err := files.ReadFile(name)
	if err != nil {
		panic(err) // the names are constants, embedded above
	}
	return b
}
