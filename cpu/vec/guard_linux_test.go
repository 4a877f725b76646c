package vec

import (
	"os"
	"syscall"
	"testing"
	"unsafe"
)

// guarded returns n floats that end where an inaccessible page begins, so that
// touching one element too many is a fault.
func guarded(t testing.TB, n int) []float32 {
	t.Helper()
	page := os.Getpagesize()
	size := (4*n + page - 1) / page * page
	b, err := syscall.Mmap(-1, 0, size+page, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
	if err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mprotect(b[size:], syscall.PROT_NONE); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { syscall.Munmap(b) })
	end := unsafe.Add(unsafe.Pointer(unsafe.SliceData(b)), size)
	return unsafe.Slice((*float32)(unsafe.Add(end, -4*n)), n)
}
