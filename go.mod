module github.com/sekit/sekit

go 1.25.0

require (
	github.com/elastic/go-libaudit/v2 v2.6.2
	github.com/opencontainers/selinux v1.15.1
	golang.org/x/sys v0.45.0
)

require github.com/cyphar/filepath-securejoin v0.5.1 // indirect
