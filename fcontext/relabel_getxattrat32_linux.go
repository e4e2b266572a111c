//go:build !(amd64 || arm64 || loong64 || mips64 || mips64le || ppc64 || ppc64le || riscv64 || s390x)

package fcontext

import "golang.org/x/sys/unix"

// getxattrat is for machines with addresses of 64 bits.
func getxattrat(dir int, name string, buf []byte) (int, error) { return 0, unix.ENOSYS }
