package managed

import (
	"context"
	"errors"
	"os"
	"time"
)

// lockWait is how long a lock is waited for if the context has no deadline.
// libsemanage waits for five seconds (handle.c), its newest version for ever.
const lockWait = 30 * time.Second

var errLocked = errors.New("locked by another program")

// lock takes one of the store's locks, a file with flock(2) on it, as
// libsemanage does (semanage_get_lock). The function that it returns gives it
// back.
func lock(ctx context.Context, dir *os.Root, name string) (unlock func(), err error) {
	file, err := dir.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	if _, ok := ctx.Deadline(); !ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, lockWait, os.ErrDeadlineExceeded)
		defer cancel()
	}
	for wait := time.Millisecond; ; wait = min(2*wait, 50*time.Millisecond) {
		if err = tryLock(file); err == nil {
			return func() { file.Close() }, nil
		}
		if !errors.Is(err, errLocked) {
			break
		}
		select {
		case <-time.After(wait):
			continue
		case <-ctx.Done():
			err = context.Cause(ctx)
		}
		break
	}
	file.Close()
	return nil, &LockError{File: name, Err: err}
}
