//go:build (linux || darwin) && (amd64 || arm64)

package opencl

import (
	"strings"
	"sync"
	"unsafe"

	"github.com/ebitengine/purego"

	"github.com/crease-ml/crease/dtype"
	"github.com/crease-ml/crease/hal"
	"github.com/crease-ml/crease/kernels"
	"github.com/crease-ml/crease/ops"
)

// Device is an OpenCL device with a context and one queue.
type Device struct {
	found
	info     hal.Info
	profile  bool
	options  string // of the compiler
	identity string // of the device and its software, for the cache
	maxAlloc int
	context  uintptr
	pool     hal.Pool[uintptr]
	kernels  hal.Registry
	portable *kernels.Library

	// life is held for reading while the library is called, and for writing to
	// close; for writing always where the library cannot take two calls at once.
	life   sync.RWMutex
	serial bool
	closed bool
	queue  uintptr
	health hal.Health // of the queue, and so of every stream
	queued pending
	stage  staging
	reads  reads
	faults kernels.Faults[uintptr]

	programs sync.Map   // *kernels.Program to *compiled
	compiler sync.Mutex // not every driver's compiler is safe for concurrent use
}

const queueProfiling = 1 << 1 // CL_QUEUE_PROFILING_ENABLE

func newDevice(f found, name string, profile bool) (*Device, error) {
	d := &Device{found: f, info: f.info(name), profile: profile, maxAlloc: f.number(deviceMaxAlloc)}
	d.options = f.compilerOptions()
	d.serial = strings.Contains(f.text(platformName), "Oclgrind") // against the standard
	d.identity = strings.Join([]string{f.text(deviceName), f.text(deviceVersion), f.text(driverVersion), f.text(platformName), f.text(platformVersion)}, "\n")
	var code int32
	properties := [3]uintptr{0x1084, f.platform, 0} // CL_CONTEXT_PLATFORM
	d.context, _, _ = purego.SyscallN(f.lib.createContext, uintptr(unsafe.Pointer(&properties[0])), 1, uintptr(unsafe.Pointer(&f.device)), 0, 0, uintptr(unsafe.Pointer(&code)))
	if code != 0 {
		return nil, d.failure(&callError{call: "clCreateContext", code: status(code)})
	}
	var flags uintptr
	if profile {
		flags = queueProfiling
	}
	d.queue, _, _ = purego.SyscallN(f.lib.createCommandQueue, d.context, f.device, flags, uintptr(unsafe.Pointer(&code)))
	if code != 0 {
		purego.SyscallN(f.lib.releaseContext, d.context)
		return nil, d.failure(&callError{call: "clCreateCommandQueue", code: status(code)})
	}
	d.pool = hal.Pool[uintptr]{New: d.create, Drop: d.release, Limit: d.info.Memory / 10 * 9}
	d.faults = kernels.Faults[uintptr]{Device: d.info.Name, Create: d.create, Drop: d.release, Clear: d.clearFaults, Read: d.readFaults}
	var err error
	if d.portable, err = kernels.Register(&d.kernels, d.caps()); err != nil {
		_ = d.Close()
		return nil, err
	}
	return d, nil
}

// failure adds the device to an error.
func (d *Device) failure(err error) error { return &hal.DeviceError{Device: d.info.Name, Err: err} }

// enter keeps the device as it is until leave.
func (d *Device) enter() {
	if d.serial {
		d.life.Lock()
	} else {
		d.life.RLock()
	}
}

func (d *Device) leave() {
	if d.serial {
		d.life.Unlock()
	} else {
		d.life.RUnlock()
	}
}

// use enters unless the device is closed or lost.
func (d *Device) use() error {
	d.enter()
	err := d.health.Err()
	if d.closed {
		err = d.failure(hal.ErrClosed)
	}
	if err != nil {
		d.leave()
	}
	return err
}

// Info describes the device.
func (d *Device) Info() hal.Info { return d.info }

// Kernels returns the device's registry.
func (d *Device) Kernels() *hal.Registry { return &d.kernels }

// Portable returns the library that made the registry's kernels. It implements kernels.Tuner.
func (d *Device) Portable() *kernels.Library { return d.portable }

// Fuse returns the portable kernel of a fused row. It implements exec.Fuser.
func (d *Device) Fuse(op *ops.Op, t dtype.Type) *hal.Kernel { return d.portable.Fuse(op, t) }

// Memory reports the pool (hal.Meter).
func (d *Device) Memory() hal.MemoryStats { return d.pool.Stats() }

// ResetHighWater resets the pool's mark.
func (d *Device) ResetHighWater() { d.pool.ResetHighWater() }

// NewStream returns a stream, which queues its work on the device's only queue.
func (d *Device) NewStream() (hal.Stream, error) {
	if err := d.use(); err != nil {
		return nil, err
	}
	defer d.leave()
	return &stream{dev: d}, nil
}

// Close waits for the queue and gives everything back; what buffers still hold goes
// back as they are freed.
func (d *Device) Close() error {
	d.life.Lock()
	defer d.life.Unlock()
	if d.closed {
		return nil
	}
	d.closed = true
	err := d.health.Err()
	finish := d.finish()
	if err == nil {
		err = finish
	}
	if err != nil {
		d.reads.abandon()
	}
	d.programs.Range(func(_, v any) bool {
		v.(*compiled).release(d.lib)
		return true
	})
	d.stage.release(d)
	d.faults.Release()
	d.pool.Flush()
	purego.SyscallN(d.lib.releaseCommandQueue, d.queue)
	purego.SyscallN(d.lib.releaseContext, d.context)
	return err
}
