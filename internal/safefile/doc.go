// Package safefile reads and writes the files that a user, another user or a broken
// machine may have tampered with: checkpoints, data, caches, tuning tables, pictures.
// Other packages go through it, but for files that they make anew or that grow: a part
// of a download, an event file.
//
//   - [Open] and [Read] want a regular file of bounded size. A folder, a device or a
//     FIFO is an error at once, where opening it plainly would hang or never end.
//   - [Begins] tells files of one sort from others, which are not to be written over.
//   - [Write] makes a file that appears whole or not at all: a temporary file in the
//     same folder is synced and renamed over the old one. It follows symbolic links
//     and replaces regular files only. [CheckWrite] says beforehand whether Write
//     would be refused.
//   - [Append] adds to the end of a regular file, as logs do.
//   - [Lock] keeps two processes from writing the same file in turns.
//   - [Clean] removes the temporary files of processes that were killed. Write does
//     so by itself, once for every folder.
//   - [PrivateFolder] and [ReadPrivate] are for caches of code: what another user
//     could have written is not read.
//
// Every failure is an *[Error] with the path, the reason and, where there is one, the
// error of the system, which errors.Is finds.
//
// A temporary file is locked (flock, LockFileEx) while its process lives, and so is
// the file behind [Lock]. Whoever gets the lock of such a file knows that its process
// is dead and may remove it. Process numbers would not do: they are used again, and
// mean nothing in another container.
package safefile

import "fmt"

// Error is a file that cannot be read, written or trusted.
type Error struct {
	Path   string
	Do     string // what was tried: "read", "write", "lock"
	Reason string // "" where Err says it all
	Err    error  // of the system, may be nil
}

func (e *Error) Error() string {
	s := fmt.Sprintf("cannot %s %s", e.Do, e.Path)
	if e.Reason != "" {
		s += ": " + e.Reason
	}
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	return s
}

func (e *Error) Unwrap() error { return e.Err }

// ExitCode is the command line's code for a file that cannot be used.
func (e *Error) ExitCode() int { return 5 }
