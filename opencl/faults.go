//go:build (linux || darwin) && (amd64 || arm64)

package opencl

import (
	"sync"
	"sync/atomic"
	"unsafe"

	"github.com/ebitengine/purego"

	"github.com/crease-ml/crease/kernels"
)

// faults is the device's fault words (kernels.FaultBytes), which programs that pick by index
// write to. They are read when somebody waits and such a program has been queued since.
type faults struct {
	mu    sync.Mutex
	mem   uintptr
	armed atomic.Bool
}

// memory returns the words for a launch. The caller has called use.
func (f *faults) memory(d *Device) (uintptr, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.mem == 0 {
		mem, err := d.create(kernels.FaultBytes)
		if err != nil {
			return 0, err
		}
		if err := f.write(d, mem); err != nil {
			d.release(mem)
			return 0, err
		}
		f.mem = mem
	}
	f.armed.Store(true)
	return f.mem, nil
}

// write makes the words zero.
func (f *faults) write(d *Device, mem uintptr) error {
	var zero [kernels.FaultBytes]byte
	return d.enqueue("clEnqueueWriteBuffer", func(q uintptr) uintptr {
		r, _, _ := purego.SyscallN(d.lib.enqueueWriteBuffer, q, mem, blocking, 0, kernels.FaultBytes, uintptr(unsafe.Pointer(&zero[0])), 0, 0, 0)
		return r
	})
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
	words := make([]byte, kernels.FaultBytes)
	err := d.enqueue("clEnqueueReadBuffer", func(q uintptr) uintptr {
		r, _, _ := purego.SyscallN(d.lib.enqueueReadBuffer, q, f.mem, blocking, 0, kernels.FaultBytes, uintptr(unsafe.Pointer(&words[0])), 0, 0, 0)
		return r
	})
	if err != nil {
		return d.failure(err)
	}
	if err = kernels.Fault(d.info.Name, words); err != nil {
		if cleared := f.write(d, f.mem); cleared != nil {
			return d.failure(cleared)
		}
	}
	return err
}

func (f *faults) release(d *Device) {
	if f.mem != 0 {
		d.release(f.mem)
		f.mem = 0
	}
}
