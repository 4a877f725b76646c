package hal

import (
	"errors"
	"fmt"
	"sync/atomic"
)

// Errors that callers test for with errors.Is.
var (
	// ErrUnsupported: this kernel or device does not do this. Dispatch goes on
	// to the next way of computing the result.
	ErrUnsupported = errors.New("not supported")
	// ErrOutOfMemory: the device has no memory left, after its pool was flushed.
	ErrOutOfMemory = errors.New("out of device memory")
	// ErrDeviceLost: the device stopped answering. Everything on it is gone.
	ErrDeviceLost = errors.New("device lost")
	// ErrClosed: the device or stream has been closed.
	ErrClosed = errors.New("device is closed")
)

// DeviceError is a failure of a device, with what it was doing.
type DeviceError struct {
	Device string // canonical device name
	Op     string // operation, if one was running
	Kernel string // kernel name, if one was running
	Err    error
}

func (e *DeviceError) Error() string {
	s := "device " + e.Device
	if e.Op != "" {
		s += ": " + e.Op
	}
	if e.Kernel != "" {
		s += " (kernel " + e.Kernel + ")"
	}
	return s + ": " + e.Err.Error()
}

func (e *DeviceError) Unwrap() error { return e.Err }

// AbsentError is returned when a device asked for by name is not there.
type AbsentError struct {
	Device string // as asked for
	Reason string // what was looked for and what came back
	Remedy string // what to do
}

func (e *AbsentError) Error() string {
	s := fmt.Sprintf("device %s is not available: %s.", e.Device, e.Reason)
	if e.Remedy != "" {
		s += " " + e.Remedy
	}
	return s
}

// SpecError is a device name that does not follow the grammar or names an
// option that the device does not have.
type SpecError struct {
	Spec   string
	Reason string
}

func (e *SpecError) Error() string {
	return fmt.Sprintf("device %q: %s (the form is KIND[:INDEX][/ARCH][@OPTION=VALUE,...], as in cpu, cpu/avx2, cpu@threads=1)", e.Spec, e.Reason)
}

// Health is the error state of a stream; streams embed it. The zero value is
// healthy. It is safe for concurrent use.
type Health struct{ first atomic.Pointer[error] }

// Poison records the stream's first failure and returns the failure on record.
func (h *Health) Poison(err error) error {
	h.first.CompareAndSwap(nil, &err)
	return *h.first.Load()
}

// Err is the failure that poisoned the stream, or nil.
func (h *Health) Err() error {
	if err := h.first.Load(); err != nil {
		return *err
	}
	return nil
}

// CheckWindow returns an error if n bytes from off on of a buffer cannot be used. own says
// that the buffer is of the device that is asked, and freed that it has been freed: only the
// device knows.
func CheckWindow(b Buffer, own, freed bool, off, n int) error {
	switch {
	case b == nil:
		return errors.New("no buffer was given")
	case !own:
		return fmt.Errorf("the buffer belongs to device %s", b.Device().Info().Name)
	case freed:
		return fmt.Errorf("the buffer of %d bytes has been freed", b.Size())
	case off < 0 || n < 0 || off > b.Size()-n:
		return fmt.Errorf("bytes %d to %d of a buffer of %d", off, off+n, b.Size())
	}
	return nil
}
