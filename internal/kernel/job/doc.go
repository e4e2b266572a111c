// Package job is what the host and the virtual machine of the kernel lane say
// to each other: a Job goes in on the payload disk and a Result comes back on
// the result disk, each a plain tar archive written to the raw disk. Disks
// are told apart by what they hold, because kernels number them at random.
package job
