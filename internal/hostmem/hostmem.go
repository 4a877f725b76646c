// Package hostmem allocates host memory for device pools: aligned to a cache
// line, zero at first, large blocks outside the Go heap and backed by huge pages
// where the system grants them. Blocks live until they are freed; the garbage
// collector neither moves nor counts the large ones.
package hostmem

import (
	"unsafe"
)

// Alignment is what every block is aligned to, in bytes: a cache line, which
// is also an AVX-512 vector.
const Alignment = 64

// mapped is the size from which a block is mapped from the system by itself.
// Smaller ones come from the Go heap: a mapping costs a whole page.
const mapped = 64 << 10

// Block is a piece of host memory.
type Block struct {
	Bytes []byte
	raw   []byte // the mapping, nil for blocks on the Go heap
}

// Alloc returns a block of n bytes. It fails when the system has no more memory.
func Alloc(n int) (Block, error) {
	if n >= mapped {
		raw, err := mmap(n)
		if err != nil {
			return Block{}, err
		}
		return Block{Bytes: raw[:n:n], raw: raw}, nil
	}
	b := make([]byte, n+Alignment)
	skip := -int(uintptr(unsafe.Pointer(unsafe.SliceData(b)))) & (Alignment - 1)
	return Block{Bytes: b[skip : skip+n : skip+n]}, nil
}

// Free gives the block back. Its bytes must not be used afterwards.
func (b Block) Free() {
	if b.raw != nil {
		munmap(b.raw)
	}
}
