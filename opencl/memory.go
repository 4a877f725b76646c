//go:build (linux || darwin) && (amd64 || arm64)

package opencl

import (
	"fmt"
	"sync/atomic"
	"unsafe"

	"github.com/ebitengine/purego"

	"github.com/crease-ml/crease/hal"
	"github.com/crease-ml/crease/internal/hostmem"
)

// buffer holds device memory from the pool. Every block is a memory object of its own and
// never a sub-buffer, which would have to be aligned: kernels are given the offset of a view
// as a number.
type buffer struct {
	dev   *Device
	mem   uintptr
	class int // the pool's size class
	size  int // as asked for
	freed atomic.Bool
}

// Alloc takes a buffer from the pool.
func (d *Device) Alloc(bytes int) (hal.Buffer, error) {
	if err := d.use(); err != nil {
		return nil, err
	}
	defer d.leave()
	if d.maxAlloc > 0 && bytes > d.maxAlloc { // flushing the pool would not help
		return nil, d.failure(fmt.Errorf("%w: %d bytes asked for, and one allocation is at most %d (CL_DEVICE_MAX_MEM_ALLOC_SIZE)", hal.ErrOutOfMemory, bytes, d.maxAlloc))
	}
	mem, class, err := d.pool.Get(bytes)
	if err != nil {
		if lost := d.health.Err(); lost != nil {
			return nil, lost
		}
		return nil, d.failure(err)
	}
	return &buffer{dev: d, mem: mem, class: class, size: bytes}, nil
}

func (b *buffer) Device() hal.Device { return b.dev }
func (b *buffer) Size() int          { return b.size }

// Free returns the block at once: whatever gets it next is queued behind the work
// that may still use it.
func (b *buffer) Free() {
	if !b.freed.CompareAndSwap(false, true) {
		return
	}
	b.dev.enter()
	defer b.dev.leave()
	b.dev.pool.Put(b.mem, b.class)
	if b.dev.closed {
		b.dev.pool.Flush()
	}
}

// create gets a block of device memory for the pool. The pool rounds sizes up,
// perhaps over what the device gives; Alloc has seen to it that less is enough.
func (d *Device) create(n int) (uintptr, error) {
	if d.maxAlloc > 0 {
		n = min(n, d.maxAlloc)
	}
	if d.processor() { // its memory is the machine's, and drivers give what it has not
		if err := hostmem.Check(n); err != nil {
			return 0, fmt.Errorf("%w: %w", hal.ErrOutOfMemory, err)
		}
	}
	var code int32
	const readWrite = 1
	mem, _, _ := purego.SyscallN(d.lib.createBuffer, d.context, readWrite, uintptr(n), 0, uintptr(unsafe.Pointer(&code)))
	if code == 0 {
		return mem, nil
	}
	if short(status(code)) {
		// What the pool gives back next is free only when the queue is done with it.
		if err := d.finish(); err != nil {
			return 0, err
		}
	}
	return 0, &callError{call: "clCreateBuffer", code: status(code)}
}

// release gives a block back. OpenCL keeps it until the queued work has done with it.
func (d *Device) release(mem uintptr) { purego.SyscallN(d.lib.releaseMemObject, mem) }

// window returns the memory of a buffer. It is an error if the buffer is of another device
// or freed, or if n bytes from off on are not within it.
func (d *Device) window(b hal.Buffer, off, n int) (uintptr, error) {
	x, own := b.(*buffer)
	own = own && x.dev == d
	if err := hal.CheckWindow(b, own, own && x.freed.Load(), off, n); err != nil {
		return 0, err
	}
	return x.mem, nil
}
