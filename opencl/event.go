//go:build (linux || darwin) && (amd64 || arm64)

package opencl

import (
	"errors"
	"fmt"
	"runtime"
	"time"
	"unsafe"

	"github.com/ebitengine/purego"

	"github.com/crease-ml/crease/hal"
)

// event holds a marker in the queue. The library's object is released when the garbage
// collector finds the event.
type event struct {
	dev   *Device
	id    uintptr
	reads int // the last download that lies before it, see reads
}

// Record marks this point of the queue.
func (s *stream) Record() (hal.Event, error) {
	d := s.dev
	if err := d.use(); err != nil {
		return nil, err
	}
	defer d.leave()
	reads := d.reads.soFar()
	id, err := d.mark()
	if err != nil {
		return nil, s.failure("record", err)
	}
	e := &event{dev: d, id: id, reads: reads}
	runtime.AddCleanup(e, d.releaseEvent, id)
	return e, nil
}

func (d *Device) releaseEvent(id uintptr) {
	d.enter()
	defer d.leave()
	purego.SyscallN(d.lib.releaseEvent, id)
}

// mark queues a marker. The caller releases it.
func (d *Device) mark() (id uintptr, err error) {
	err = d.enqueue("clEnqueueMarkerWithWaitList", func(q uintptr) uintptr {
		r, _, _ := purego.SyscallN(d.lib.enqueueMarker, q, 0, 0, uintptr(unsafe.Pointer(&id)))
		return r
	})
	return id, err
}

// Wait needs nothing for events of the same queue; for others the host waits.
func (s *stream) Wait(e hal.Event) error {
	if err := s.dev.use(); err != nil {
		return err
	}
	s.dev.leave()
	if e == nil {
		return s.failure("wait", errors.New("no event was given"))
	}
	if x, ok := e.(*event); ok && x.dev == s.dev {
		return nil
	}
	return e.Wait()
}

// Wait blocks until the marker is reached.
func (e *event) Wait() error {
	d := e.dev
	if err := d.use(); err != nil {
		return err
	}
	defer d.leave()
	r, _, _ := purego.SyscallN(d.lib.waitForEvents, 1, uintptr(unsafe.Pointer(&e.id)))
	runtime.KeepAlive(e)
	err := d.waited("clWaitForEvents", r)
	if err == nil {
		d.reads.filled(e.reads)
		err = d.faults.Check()
	}
	return err
}

// Elapsed returns the time between two reached events by the device's clock. It implements
// hal.Timer.
func (d *Device) Elapsed(from, to hal.Event) (time.Duration, error) {
	a, okA := from.(*event)
	b, okB := to.(*event)
	switch {
	case !okA || !okB || a.dev != d || b.dev != d:
		return 0, d.failure(errors.New("elapsed: both events must be of this device"))
	case !d.profile:
		return 0, d.failure(fmt.Errorf("elapsed: its events carry no time: %w. Open it with the option %s=1 (as in opencl:0@%[2]s=1)", hal.ErrUnsupported, optProfile))
	}
	start, err := a.time()
	if err != nil {
		return 0, err
	}
	end, err := b.time()
	return time.Duration(end - start), err
}

// time returns when the marker was reached, in nanoseconds of the device's clock.
func (e *event) time() (int64, error) {
	const commandEnd = 0x1283
	e.dev.enter()
	defer e.dev.leave()
	var ns int64
	r, _, _ := purego.SyscallN(e.dev.lib.getEventProfilingInfo, e.id, commandEnd, unsafe.Sizeof(ns), uintptr(unsafe.Pointer(&ns)), 0)
	runtime.KeepAlive(e)
	if err := check("clGetEventProfilingInfo", r); err != nil {
		return 0, e.dev.failure(fmt.Errorf("elapsed: an event that is not reached, or no clock: %w", err))
	}
	return ns, nil
}
