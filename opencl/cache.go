//go:build (linux || darwin) && (amd64 || arm64)

package opencl

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"

	"github.com/crease-ml/crease/internal/atomicfile"
	"github.com/crease-ml/crease/kernels"
)

// Compiled programs are kept in a folder of the user's cache, or in the one that
// CREASE_CACHE names; "off" keeps nothing. A file is named by what its contents
// depend on and begins with a checksum of that name and the rest, so one that was
// cut short, changed or renamed is compiled again and replaced. Writers put whole
// files in place, so that readers and other writers need no lock. A cache that
// cannot be read or written only costs time.

const (
	cacheMagic = "crease opencl 2\n"
	cacheLimit = 256 << 20 // bytes; above, the oldest files go
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

// cacheEntry is the place of a program's binary.
type cacheEntry struct{ dir, key string }

func (d *Device) cacheEntry(p *kernels.Program) cacheEntry {
	h := sha256.New()
	for _, s := range []string{p.Source, d.options, d.identity} {
		fmt.Fprintf(h, "%d %s\n", len(s), s)
	}
	return cacheEntry{cacheDir(), fmt.Sprintf("%x", h.Sum(nil))}
}

// load is the binary, nil where there is none that is whole.
func (e cacheEntry) load() []byte {
	if e.dir == "" {
		return nil
	}
	b, err := os.ReadFile(filepath.Join(e.dir, e.key))
	if err != nil {
		return nil
	}
	return e.open(b)
}

func (e cacheEntry) store(binary []byte) {
	if e.dir == "" || len(binary) == 0 {
		return
	}
	write := func(w io.Writer) error {
		_, err := w.Write(e.seal(binary))
		return err
	}
	if os.MkdirAll(e.dir, 0o700) == nil && atomicfile.Write(filepath.Join(e.dir, e.key), 0o600, write) == nil {
		prune(e.dir, cacheLimit)
	}
}

func (e cacheEntry) sum(binary []byte) []byte {
	s := sha256.Sum256(slices.Concat([]byte(e.key), binary))
	return s[:]
}

func (e cacheEntry) seal(binary []byte) []byte {
	return slices.Concat([]byte(cacheMagic), e.sum(binary), binary)
}

// open is the binary in a file's contents, nil where they are not what seal made.
func (e cacheEntry) open(b []byte) []byte {
	b, ok := bytes.CutPrefix(b, []byte(cacheMagic))
	if !ok || len(b) <= sha256.Size || !bytes.Equal(b[:sha256.Size], e.sum(b[sha256.Size:])) {
		return nil
	}
	return b[sha256.Size:]
}

// prune removes the oldest files until a folder holds no more than limit bytes.
func prune(dir string, limit int64) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return
	}
	var files []os.FileInfo
	var total int64
	for _, e := range entries {
		if info, err := e.Info(); err == nil && info.Mode().IsRegular() {
			files, total = append(files, info), total+info.Size()
		}
	}
	slices.SortFunc(files, func(a, b os.FileInfo) int { return a.ModTime().Compare(b.ModTime()) })
	for _, f := range files {
		if total <= limit {
			return
		}
		if os.Remove(filepath.Join(dir, f.Name())) == nil {
			total -= f.Size()
		}
	}
}
