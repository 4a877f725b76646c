package safefile

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// Locked is a path that no other process writes while it is held.
type Locked struct {
	file *os.File
	name string
}

// InUseError is a path that another process has locked.
type InUseError struct {
	Path    string
	Process int // 0 when unknown
}

func (e *InUseError) Error() string {
	who := "another process"
	if e.Process != 0 {
		who = fmt.Sprintf("process %d", e.Process)
	}
	return fmt.Sprintf("%s is being written by %s: wait for it, or give another file", e.Path, who)
}

// ExitCode is the command line's code for a file that cannot be used.
func (e *InUseError) ExitCode() int { return 5 }

// Lock takes the lock of a path that Write may write to. A path that another process
// holds is an *InUseError at once. The lock ends with Unlock or with the process. Its
// file lies beside the path's own, which Write replaces.
func Lock(path string) (*Locked, error) {
	target, _, err := target(path)
	if err != nil {
		return nil, err
	}
	name := filepath.Join(filepath.Dir(target), mark(target)+".lock")
	fail := func(reason string, err error) error {
		return &Error{Path: path, Do: "lock", Reason: reason, Err: bare(err)}
	}
	for range 100 {
		f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE|openNoWait|openNoFollow, 0o600)
		if err != nil {
			return nil, fail("its lock file "+name, err)
		}
		info, err := f.Stat()
		if err != nil || !info.Mode().IsRegular() {
			f.Close()
			return nil, fail("its lock file "+name+" is no regular file", err)
		}
		switch err := lockFile(f); {
		case errors.Is(err, errLocked):
			owner := processIn(f)
			f.Close()
			return nil, &InUseError{Path: path, Process: owner}
		case err != nil:
			f.Close()
			return nil, fail("the file system has no locks", err)
		}
		if !named(f, name) { // whoever held it has just removed it
			f.Close()
			continue
		}
		// The number is only for the message of others.
		_ = f.Truncate(0)
		_, _ = f.WriteAt([]byte(strconv.Itoa(os.Getpid())), 0)
		return &Locked{f, name}, nil
	}
	return nil, fail("its lock file comes and goes", nil)
}

// Unlock gives the lock back and removes its file. Doing so twice is a no-op.
func (l *Locked) Unlock() {
	if l == nil || l.file == nil {
		return
	}
	if removeWhileOpen {
		os.Remove(l.name)
		l.file.Close()
	} else {
		l.file.Close()
		os.Remove(l.name)
	}
	l.file = nil
}

// processIn returns the process number that the holder of a lock wrote into its file.
func processIn(f *os.File) int {
	b, _ := io.ReadAll(io.NewSectionReader(f, 0, 20))
	n, _ := strconv.Atoi(strings.TrimSpace(string(b)))
	return n
}
