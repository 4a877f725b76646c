// Package hostmem allocates host memory for device pools: aligned to a cache
// line, zero at first, large blocks outside the Go heap and backed by huge pages
// where the system grants them. Blocks live until they are freed; the garbage
// collector neither moves nor counts the large ones.
//
// Whatever may be large is asked for here ([Alloc], [Make]) or announced ([Check]): where
// the machine has no room for it, that is an error, and neither Go's runtime nor the
// system's killer of processes ends the program. [Room] is the budget: what is free on the
// machine, or in the control group of a container, less what was handed out and is
// not in use yet.
package hostmem

import (
	"fmt"
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

// Alloc returns a block of n bytes. It fails with [ErrNoMemory] when the machine has no
// room for it.
func Alloc(n int) (Block, error) {
	if n >= mapped || n < 0 {
		if err := Check(n); err != nil {
			return Block{}, err
		}
		raw, err := mmap(n)
		if err != nil {
			return Block{}, fmt.Errorf("%w: %w", ErrNoMemory, err)
		}
		Promise(len(raw))
		return Block{Bytes: raw[:n:n], raw: raw}, nil
	}
	b := make([]byte, n+Alignment)
	skip := -int(uintptr(unsafe.Pointer(unsafe.SliceData(b)))) & (Alignment - 1)
	return Block{Bytes: b[skip : skip+n : skip+n]}, nil
}

// Free gives the block back. Its bytes must not be used afterwards.
func (b Block) Free() {
	if b.raw != nil {
		Promise(-len(b.raw))
		munmap(b.raw)
	}
}

// words returns n zero bytes that begin where a word of eight does.
func words(n int) []byte {
	w := make([]uint64, (n+7)/8)
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(w))), 8*len(w))[:n:n]
}
