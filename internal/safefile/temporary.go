package safefile

import (
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"sync"
)

// prefix begins the names of our temporary and lock files.
const prefix = ".crease-"

var (
	temporaryName = regexp.MustCompile(`^\.crease-[0-9a-f]{8}-[0-9a-f]{8}\.tmp$`)
	lockName      = regexp.MustCompile(`^\.crease-[0-9a-f]{8}\.lock$`)
)

// newTemporary makes a file beside path and locks it, so that Clean leaves it alone.
// Where the file system knows no locks, Clean gets none either.
func newTemporary(path string, perm fs.FileMode) (*os.File, error) {
	for range 100 {
		name := filepath.Join(filepath.Dir(path), fmt.Sprintf("%s-%08x.tmp", mark(path), rand.Uint32()))
		f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE|os.O_EXCL, perm|0o600)
		if errors.Is(err, fs.ErrExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		if err := lockFile(f); err == nil && !named(f, name) {
			f.Close() // Clean was faster than the lock
			continue
		}
		return f, nil
	}
	return nil, errors.New("no name is left for a temporary file")
}

// named reports whether the open file is still the one of that name.
func named(f *os.File, name string) bool {
	a, err1 := f.Stat()
	b, err2 := os.Lstat(name)
	return err1 == nil && err2 == nil && os.SameFile(a, b)
}

var cleaned sync.Map // folders

// cleanOnce cleans a folder the first time it is written to.
func cleanOnce(dir string) {
	if _, done := cleaned.LoadOrStore(dir, true); !done {
		Clean(dir)
	}
}

// Clean removes the temporary and lock files in a folder whose processes have ended
// without doing so. It removes only regular files of this user with names that this
// package gives; what cannot be removed stays.
func Clean(dir string) {
	d, err := os.Open(dir)
	if err != nil {
		return
	}
	defer d.Close()
	names, _ := d.Readdirnames(-1)
	for _, name := range names {
		if temporaryName.MatchString(name) || lockName.MatchString(name) {
			removeDead(filepath.Join(dir, name))
		}
	}
}

// removeDead removes a file that no process has locked.
func removeDead(name string) {
	f, err := os.OpenFile(name, os.O_RDWR|openNoWait|openNoFollow, 0)
	if err != nil {
		return
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil || !info.Mode().IsRegular() || ownership(info) != nil || lockFile(f) != nil || !named(f, name) {
		return
	}
	if removeWhileOpen {
		os.Remove(name)
		return
	}
	f.Close()
	os.Remove(name)
}
