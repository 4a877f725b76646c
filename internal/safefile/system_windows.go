package safefile

import (
	"errors"
	"io/fs"
	"os"

	"golang.org/x/sys/windows"
)

// Windows opens no FIFO by a file's name, and the folders of a user's profile are closed
// to others by their access lists.
const (
	openNoWait      = 0
	openNoFollow    = 0
	removeWhileOpen = false
)

// errLocked is another process holding the lock.
var errLocked = errors.New("locked")

// lockFile locks an open file for this process without waiting. What it locks is one
// byte far behind the content, which stays readable.
func lockFile(f *os.File) error {
	at := &windows.Overlapped{OffsetHigh: 1 << 30}
	err := windows.LockFileEx(windows.Handle(f.Fd()), windows.LOCKFILE_EXCLUSIVE_LOCK|windows.LOCKFILE_FAIL_IMMEDIATELY, 0, 1, 0, at)
	if errors.Is(err, windows.ERROR_LOCK_VIOLATION) || errors.Is(err, windows.ERROR_IO_PENDING) {
		return errLocked
	}
	return err
}

// ownership returns an error for a file that another user can write.
func ownership(fs.FileInfo) error { return nil }
