//go:build (linux || darwin) && (amd64 || arm64)

package opencl

import (
	"errors"
	"fmt"
	"sync"
	"time"
	"unsafe"

	"github.com/ebitengine/purego"

	"github.com/crease-ml/crease/hal"
	"github.com/crease-ml/crease/kernels"
)

// Device is an OpenCL device with a context and one queue.
type Device struct {
	found
	info     hal.Info
	maxAlloc int
	context  uintptr
	pool     hal.Pool[uintptr]
	kernels  hal.Registry

	// mu guards the queue and the arguments of kernel objects, which belong to
	// the object and not to a launch.
	mu     sync.Mutex
	queue  uintptr
	built  map[*kernels.Program]*built
	closed bool
}

const queueProfiling = 1 << 1

func newDevice(f found, name string) (*Device, error) {
	d := &Device{found: f, info: f.info(name), maxAlloc: f.number(deviceMaxAlloc), built: map[*kernels.Program]*built{}}
	var code int32
	properties := [3]uintptr{0x1084, f.platform, 0} // CL_CONTEXT_PLATFORM
	d.context, _, _ = purego.SyscallN(f.lib.createContext, uintptr(unsafe.Pointer(&properties[0])), 1, uintptr(unsafe.Pointer(&f.device)), 0, 0, uintptr(unsafe.Pointer(&code)))
	if code != 0 {
		return nil, d.failure(&callError{"clCreateContext", status(code)})
	}
	d.queue, _, _ = purego.SyscallN(f.lib.createCommandQueue, d.context, f.device, queueProfiling, uintptr(unsafe.Pointer(&code)))
	if code != 0 {
		purego.SyscallN(f.lib.releaseContext, d.context)
		return nil, d.failure(&callError{"clCreateCommandQueue", status(code)})
	}
	d.pool = hal.Pool[uintptr]{New: d.create, Drop: d.release, Limit: d.info.Memory / 10 * 9}
	kernels.Register(&d.kernels, f.caps())
	return d, nil
}

// failure adds the device to an error.
func (d *Device) failure(err error) error { return &hal.DeviceError{Device: d.info.Name, Err: err} }

// Info describes the device.
func (d *Device) Info() hal.Info { return d.info }

// Kernels is the device's registry.
func (d *Device) Kernels() *hal.Registry { return &d.kernels }

// Memory reports the pool (hal.Meter).
func (d *Device) Memory() hal.MemoryStats { return d.pool.Stats() }

// NewStream is a stream on the device's queue.
func (d *Device) NewStream() (hal.Stream, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return nil, d.failure(hal.ErrClosed)
	}
	return &stream{dev: d}, nil
}

// Close waits for the queue and gives everything back.
func (d *Device) Close() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return nil
	}
	d.closed = true
	r, _, _ := purego.SyscallN(d.lib.finish, d.queue)
	for _, b := range d.built {
		purego.SyscallN(d.lib.releaseKernel, b.kernel)
		purego.SyscallN(d.lib.releaseProgram, b.program)
	}
	d.pool.Flush()
	purego.SyscallN(d.lib.releaseCommandQueue, d.queue)
	purego.SyscallN(d.lib.releaseContext, d.context)
	return check("clFinish", r)
}

// create gets a block of device memory.
func (d *Device) create(n int) (uintptr, error) {
	if d.maxAlloc > 0 && n > d.maxAlloc {
		return 0, fmt.Errorf("%w: the device gives at most %d bytes at once", hal.ErrOutOfMemory, d.maxAlloc)
	}
	var code int32
	const readWrite = 1
	mem, _, _ := purego.SyscallN(d.lib.createBuffer, d.context, readWrite, uintptr(n), 0, uintptr(unsafe.Pointer(&code)))
	if code != 0 {
		return 0, &callError{"clCreateBuffer", status(code)}
	}
	return mem, nil
}

// release gives a block back; OpenCL keeps it until queued work is done with it.
func (d *Device) release(mem uintptr) { purego.SyscallN(d.lib.releaseMemObject, mem) }

// Elapsed is the time between two events on the device's clock (hal.Timer).
func (d *Device) Elapsed(from, to hal.Event) (time.Duration, error) {
	a, okA := from.(*event)
	b, okB := to.(*event)
	if !okA || !okB || a.dev != d || b.dev != d {
		return 0, d.failure(errors.New("Elapsed wants two events of this device"))
	}
	start, err := a.time()
	if err != nil {
		return 0, err
	}
	end, err := b.time()
	return time.Duration(end - start), err
}
