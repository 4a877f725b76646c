package emulate

import (
	"time"

	"github.com/crease-ml/crease/cuda/driver"
)

// idle reports whether nothing is queued.
func (d *Driver) idle() bool {
	for _, q := range d.streams {
		if len(q.queue) > 0 {
			return false
		}
	}
	return true
}

// StreamCreate makes a stream.
func (d *Driver) StreamCreate(uint32) (driver.Stream, driver.Result) {
	r := d.enter("StreamCreate")
	defer d.mu.Unlock()
	if r != driver.Success {
		return 0, r
	}
	s := driver.Stream(d.handle())
	d.streams[s] = &stream{}
	return s, driver.Success
}

// StreamDestroy gives a stream back when its work is done.
func (d *Driver) StreamDestroy(s driver.Stream) driver.Result {
	d.mu.Lock()
	defer d.mu.Unlock()
	q := d.streams[s]
	if q == nil {
		return driver.InvalidHandle
	}
	d.until(func() bool { return len(q.queue) == 0 })
	delete(d.streams, s)
	return driver.Success
}

// StreamSynchronize waits for a stream.
func (d *Driver) StreamSynchronize(s driver.Stream) driver.Result {
	r := d.enter("StreamSynchronize")
	defer d.mu.Unlock()
	q := d.streams[s]
	switch {
	case r != driver.Success:
		return r
	case q == nil:
		return driver.InvalidHandle
	}
	done := false
	q.queue = append(q.queue, work{do: func() driver.Result {
		done = true
		return driver.Success
	}})
	return d.until(func() bool { return done })
}

// EventCreate makes an event.
func (d *Driver) EventCreate(uint32) (driver.Event, driver.Result) {
	r := d.enter("EventCreate")
	defer d.mu.Unlock()
	if r != driver.Success {
		return 0, r
	}
	e := driver.Event(d.handle())
	d.events[e] = &event{}
	return e, driver.Success
}

// EventDestroy gives an event back.
func (d *Driver) EventDestroy(e driver.Event) driver.Result {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.events[e] == nil {
		return driver.InvalidHandle
	}
	delete(d.events, e)
	return driver.Success
}

// EventRecord marks this point of a stream.
func (d *Driver) EventRecord(e driver.Event, s driver.Stream) driver.Result {
	r := d.enter("EventRecord")
	defer d.mu.Unlock()
	ev := d.events[e]
	switch {
	case r != driver.Success:
		return r
	case ev == nil:
		return driver.InvalidHandle
	}
	last := &mark{}
	ev.last = last
	return d.queue(s, work{do: func() driver.Result {
		last.reached, last.at = true, time.Since(d.start)
		return driver.Success
	}})
}

// EventSynchronize waits until the event is reached.
func (d *Driver) EventSynchronize(e driver.Event) driver.Result {
	r := d.enter("EventSynchronize")
	defer d.mu.Unlock()
	ev := d.events[e]
	switch {
	case r != driver.Success:
		return r
	case ev == nil:
		return driver.InvalidHandle
	}
	last := ev.last
	return d.until(func() bool { return last == nil || last.reached })
}

// EventElapsed is the time between two reached events.
func (d *Driver) EventElapsed(from, to driver.Event) (float32, driver.Result) {
	r := d.enter("EventElapsed")
	defer d.mu.Unlock()
	a, b := d.events[from], d.events[to]
	switch {
	case r != driver.Success:
		return 0, r
	case a == nil || b == nil:
		return 0, driver.InvalidHandle
	case a.last == nil || b.last == nil:
		return 0, driver.InvalidHandle
	case !a.last.reached || !b.last.reached:
		return 0, driver.NotReady
	}
	return float32((b.last.at - a.last.at).Seconds() * 1000), driver.Success
}
