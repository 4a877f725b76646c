//go:build (linux || darwin) && (amd64 || arm64)

package opencl

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"slices"

	"github.com/crease-ml/crease/internal/notice"
	"github.com/crease-ml/crease/internal/safefile"
	"github.com/crease-ml/crease/kernels"
)

// Compiled programs are kept in a folder of the user's cache, or in the one that
// CREASE_CACHE names; "off" keeps nothing. A program from the cache runs in this
// process (PoCL's are machine code), so only what this user wrote is read: the folder
// and its files must belong to this user and be closed to the writing of others. Of a
// folder that is not like that nothing is used, and the user is told.
//
// A file is named by what its contents depend on and begins with a checksum of that
// name and the rest, so one that was cut short, changed or renamed is compiled again
// and replaced. Writers put whole files in place, so that readers and other writers
// need no lock. A cache that cannot be read or written only costs time.

const (
	cacheFamily = "crease opencl "
	cacheMagic  = cacheFamily + "2\n"
	cacheLimit  = 256 << 20 // bytes; above, the oldest files go
	entryLimit  = 64 << 20  // bytes of one file
)

func cacheDir() string {
	switch dir := os.Getenv("CREASE_CACHE"); dir {
	case "off":
		return ""
	case "":
		user, err := os.UserCacheDir()
		if err != nil {
			return ""
		}
		return filepath.Join(user, "crease", "opencl")
	default:
		return filepath.Join(dir, "opencl")
	}
}

// cacheEntry says where the binary of a program is kept on disk.
type cacheEntry struct{ dir, key string }

func (d *Device) cacheEntry(p *kernels.Program) cacheEntry {
	h := sha256.New()
	for _, s := range []string{p.Source, d.options, d.identity} {
		fmt.Fprintf(h, "%d %s\n", len(s), s)
	}
	return cacheEntry{cacheDir(), fmt.Sprintf("%x", h.Sum(nil))}
}

// load returns the binary, nil where there is none, or where it is damaged or belongs to
// another user.
func (e cacheEntry) load() []byte {
	if !e.usable() {
		return nil
	}
	b, err := safefile.ReadPrivate(filepath.Join(e.dir, e.key), entryLimit)
	if err != nil {
		return nil
	}
	return e.open(b)
}

func (e cacheEntry) store(binary []byte) {
	if len(binary) == 0 || len(binary) > entryLimit-len(cacheMagic)-sha256.Size || !e.usable() {
		return
	}
	path := filepath.Join(e.dir, e.key)
	if _, err := safefile.ReadPrivate(path, entryLimit); err != nil && !errors.Is(err, fs.ErrNotExist) {
		// A file that is not to be trusted would keep its permissions: make a new one.
		if os.Remove(path) != nil {
			return
		}
	}
	write := func(w io.Writer) error {
		_, err := w.Write(e.seal(binary))
		return err
	}
	if safefile.Write(path, 0o600, write) == nil {
		prune(e.dir, cacheLimit)
	}
}

// usable reports whether the folder is there and nobody else's.
func (e cacheEntry) usable() bool {
	if e.dir == "" {
		return false
	}
	err := safefile.PrivateFolder(e.dir)
	if err != nil {
		notice.Once("compiled kernels are not kept: %v; CREASE_CACHE names another folder, or is off", err)
	}
	return err == nil
}

func (e cacheEntry) sum(binary []byte) []byte {
	s := sha256.Sum256(slices.Concat([]byte(e.key), binary))
	return s[:]
}

func (e cacheEntry) seal(binary []byte) []byte {
	return slices.Concat([]byte(cacheMagic), e.sum(binary), binary)
}

// open returns the binary within a file's contents, nil where they are not what seal made.
func (e cacheEntry) open(b []byte) []byte {
	b, ok := bytes.CutPrefix(b, []byte(cacheMagic))
	if !ok || len(b) <= sha256.Size || !bytes.Equal(b[:sha256.Size], e.sum(b[sha256.Size:])) {
		return nil
	}
	return b[sha256.Size:]
}

// entryName matches the file names of entries.
var entryName = regexp.MustCompile("^[0-9a-f]{64}$")

// prune removes the oldest entries until a folder's entries hold no more than limit
// bytes. A file with another name, or that does not begin as an entry does, is not
// ours and stays.
func prune(dir string, limit int64) {
	list, err := os.ReadDir(dir)
	if err != nil {
		return
	}
	var files []os.FileInfo
	var total int64
	for _, e := range list {
		if !entryName.MatchString(e.Name()) {
			continue
		}
		if info, err := e.Info(); err == nil && info.Mode().IsRegular() {
			files, total = append(files, info), total+info.Size()
		}
	}
	slices.SortFunc(files, func(a, b os.FileInfo) int { return a.ModTime().Compare(b.ModTime()) })
	for _, f := range files {
		if total <= limit {
			return
		}
		path := filepath.Join(dir, f.Name())
		if ours(path) && os.Remove(path) == nil {
			total -= f.Size()
		}
	}
}

// ours reports whether a file begins as entries of any version do.
func ours(path string) bool {
	f, _, err := safefile.Open(path, math.MaxInt64)
	if err != nil {
		return false
	}
	defer f.Close()
	head := make([]byte, len(cacheFamily))
	_, err = io.ReadFull(f, head)
	return err == nil && string(head) == cacheFamily
}
