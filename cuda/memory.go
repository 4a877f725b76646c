package cuda

import (
	"sync/atomic"
	"unsafe"

	"github.com/crease-ml/crease/cuda/driver"
	"github.com/crease-ml/crease/hal"
)

// buffer holds device memory from the pool.
type buffer struct {
	dev   *Device
	mem   driver.Ptr
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

// Free returns the block at once: whatever gets it next is queued behind the work that
// may still use it. After the device was closed the block goes back to the driver, and
// with the last one the context.
func (b *buffer) Free() {
	if !b.freed.CompareAndSwap(false, true) {
		return
	}
	b.dev.enter()
	defer b.dev.leave()
	b.dev.pool.Put(b.mem, b.class)
	if b.dev.closed {
		b.dev.pool.Flush()
		b.dev.outlive()
	}
}

// outlive gives the context back once the device is closed and all its memory has been freed.
func (d *Device) outlive() {
	if d.pool.Stats().Buffers == 0 && d.gone.CompareAndSwap(false, true) {
		d.drv.PrimaryContextRelease(d.dev)
	}
}

// create gets a block for the pool, in the order of the queue.
func (d *Device) create(n int) (driver.Ptr, error) {
	p, r := d.drv.MemAllocAsync(n, d.queue)
	if r == driver.OutOfMemory {
		// What the pool gives back next is free only when the queue is done with it.
		if err := d.finish(); err != nil {
			return 0, err
		}
	}
	return p, d.check("cuMemAllocAsync", r)
}

// release gives a block back once the queue has done with it.
func (d *Device) release(p driver.Ptr) {
	if d.closed { // the queue is gone, or about to be
		d.drv.MemFree(p)
		return
	}
	d.drv.MemFreeAsync(p, d.queue)
}

func (d *Device) createPinned(n int) (unsafe.Pointer, error) {
	p, r := d.drv.HostAlloc(n)
	return p, d.check("cuMemHostAlloc", r)
}

func (d *Device) releasePinned(p unsafe.Pointer) { d.drv.HostFree(p) }

// window returns the memory of a buffer. It is an error if the buffer is of another device
// or freed, or if n bytes from off on are not within it.
func (d *Device) window(b hal.Buffer, off, n int) (driver.Ptr, error) {
	x, own := b.(*buffer)
	own = own && x.dev == d
	if err := hal.CheckWindow(b, own, own && x.freed.Load(), off, n); err != nil {
		return 0, err
	}
	return x.mem + driver.Ptr(off), nil
}
