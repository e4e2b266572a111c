// Package kernel proves sekit on a real enforcing kernel: its tests build a
// small Debian image, boot it once under qemu and run the project's own test
// binaries inside. Nothing here is imported by the library.
//
// The host's side has the build tag kernel and is run with
//
//	go test -tags kernel ./internal/kernel
//
// What runs inside has the build tag kernelguest and names that begin with
// TestKernel, in this package or in any other of the module. See the section
// "The kernel lane" in CONTRIBUTING.md.
//
// The parts: image*.go build the image (once, into a cache), vm.go boots it,
// job is what host and guest say to each other, vminit is the guest's PID 1,
// or a service where systemd is that, and image/ holds what is baked in: the
// lists of packages and of policy modules, the test domain sekittest, units.
package kernel
