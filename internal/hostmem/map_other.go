//go:build !unix

package hostmem

import "unsafe"

// mmap takes large blocks from the Go heap where the system's mappings are not
// used.
func mmap(n int) ([]byte, error) {
	b := make([]byte, n+Alignment)
	skip := -int(uintptr(unsafe.Pointer(unsafe.SliceData(b)))) & (Alignment - 1)
	return b[skip : skip+n : skip+n], nil
}

func munmap([]byte) {}
