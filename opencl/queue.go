//go:build (linux || darwin) && (amd64 || arm64)

package opencl

import (
	"sync/atomic"

	"github.com/ebitengine/purego"
)

// pending counts commands since the queue was last flushed.
type pending struct{ n atomic.Int32 }

// flushEvery is how many commands are queued before the queue is flushed. Drivers hold
// commands back until somebody waits, and the device would be idle meanwhile.
const flushEvery = 16

// enqueue runs a call of the library that queues a command. One that is refused for
// want of memory is tried again when the queue is empty and the pool has given back
// what it kept: drivers may allocate as late as this. The caller has called use and
// gives the error to the stream's failure, which poisons.
func (d *Device) enqueue(call string, f func(queue uintptr) uintptr) error {
	r := f(d.queue)
	if short(status(int32(r))) {
		if err := d.finish(); err != nil {
			return err
		}
		d.pool.Flush()
		r = f(d.queue)
	}
	if code := status(int32(r)); code != success {
		return &callError{call: call, code: code}
	}
	if d.queued.n.Add(1)%flushEvery == 0 {
		purego.SyscallN(d.lib.flush, d.queue) // a failure comes back from whoever waits
	}
	return nil
}

// finish waits for everything queued. An error here is of something queued earlier,
// by whatever stream: it poisons the queue.
func (d *Device) finish() error {
	reads := d.reads.soFar()
	r, _, _ := purego.SyscallN(d.lib.finish, d.queue)
	err := d.waited("clFinish", r)
	if err == nil {
		d.reads.filled(reads)
	}
	return err
}

// waited turns the result of a call that waited for queued work into an error.
func (d *Device) waited(call string, r uintptr) error {
	if code := status(int32(r)); code != success {
		return d.health.Poison(d.failure(&callError{call: call, code: code, lost: true}))
	}
	return d.health.Err()
}
