package safefile

import (
	"bufio"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"sync/atomic"
)

// writing counts the calls of Write in progress.
var writing atomic.Int32

// Writing reports whether a file is being written: a program that is asked to end may
// wait for it.
func Writing() bool { return writing.Load() > 0 }

// Write makes the file at path from what f writes. A symbolic link stays, and the file
// it names is replaced; a file that is there keeps its permissions, a new one gets
// perm less the umask. A failure leaves the old file as it was and no temporary one. What
// fails in f itself is returned as it is.
func Write(path string, perm fs.FileMode, f func(io.Writer) error) error {
	w, end, err := Stream(path, perm)
	if err != nil {
		return err
	}
	return end(f(w))
}

// Stream is Write for those who write over a stretch of their code. end must be called
// once, with the error that the writing ended with, and returns how all of it ended: with
// an error the file is not made.
func Stream(path string, perm fs.FileMode) (w io.Writer, end func(error) error, err error) {
	target, old, err := target(path)
	if err != nil {
		return nil, nil, err
	}
	if old != nil {
		perm = old.Mode().Perm()
	}
	dir := filepath.Dir(target)
	cleanOnce(dir)
	fail := func(err error) error { return &Error{Path: path, Do: "write", Err: bare(err)} }
	tmp, err := newTemporary(target, perm)
	if err != nil {
		return nil, nil, fail(err)
	}
	writing.Add(1)
	buffered := bufio.NewWriterSize(tmp, 1<<20)
	return buffered, func(err error) error {
		defer writing.Add(-1)
		if system := new(fs.PathError); err != nil && errors.As(err, &system) && system.Path == tmp.Name() {
			err = fail(err) // the disk's, through w
		}
		if err == nil {
			if err = finish(tmp, buffered, target, old); err != nil {
				err = fail(err)
			}
		}
		tmp.Close()
		if err != nil {
			os.Remove(tmp.Name())
			return err
		}
		syncFolder(dir)
		return nil
	}, nil
}

// finish gives a temporary file its content and its name.
func finish(tmp *os.File, w *bufio.Writer, target string, old fs.FileInfo) error {
	if old != nil { // the umask of today is not that of the file
		if err := tmp.Chmod(old.Mode().Perm()); err != nil {
			return err
		}
	}
	if err := w.Flush(); err != nil {
		return err
	}
	if err := syncFile(tmp); err != nil {
		return err
	}
	if runtime.GOOS == "windows" { // which renames no open file; elsewhere it stays locked until it has its name
		if err := tmp.Close(); err != nil {
			return err
		}
	}
	return os.Rename(tmp.Name(), target)
}

// Append opens a regular file, which it makes where there is none, to add to its end.
func Append(path string, perm os.FileMode) (*os.File, error) {
	fail := func(reason string, err error) (*os.File, error) {
		return nil, &Error{Path: path, Do: "write", Reason: reason, Err: bare(err)}
	}
	if path == "" {
		return fail("its name is empty", nil)
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_APPEND|openNoWait, perm)
	if err != nil {
		return fail("", err)
	}
	info, err := f.Stat()
	if err != nil || !info.Mode().IsRegular() {
		f.Close()
		return fail("it is no regular file", err)
	}
	return f, nil
}

// CheckWrite returns the error that Write would end with because of what is at path or
// around it: before hours of work, not after.
func CheckWrite(path string) error {
	target, old, err := target(path)
	if err != nil {
		return err
	}
	fail := func(err error) error { return &Error{Path: path, Do: "write", Err: bare(err)} }
	if old != nil { // a rename would not mind that the file is protected
		f, err := os.OpenFile(target, os.O_WRONLY|openNoWait, 0)
		if err != nil {
			return fail(err)
		}
		f.Close()
	}
	tmp, err := newTemporary(target, 0o600)
	if err != nil {
		return fail(err)
	}
	defer os.Remove(tmp.Name())
	defer tmp.Close()
	// A disk that is full says so now.
	if _, err := tmp.Write(make([]byte, 1)); err != nil {
		return fail(err)
	}
	return nil
}

// target follows symbolic links from path to what they name, which need not exist, and
// refuses what is no regular file.
func target(path string) (at string, old fs.FileInfo, err error) {
	fail := func(reason string, err error) (string, fs.FileInfo, error) {
		return "", nil, &Error{Path: path, Do: "write", Reason: reason, Err: bare(err)}
	}
	if path == "" {
		return fail("its name is empty", nil)
	}
	if c := path[len(path)-1]; os.IsPathSeparator(c) {
		return fail("it is a folder, not a file", nil)
	}
	at = path
	for range 40 {
		info, err := os.Lstat(at)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			if _, err := os.Stat(filepath.Dir(at)); err != nil {
				return fail("its folder", err)
			}
			return at, nil, nil
		case err != nil:
			return fail("", err)
		case info.Mode().IsRegular():
			return at, info, nil
		case info.Mode()&fs.ModeSymlink == 0:
			return fail("it is "+kind(info.Mode())+", not a regular file", nil)
		}
		link, err := os.Readlink(at)
		if err != nil {
			return fail("", err)
		}
		if !filepath.IsAbs(link) {
			link = filepath.Join(filepath.Dir(at), link)
		}
		at = link
	}
	return fail("its symbolic links go round in a circle", nil)
}

// mark is what the names of temporary and lock files of one path share. It is short
// where the name itself may be as long as the system allows.
func mark(path string) string {
	sum := sha256.Sum256([]byte(filepath.Base(path)))
	return fmt.Sprintf("%s%x", prefix, sum[:4])
}

// syncFile puts a file on the disk. Tests listen in.
var syncFile = (*os.File).Sync

// syncFolder makes the rename last through a power cut where the system can sync
// folders; elsewhere the rename alone has to do.
func syncFolder(dir string) {
	if d, err := os.Open(dir); err == nil {
		_ = syncFile(d)
		d.Close()
	}
}
