// Package guest is what the tests that run inside the kernel lane's machine
// share (build tag kernelguest, names that begin with TestKernel).
package guest
