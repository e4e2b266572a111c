package sekittest

import (
	"fmt"
	"sync"
	"syscall"

	"github.com/sekit/sekit"
)

// Fault makes a [Machine] fail, until it is taken back with the zero Fault. The
// fakes of the rooms have faults of their own.
type Fault struct {
	// System is returned when the machine is asked what is so.
	System error
	// Commit is returned by a commit, with nothing changed: [ErrLockHeld],
	// [ErrReadOnly] and [ErrDiskFull] are usual.
	Commit error
	// Half is returned by a commit that has set the booleans and nothing else:
	// what comes of tools that know no transaction.
	Half error
	// AfterCommit is returned by a commit although all was changed: what a
	// caller sees whose connection breaks at the wrong moment.
	AfterCommit error

	kill bool
}

// What stores fail with.
var (
	ErrLockHeld = fmt.Errorf("semanage.trans.LOCK: %w", sekit.ErrLocked)
	ErrReadOnly = fmt.Errorf("/var/lib/selinux: %w", syscall.EROFS)
	ErrDiskFull = fmt.Errorf("/var/lib/selinux: %w", syscall.ENOSPC)
)

// Inject makes the machine fail from now on.
func (m *Machine) Inject(f Fault) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.fault = f
}

// Kill runs a function whose next commit is killed half way, when booleans are
// set and nothing else is: nothing of what would come after it is done, as when
// the program is killed (but for its deferred calls). Then, or when the function
// is done, Kill returns. What is left, [sekit.Machine.Interrupted] of
// [Machine.Reopen] tells.
func (m *Machine) Kill(f func()) {
	m.Inject(Fault{kill: true})
	var done sync.WaitGroup
	done.Go(f)
	done.Wait()
	m.Inject(Fault{})
}
