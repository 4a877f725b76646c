//go:build unix

package safefile

import (
	"errors"
	"io/fs"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

const (
	openNoWait      = unix.O_NONBLOCK
	openNoFollow    = unix.O_NOFOLLOW
	removeWhileOpen = true
)

// errLocked is another process holding the lock.
var errLocked = errors.New("locked")

// lockFile locks an open file for this process without waiting.
func lockFile(f *os.File) error {
	for {
		err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
		switch err {
		case unix.EINTR:
			continue
		case unix.EWOULDBLOCK:
			return errLocked
		}
		return err
	}
}

// ownership returns an error for a file that another user owns or can write.
func ownership(info fs.FileInfo) error {
	s, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return errors.New("its owner is unknown")
	}
	if us := os.Geteuid(); int(s.Uid) != us {
		return foreign(int(s.Uid), us)
	}
	if info.Mode().Perm()&0o022 != 0 {
		return errors.New("other users can write it (chmod go-w mends that)")
	}
	return nil
}
