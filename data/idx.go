package data

import (
	"bufio"
	"bytes"
	"cmp"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/crease-ml/crease/dtype"
	"github.com/crease-ml/crease/internal/safefile"
	"github.com/crease-ml/crease/shape"
)

// FileError is a data file that is missing or broken.
type FileError struct {
	Path   string
	Reason string
	Remedy string // what to do about it, may be ""
}

func (e *FileError) Error() string {
	s := e.Path + ": " + e.Reason
	if e.Remedy != "" {
		s += ". " + e.Remedy
	}
	return s
}

// ExitCode is the command line's code for a bad input file.
func (e *FileError) ExitCode() int { return 5 }

// NewDir is where data files are put: the flag, else CREASE_DATA, else a folder in the
// user's cache. It need not be there.
func NewDir(flag string) (string, error) {
	if dir := named(flag); dir != "" {
		return dir, nil
	}
	return cacheDir()
}

// named is the directory that the user names, "" for none.
func named(flag string) string { return cmp.Or(flag, os.Getenv("CREASE_DATA")) }

func cacheDir() (string, error) {
	user, err := os.UserCacheDir()
	if err != nil {
		return "", &FileError{Path: "data directory", Reason: "the system names no folder for caches: " + err.Error(), Remedy: "Give another with --data DIR or CREASE_DATA"}
	}
	return filepath.Join(user, "crease", "data"), nil
}

// Dir is where data files are looked for: the flag, else CREASE_DATA, else the
// folder that crease data get fills.
func Dir(flag string) (string, error) {
	dir := named(flag)
	if dir == "" {
		cache, err := cacheDir()
		if _, absent := os.Stat(cache); err == nil && absent == nil {
			return cache, nil
		}
		return "", &FileError{Path: "data directory", Reason: "none is named", Remedy: "Give it with --data DIR or CREASE_DATA, or run crease data get NAME once: nothing is downloaded without being asked"}
	}
	if info, err := os.Stat(dir); err != nil || !info.IsDir() {
		return "", &FileError{Path: dir, Reason: "this data directory does not exist or is no directory", Remedy: "Name another with --data DIR or CREASE_DATA"}
	}
	return dir, nil
}

// maxIDX bounds what an IDX file may hold, in bytes: ten times the largest
// public one.
const maxIDX = 1 << 30

// ReadIDX reads an array of unsigned bytes in the IDX format of MNIST (LeCun,
// Cortes, Burges): two zero bytes, a type, the number of dimensions, their sizes
// in big-endian 32-bit numbers, and the elements. It may be packed with gzip. It
// never holds more than the input has.
func ReadIDX(r io.Reader) (dims []int, values []byte, err error) {
	br := bufio.NewReader(r)
	if magic, err := br.Peek(2); err == nil && magic[0] == 0x1f && magic[1] == 0x8b {
		z, err := gzip.NewReader(br)
		if err != nil {
			return nil, nil, fmt.Errorf("gzip: %w", err)
		}
		defer z.Close()
		br = bufio.NewReader(z)
	}
	var head [4]byte
	if _, err := io.ReadFull(br, head[:]); err != nil {
		return nil, nil, fmt.Errorf("the header is cut off: %w", err)
	}
	if head[0] != 0 || head[1] != 0 {
		return nil, nil, fmt.Errorf("it begins with %x, which is no IDX file", head)
	}
	if head[2] != 8 {
		return nil, nil, fmt.Errorf("its element type is %#x, want 0x8, unsigned bytes", head[2])
	}
	if head[3] < 1 || head[3] > 4 {
		return nil, nil, fmt.Errorf("it has %d dimensions, want 1 to 4", head[3])
	}
	for range head[3] {
		var n uint32
		if err := binary.Read(br, binary.BigEndian, &n); err != nil {
			return nil, nil, fmt.Errorf("the header is cut off: %w", err)
		}
		dims = append(dims, int(n))
	}
	want, err := shape.Bytes(dtype.U8, dims)
	if err != nil {
		return nil, nil, err
	}
	if want > maxIDX {
		return nil, nil, fmt.Errorf("its header asks for %d bytes, more than the limit of %d", want, maxIDX)
	}
	var b bytes.Buffer
	n, err := io.Copy(&b, io.LimitReader(br, int64(want)+1))
	switch {
	case err != nil:
		return nil, nil, fmt.Errorf("after %d of %d bytes: %w", n, want, err)
	case n < int64(want):
		return nil, nil, fmt.Errorf("it is cut off: %d bytes of %d", n, want)
	case n > int64(want):
		return nil, nil, fmt.Errorf("bytes follow the %d that its header announces", want)
	}
	return dims, b.Bytes(), nil
}

// idxFile is one file of a public data set.
type idxFile struct {
	name string // without .gz
	url  string
	size int // bytes when packed
}

// read finds the file in the directory or its subfolder, packed or not.
func (f idxFile) read(dir, sub string) (dims []int, values []byte, err error) {
	for _, d := range []string{dir, filepath.Join(dir, sub)} {
		for _, name := range []string{f.name + ".gz", f.name} {
			path := filepath.Join(d, name)
			file, _, err := safefile.Open(path, 2*maxIDX)
			if errors.Is(err, os.ErrNotExist) {
				continue
			}
			if err != nil {
				return nil, nil, &FileError{Path: path, Reason: err.Error()}
			}
			defer file.Close()
			dims, values, err := ReadIDX(file)
			if err != nil {
				return nil, nil, &FileError{Path: path, Reason: err.Error(), Remedy: "Get it again from " + f.url}
			}
			return dims, values, nil
		}
	}
	return nil, nil, missing(dir, sub, f.name+".gz", f.url, f.size)
}

// missing is the error of a file that is not there. The folder has the name that
// crease data get knows.
func missing(dir, sub, name, url string, size int) error {
	return &FileError{
		Path:   filepath.Join(dir, sub, name),
		Reason: "the file is missing",
		Remedy: fmt.Sprintf("Get it with crease data get %s, or from %s (%d bytes) by hand, or name another directory with --data DIR or CREASE_DATA", sub, url, size),
	}
}

// images reads pictures and their classes.
func images(dir, sub string, pictures, labels idxFile, classes []string) (*Arrays, error) {
	dims, pixels, err := pictures.read(dir, sub)
	if err != nil {
		return nil, err
	}
	if len(dims) != 3 || dims[1] != 28 || dims[2] != 28 {
		return nil, &FileError{Path: pictures.name, Reason: fmt.Sprintf("its shape is %v, want [N 28 28]", dims)}
	}
	ldims, numbers, err := labels.read(dir, sub)
	if err != nil {
		return nil, err
	}
	if len(ldims) != 1 || ldims[0] != dims[0] {
		return nil, &FileError{Path: labels.name, Reason: fmt.Sprintf("its shape is %v, want [%d], one class for every picture", ldims, dims[0])}
	}
	a := &Arrays{X: make([]float32, len(pixels)), Shape: []int{28, 28}, Y: make([]int64, len(numbers)), Classes: classes}
	for i, p := range pixels {
		a.X[i] = float32(p) / 255
	}
	for i, n := range numbers {
		if int(n) >= len(classes) {
			return nil, &FileError{Path: labels.name, Reason: fmt.Sprintf("picture %d has class %d, there are %d", i, n, len(classes))}
		}
		a.Y[i] = int64(n)
	}
	return a, nil
}
