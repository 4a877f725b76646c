//go:build (linux || darwin) && (amd64 || arm64)

package opencl

import (
	"fmt"
	"sync/atomic"

	"github.com/crease-ml/crease/hal"
)

// buffer is device memory from the pool.
type buffer struct {
	dev   *Device
	mem   uintptr
	class int // the pool's size class
	size  int // as asked for
	freed atomic.Bool
}

// Alloc takes a buffer from the pool.
func (d *Device) Alloc(bytes int) (hal.Buffer, error) {
	mem, class, err := d.pool.Get(bytes)
	if err != nil {
		return nil, d.failure(err)
	}
	return &buffer{dev: d, mem: mem, class: class, size: bytes}, nil
}

func (b *buffer) Device() hal.Device { return b.dev }
func (b *buffer) Size() int          { return b.size }

// Free returns the block at once: whatever gets it next is queued behind the work
// that may still use it.
func (b *buffer) Free() {
	if b.freed.CompareAndSwap(false, true) {
		b.dev.pool.Put(b.mem, b.class)
	}
}

// window is the memory of a buffer of this device, n bytes from off being inside it.
func (d *Device) window(b hal.Buffer, off, n int) (uintptr, error) {
	x, ok := b.(*buffer)
	switch {
	case !ok || x.dev != d:
		return 0, d.failure(fmt.Errorf("a buffer of device %s", b.Device().Info().Name))
	case x.freed.Load():
		return 0, d.failure(fmt.Errorf("a buffer of %d bytes that has been freed", x.size))
	case off < 0 || n < 0 || off > x.size-n:
		return 0, d.failure(fmt.Errorf("bytes %d to %d of a buffer of %d", off, off+n, x.size))
	}
	return x.mem, nil
}
