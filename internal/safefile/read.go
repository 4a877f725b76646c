package safefile

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
)

// Open opens a regular file of at most limit bytes for reading and returns its size.
func Open(path string, limit int64) (*os.File, int64, error) {
	f, info, err := open(path, limit, 0)
	if err != nil {
		return nil, 0, err
	}
	return f, info.Size(), nil
}

// Read returns the content of a regular file of at most limit bytes.
func Read(path string, limit int64) ([]byte, error) {
	f, info, err := open(path, limit, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return readAll(f, path, info.Size())
}

// Begins reports whether the regular file at path begins with head, as files of one sort
// do. One that is empty or not there holds nothing else, and does too.
func Begins(path, head string) (bool, error) {
	f, size, err := Open(path, math.MaxInt64)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return true, nil
	case err != nil:
		return false, err
	}
	defer f.Close()
	b := make([]byte, len(head))
	_, err = io.ReadFull(f, b)
	return size == 0 || err == nil && string(b) == head, nil
}

// open opens without waiting (for the writer of a FIFO) and then looks at what it has,
// so that nobody can put another file in its place in between.
func open(path string, limit int64, flags int) (*os.File, fs.FileInfo, error) {
	fail := func(reason string, err error) (*os.File, fs.FileInfo, error) {
		return nil, nil, &Error{Path: path, Do: "read", Reason: reason, Err: bare(err)}
	}
	if path == "" {
		return fail("its name is empty", nil)
	}
	f, err := os.OpenFile(path, os.O_RDONLY|openNoWait|flags, 0)
	if err != nil {
		return fail("", err)
	}
	info, err := f.Stat()
	switch {
	case err != nil:
		f.Close()
		return fail("", err)
	case !info.Mode().IsRegular():
		f.Close()
		return fail("it is "+kind(info.Mode())+", not a regular file", nil)
	case info.Size() > limit:
		f.Close()
		return fail(fmt.Sprintf("it has %d bytes, more than the limit of %d", info.Size(), limit), nil)
	}
	return f, info, nil
}

// readAll reads as much as the file had when it was opened. One that has shrunk since
// is an error; what was added since is left out.
func readAll(f *os.File, path string, size int64) ([]byte, error) {
	b := make([]byte, size)
	if _, err := io.ReadFull(f, b); err != nil {
		return nil, &Error{Path: path, Do: "read", Err: bare(err)}
	}
	return b, nil
}

// bare leaves out the path and the call of a system's error: the Error around it has
// them.
func bare(err error) error {
	var p *fs.PathError
	if errors.As(err, &p) {
		return p.Err
	}
	var l *os.LinkError
	if errors.As(err, &l) {
		return l.Err
	}
	return err
}

// kind names what a file is that is not regular.
func kind(m fs.FileMode) string {
	switch {
	case m.IsDir():
		return "a folder"
	case m&fs.ModeNamedPipe != 0:
		return "a FIFO"
	case m&fs.ModeSocket != 0:
		return "a socket"
	case m&fs.ModeDevice != 0:
		return "a device"
	case m&fs.ModeSymlink != 0:
		return "a symbolic link"
	}
	return "a special file"
}
