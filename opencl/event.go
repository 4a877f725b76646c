//go:build (linux || darwin) && (amd64 || arm64)

package opencl

import (
	"unsafe"

	"github.com/ebitengine/purego"

	"github.com/crease-ml/crease/hal"
)

// event is a marker in the queue.
type event struct {
	dev    *Device
	health *hal.Health
	id     uintptr
}

// Wait blocks until the marker is reached.
func (e *event) Wait() error {
	r, _, _ := purego.SyscallN(e.dev.lib.waitForEvents, 1, uintptr(unsafe.Pointer(&e.id)))
	if err := check("clWaitForEvents", r); err != nil {
		return e.health.Poison(e.dev.failure(err))
	}
	return e.health.Err()
}

// time is when the marker was reached, in nanoseconds of the device's clock.
func (e *event) time() (int64, error) {
	const commandEnd = 0x1283
	var ns int64
	r, _, _ := purego.SyscallN(e.dev.lib.getEventProfilingInfo, e.id, commandEnd, 8, uintptr(unsafe.Pointer(&ns)), 0)
	if err := check("clGetEventProfilingInfo", r); err != nil {
		return 0, e.dev.failure(err)
	}
	return ns, nil
}
