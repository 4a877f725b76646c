package cuda

import (
	"sync"
	"sync/atomic"
	"unsafe"

	"github.com/crease-ml/crease/cuda/driver"
	"github.com/crease-ml/crease/kernels"
)

// faults is the device's fault words (kernels.FaultBytes), which programs that pick by index
// write to. They are read when somebody waits and such a program has been queued since.
type faults struct {
	mu    sync.Mutex
	mem   driver.Ptr
	armed atomic.Bool
}

// memory returns the words for a launch. The caller has called use.
func (f *faults) memory(d *Device) (driver.Ptr, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.mem == 0 {
		mem, err := d.create(kernels.FaultBytes)
		if err != nil {
			return 0, err
		}
		if err := f.clear(d, mem); err != nil {
			d.release(mem)
			return 0, err
		}
		f.mem = mem
	}
	f.armed.Store(true)
	return f.mem, nil
}

// clear makes the words zero.
func (f *faults) clear(d *Device, mem driver.Ptr) error {
	return f.pinned(d, func(words []byte) error {
		clear(words)
		if err := d.check("cuMemcpyHtoDAsync", d.drv.CopyIn(mem, unsafe.Pointer(&words[0]), len(words), d.queue)); err != nil {
			return err
		}
		return d.finish()
	})
}

// pinned calls a function with pinned memory for the words.
func (f *faults) pinned(d *Device, use func(words []byte) error) error {
	p, class, err := d.pinned.Get(kernels.FaultBytes)
	if err != nil {
		return err
	}
	defer d.pinned.Put(p, class)
	return use(unsafe.Slice((*byte)(p), kernels.FaultBytes))
}

// check returns the fault of what has been queued so far, once. The caller has called use.
func (f *faults) check(d *Device) error {
	if !f.armed.Load() {
		return nil
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.armed.Swap(false) {
		return nil
	}
	var fault error
	err := f.pinned(d, func(words []byte) error {
		if err := d.check("cuMemcpyDtoHAsync", d.drv.CopyOut(unsafe.Pointer(&words[0]), f.mem, len(words), d.queue)); err != nil {
			return d.failure(err)
		}
		if err := d.finish(); err != nil {
			return err
		}
		fault = kernels.Fault(d.info.Name, words)
		return nil
	})
	if err == nil && fault != nil {
		err = f.clear(d, f.mem)
	}
	if err != nil {
		return err
	}
	return fault
}

func (f *faults) release(d *Device) {
	if f.mem != 0 {
		d.release(f.mem)
		f.mem = 0
	}
}
