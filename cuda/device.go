package cuda

import (
	"runtime"
	"sync"
	"sync/atomic"
	"unsafe"

	"github.com/crease-ml/crease/cuda/driver"
	"github.com/crease-ml/crease/dtype"
	"github.com/crease-ml/crease/hal"
	"github.com/crease-ml/crease/kernels"
	"github.com/crease-ml/crease/ops"
)

// Device is a GPU with its primary context and one stream.
type Device struct {
	found
	info     hal.Info
	profile  bool
	context  driver.Context
	queue    driver.Stream
	pool     hal.Pool[driver.Ptr]
	pinned   hal.Pool[unsafe.Pointer]
	kernels  hal.Registry
	portable *kernels.Library

	// life is held for reading while the driver is called, and for writing to close.
	life   sync.RWMutex
	closed bool
	gone   atomic.Bool // the context was given back
	health hal.Health  // of the context, and so of every stream
	stage  staging
	reads  reads
	faults kernels.Faults[driver.Ptr]

	programs sync.Map // *kernels.Program to *compiled
	events   sync.Map // of driver.Event: those that are not destroyed yet
}

func newDevice(f found, name string, profile bool) (*Device, error) {
	d := &Device{found: f, info: f.info(name), profile: profile}
	var r driver.Result
	if d.context, r = f.drv.PrimaryContextRetain(f.dev); r != driver.Success {
		return nil, d.failure(d.check("cuDevicePrimaryCtxRetain", r))
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if r = f.drv.SetCurrent(d.context); r == driver.Success {
		d.queue, r = f.drv.StreamCreate(driver.StreamNonBlocking)
	}
	if r != driver.Success {
		err := d.check("cuStreamCreate", r)
		f.drv.PrimaryContextRelease(f.dev)
		return nil, d.failure(err)
	}
	d.pool = hal.Pool[driver.Ptr]{New: d.create, Drop: d.release, Limit: d.info.Memory / 20 * 19}
	d.faults = kernels.Faults[driver.Ptr]{Device: d.info.Name, Create: d.create, Drop: d.release, Clear: d.clearFaults, Read: d.readFaults}
	d.pinned = hal.Pool[unsafe.Pointer]{New: d.createPinned, Drop: d.releasePinned}
	var err error
	if d.portable, err = kernels.Register(&d.kernels, d.caps()); err != nil {
		_ = d.Close()
		return nil, err
	}
	return d, nil
}

// failure adds the device to an error.
func (d *Device) failure(err error) error { return &hal.DeviceError{Device: d.info.Name, Err: err} }

// enter keeps the device as it is until leave, and the goroutine on a thread that has
// the context.
func (d *Device) enter() {
	d.life.RLock()
	runtime.LockOSThread()
	d.drv.SetCurrent(d.context)
}

func (d *Device) leave() {
	runtime.UnlockOSThread()
	d.life.RUnlock()
}

// use enters unless the device is closed or lost.
func (d *Device) use() error {
	d.enter()
	err := d.state()
	if err != nil {
		d.leave()
	}
	return err
}

// ready returns why the device cannot be used, nil if it can. It does not call the driver.
func (d *Device) ready() error {
	d.life.RLock()
	defer d.life.RUnlock()
	return d.state()
}

// state is ready for a caller that holds life.
func (d *Device) state() error {
	if d.closed {
		return d.failure(hal.ErrClosed)
	}
	return d.health.Err()
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
	if err := d.ready(); err != nil {
		return nil, err
	}
	return &stream{dev: d}, nil
}

// finish waits for everything queued. An error here is of something queued earlier, by
// whatever stream: it poisons the device.
func (d *Device) finish() error {
	reads := d.reads.soFar()
	err := d.waited("cuStreamSynchronize", d.drv.StreamSynchronize(d.queue))
	if err == nil {
		d.reads.filled(d, reads)
	}
	return err
}

// waited turns the result of a call that waited for queued work into an error.
func (d *Device) waited(call string, r driver.Result) error {
	if r != driver.Success {
		return d.health.Poison(d.failure(&lostError{d.check(call, r)}))
	}
	return d.health.Err()
}

// lostError is a failure of queued work: whatever its code, the device is lost.
type lostError struct{ error }

func (e *lostError) Unwrap() error        { return e.error }
func (e *lostError) Is(target error) bool { return target == hal.ErrDeviceLost }

// Close waits for the queue and gives everything back; what buffers still hold goes back
// as they are freed.
func (d *Device) Close() error {
	d.life.Lock()
	defer d.life.Unlock()
	if d.closed {
		return nil
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	d.drv.SetCurrent(d.context)
	d.closed = true
	err := d.health.Err()
	finish := d.finish()
	if err == nil {
		err = finish
	}
	d.reads.abandon(d)
	d.programs.Range(func(_, v any) bool {
		v.(*compiled).release(d.drv)
		return true
	})
	d.events.Range(func(id, _ any) bool {
		d.events.Delete(id)
		d.drv.EventDestroy(id.(driver.Event))
		return true
	})
	d.faults.Release()
	d.stage.release(d)
	d.pinned.Flush()
	d.pool.Flush()
	d.drv.StreamDestroy(d.queue)
	d.outlive()
	return err
}
