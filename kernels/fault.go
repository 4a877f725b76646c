package kernels

import (
	"encoding/binary"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/crease-ml/crease/hal"
	"github.com/crease-ml/crease/ops"
)

// FaultBytes is the size of a device's fault words, three numbers of 64 bits in its memory,
// zero at first. A program that picks elements by index checks every index; the first one
// that is out of range is written there, and its element becomes 0: no memory is read that the
// operand does not have. Launchers pass the words for a buffer that is nil in Run, read them
// when somebody waits, and give [Fault] to whoever that is; [Faults] does so for devices.
//
// An index out of range does not poison the stream. It is a mistake of the caller, as a wrong
// shape is, that can only be known late; all that was queued has been carried out.
const FaultBytes = 24

// Fault returns what the fault words say, nil if nothing went wrong: a *hal.DeviceError with
// the op and an *ops.AttrError that names the index and the size of its axis.
func Fault(device string, words []byte) error {
	code := binary.LittleEndian.Uint64(words)
	if code == 0 {
		return nil
	}
	index, size := int64(binary.LittleEndian.Uint64(words[8:])), binary.LittleEndian.Uint64(words[16:])
	if code > uint64(len(texts())) {
		return &hal.DeviceError{Device: device, Err: fmt.Errorf("its fault words were overwritten: %d %d %d", code, index, size)}
	}
	op := texts()[code-1].head
	return &hal.DeviceError{Device: device, Op: op, Err: &ops.AttrError{Op: op, Reason: fmt.Sprintf("index %d is outside the axis, which has %d elements", index, size)}}
}

// Faults keeps the fault words of a device whose memory an M names; the zero M is none.
// It makes them for the first launch that needs them, and reads them when somebody waits
// and such a launch has been queued since. It is safe for concurrent use.
type Faults[M comparable] struct {
	Device string // its name, for errors
	Create func(bytes int) (M, error)
	Drop   func(M)
	// Clear queues zeros for the words and waits for them.
	Clear func(M) error
	// Read copies the words once everything queued so far has been carried out.
	Read func(words []byte, from M) error

	mu    sync.Mutex
	mem   M
	armed atomic.Bool
}

// Memory returns the words for a launch. Whoever has queued it calls Arm.
func (f *Faults[M]) Memory() (M, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	var none M
	if f.mem != none {
		return f.mem, nil
	}
	mem, err := f.Create(FaultBytes)
	if err != nil {
		return none, err
	}
	if err := f.Clear(mem); err != nil {
		f.Drop(mem)
		return none, err
	}
	f.mem = mem
	return mem, nil
}

// Arm makes the next Check read the words. It follows the launch in the queue: a Check on
// another stream, between Memory and the launch, would otherwise read the words too early
// and leave the launch's fault to nobody.
func (f *Faults[M]) Arm() { f.armed.Store(true) }

// Check returns the fault of what has been queued so far, once. Every error is a
// *hal.DeviceError.
func (f *Faults[M]) Check() error {
	if !f.armed.Load() {
		return nil
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if !f.armed.Swap(false) {
		return nil
	}
	words := make([]byte, FaultBytes)
	err := f.Read(words, f.mem)
	var fault error
	if err == nil {
		if fault = Fault(f.Device, words); fault != nil {
			err = f.Clear(f.mem)
		}
	}
	var known *hal.DeviceError
	switch {
	case err == nil:
		return fault
	case errors.As(err, &known):
		return err
	}
	return &hal.DeviceError{Device: f.Device, Err: err}
}

// Release gives the words back.
func (f *Faults[M]) Release() {
	f.mu.Lock()
	defer f.mu.Unlock()
	var none M
	if f.mem != none {
		f.Drop(f.mem)
		f.mem = none
	}
}
