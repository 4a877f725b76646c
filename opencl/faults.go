//go:build (linux || darwin) && (amd64 || arm64)

package opencl

import (
	"unsafe"

	"github.com/ebitengine/purego"

	"github.com/crease-ml/crease/kernels"
)

// clearFaults makes the device's fault words zero. See kernels.Faults.
func (d *Device) clearFaults(mem uintptr) error {
	var zero [kernels.FaultBytes]byte
	return d.enqueue("clEnqueueWriteBuffer", func(q uintptr) uintptr {
		r, _, _ := purego.SyscallN(d.lib.enqueueWriteBuffer, q, mem, blocking, 0, kernels.FaultBytes, uintptr(unsafe.Pointer(&zero[0])), 0, 0, 0)
		return r
	})
}

// readFaults waits for the queue and copies the device's fault words.
func (d *Device) readFaults(words []byte, mem uintptr) error {
	return d.enqueue("clEnqueueReadBuffer", func(q uintptr) uintptr {
		r, _, _ := purego.SyscallN(d.lib.enqueueReadBuffer, q, mem, blocking, 0, uintptr(len(words)), uintptr(unsafe.Pointer(&words[0])), 0, 0, 0)
		return r
	})
}
