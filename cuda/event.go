package cuda

import (
	"errors"
	"fmt"
	"runtime"
	"time"

	"github.com/crease-ml/crease/cuda/driver"
	"github.com/crease-ml/crease/hal"
)

// event holds a point in the queue. The driver's object is destroyed when the garbage
// collector finds the event.
type event struct {
	dev   *Device
	id    driver.Event
	reads int // the last download that lies before it, see reads
}

// Record marks this point of the queue.
func (s *stream) Record() (hal.Event, error) {
	d := s.dev
	if err := d.use(); err != nil {
		return nil, err
	}
	defer d.leave()
	var flags uint32
	if !d.profile {
		flags = driver.EventWithoutTiming
	}
	reads := d.reads.soFar()
	id, r := d.drv.EventCreate(flags)
	if r != driver.Success {
		return nil, s.failure("record", d.check("cuEventCreate", r))
	}
	if r := d.drv.EventRecord(id, d.queue); r != driver.Success {
		d.drv.EventDestroy(id)
		return nil, s.failure("record", d.check("cuEventRecord", r))
	}
	d.events.Store(id, true)
	e := &event{dev: d, id: id, reads: reads}
	runtime.AddCleanup(e, d.destroyEvent, id)
	return e, nil
}

// destroyEvent gives an event back, unless closing the device has done so.
func (d *Device) destroyEvent(id driver.Event) {
	d.enter()
	defer d.leave()
	if _, there := d.events.LoadAndDelete(id); there {
		d.drv.EventDestroy(id)
	}
}

// Wait needs nothing for events of the same queue; for others the host waits.
func (s *stream) Wait(e hal.Event) error {
	if err := s.dev.ready(); err != nil {
		return err
	}
	if e == nil {
		return s.failure("wait", errors.New("no event was given"))
	}
	if x, ok := e.(*event); ok && x.dev == s.dev {
		return nil
	}
	return e.Wait()
}

// Wait blocks until the event is reached.
func (e *event) Wait() error {
	d := e.dev
	if err := d.use(); err != nil {
		return err
	}
	defer d.leave()
	err := d.waited("cuEventSynchronize", d.drv.EventSynchronize(e.id))
	runtime.KeepAlive(e)
	if err == nil {
		d.reads.filled(d, e.reads)
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
		return 0, d.failure(fmt.Errorf("elapsed: its events carry no time: %w. Open it with the option %s=1 (as in cuda:0@%[2]s=1)", hal.ErrUnsupported, optProfile))
	}
	if err := d.use(); err != nil {
		return 0, err
	}
	defer d.leave()
	ms, r := d.drv.EventElapsed(a.id, b.id)
	runtime.KeepAlive(a)
	runtime.KeepAlive(b)
	if r != driver.Success {
		return 0, d.failure(fmt.Errorf("elapsed: %w", d.check("cuEventElapsedTime", r)))
	}
	return time.Duration(float64(ms) * float64(time.Millisecond)), nil
}
