//go:build (linux || darwin) && (amd64 || arm64)

package opencl

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"unsafe"

	"github.com/ebitengine/purego"

	"github.com/crease-ml/crease/internal/atomicfile"
)

// Compiled programs are kept in a folder of the user's cache, or in CREASE_CACHE;
// "off" keeps nothing. A file is named by what its contents depend on and begins
// with the checksum of the rest, so one that was cut short or written by somebody
// else is compiled again. Writers replace files as a whole.

const (
	cacheMagic = "crease opencl 1\n"
	cacheLimit = 256 << 20 // bytes; above, the oldest files go
)

var errNotCached = errors.New("not cached")

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

// cacheKey is the name of a program's file.
func (d *Device) cacheKey(source, options string) string {
	h := sha256.New()
	for _, s := range []string{source, options, d.text(deviceName), d.text(deviceVersion), d.text(driverVersion), d.text(platformName), d.text(platformVersion)} {
		fmt.Fprintf(h, "%d %s\n", len(s), s)
	}
	return fmt.Sprintf("%x", h.Sum(nil))
}

// fromCache builds a program from its binary on disk.
func (d *Device) fromCache(key, options string) (uintptr, error) {
	dir := cacheDir()
	if dir == "" {
		return 0, errNotCached
	}
	b, err := os.ReadFile(filepath.Join(dir, key))
	if err != nil {
		return 0, err
	}
	binary, ok := openEntry(b)
	if !ok {
		return 0, errNotCached
	}
	var code, binaryStatus int32
	size, at := uintptr(len(binary)), &binary[0]
	program, _, _ := purego.SyscallN(d.lib.createProgramWithBinary, d.context, 1, uintptr(unsafe.Pointer(&d.device)), uintptr(unsafe.Pointer(&size)),
		uintptr(unsafe.Pointer(&at)), uintptr(unsafe.Pointer(&binaryStatus)), uintptr(unsafe.Pointer(&code)))
	if code != 0 {
		return 0, &callError{"clCreateProgramWithBinary", status(code)}
	}
	if err := d.buildProgram(program, options); err != nil {
		purego.SyscallN(d.lib.releaseProgram, program)
		return 0, err
	}
	return program, nil
}

// toCache keeps a program's binary. A cache that cannot be written only costs time.
func (d *Device) toCache(key string, program uintptr) {
	dir := cacheDir()
	if dir == "" {
		return
	}
	const binarySizes, binaries = 0x1165, 0x1166
	var size uintptr
	if r, _, _ := purego.SyscallN(d.lib.getProgramInfo, program, binarySizes, unsafe.Sizeof(size), uintptr(unsafe.Pointer(&size)), 0); int32(r) != 0 || size == 0 {
		return
	}
	binary := make([]byte, size)
	at := &binary[0]
	if r, _, _ := purego.SyscallN(d.lib.getProgramInfo, program, binaries, unsafe.Sizeof(at), uintptr(unsafe.Pointer(&at)), 0); int32(r) != 0 {
		return
	}
	write := func(w io.Writer) error {
		_, err := w.Write(sealEntry(binary))
		return err
	}
	if os.MkdirAll(dir, 0o700) == nil && atomicfile.Write(filepath.Join(dir, key), 0o600, write) == nil {
		prune(dir, cacheLimit)
	}
}

func sealEntry(binary []byte) []byte {
	sum := sha256.Sum256(binary)
	return slices.Concat([]byte(cacheMagic), sum[:], binary)
}

func openEntry(b []byte) (binary []byte, ok bool) {
	b, ok = bytes.CutPrefix(b, []byte(cacheMagic))
	if !ok || len(b) <= sha256.Size {
		return nil, false
	}
	sum := sha256.Sum256(b[sha256.Size:])
	return b[sha256.Size:], bytes.Equal(sum[:], b[:sha256.Size])
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
