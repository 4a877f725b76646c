package safefile

import (
	"fmt"
	"os"
)

// PrivateFolder makes a folder, if need be, in which only this user can write, or says
// why an existing one is not like that.
func PrivateFolder(dir string) error {
	fail := func(reason string, err error) error {
		return &Error{Path: dir, Do: "trust", Reason: reason, Err: bare(err)}
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fail("", err)
	}
	info, err := os.Stat(dir)
	switch {
	case err != nil:
		return fail("", err)
	case !info.IsDir():
		return fail("it is no folder", nil)
	}
	if err := ownership(info); err != nil {
		return fail("", err)
	}
	return nil
}

// ReadPrivate returns the content of a regular file of at most limit bytes that belongs
// to this user and that no other user can write. It follows no symbolic link.
func ReadPrivate(path string, limit int64) ([]byte, error) {
	f, info, err := open(path, limit, openNoFollow)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if err := ownership(info); err != nil {
		return nil, &Error{Path: path, Do: "trust", Err: err}
	}
	return readAll(f, path, info.Size())
}

// foreign describes a file of another user.
func foreign(owner, us int) error {
	return fmt.Errorf("it belongs to user %d, not to user %d", owner, us)
}
