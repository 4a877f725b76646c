package cuda

import (
	"unsafe"

	"github.com/crease-ml/crease/cuda/driver"
	"github.com/crease-ml/crease/kernels"
)

// clearFaults makes the device's fault words zero. See kernels.Faults.
func (d *Device) clearFaults(mem driver.Ptr) error {
	return d.withPinned(kernels.FaultBytes, func(words []byte) error {
		clear(words)
		if err := d.check("cuMemcpyHtoDAsync", d.drv.CopyIn(mem, unsafe.Pointer(&words[0]), len(words), d.queue)); err != nil {
			return err
		}
		return d.finish()
	})
}

// readFaults waits for the queue and copies the device's fault words.
func (d *Device) readFaults(words []byte, mem driver.Ptr) error {
	return d.withPinned(len(words), func(b []byte) error {
		if err := d.check("cuMemcpyDtoHAsync", d.drv.CopyOut(unsafe.Pointer(&b[0]), mem, len(b), d.queue)); err != nil {
			return err
		}
		if err := d.finish(); err != nil {
			return err
		}
		copy(words, b)
		return nil
	})
}

// withPinned calls a function with n bytes of pinned memory.
func (d *Device) withPinned(n int, use func([]byte) error) error {
	p, class, err := d.pinned.Get(n)
	if err != nil {
		return err
	}
	defer d.pinned.Put(p, class)
	return use(unsafe.Slice((*byte)(p), n))
}
