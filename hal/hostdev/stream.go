package hostdev

import (
	"errors"
	"fmt"

	"github.com/crease-ml/crease/hal"
)

// Stream runs everything inline on the calling goroutine. A device whose kernels
// need more than a hal.Stream embeds it and overrides Launch, so that kernels get
// the outer stream.
type Stream struct {
	hal.Health
	dev *Device
}

var _ hal.Stream = (*Stream)(nil)

// Device returns the device that the stream belongs to.
func (s *Stream) Device() hal.Device { return s.dev.outer() }

// Upload copies src to the device.
func (s *Stream) Upload(dst hal.Buffer, off int, src []byte) error {
	return s.move("upload", func() error {
		to, err := s.dev.Range(dst, off, len(src))
		copy(to, src)
		return err
	})
}

// Download copies from the device to dst.
func (s *Stream) Download(dst []byte, src hal.Buffer, off int) error {
	return s.move("download", func() error {
		from, err := s.dev.Range(src, off, len(dst))
		copy(dst, from)
		return err
	})
}

// Copy copies between buffers; the ranges may overlap.
func (s *Stream) Copy(dst hal.Buffer, dstOff int, src hal.Buffer, srcOff, n int) error {
	return s.move("copy", func() error {
		from, err := s.dev.Range(src, srcOff, n)
		if err != nil {
			return err
		}
		to, err := s.dev.Range(dst, dstOff, n)
		copy(to, from)
		return err
	})
}

// move copies unless the stream is poisoned. A range error is the caller's mistake
// and does not poison.
func (s *Stream) move(what string, copies func() error) error {
	if err := s.Ready(); err != nil {
		return err
	}
	if err := copies(); err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	return nil
}

// Ready returns the error that keeps the stream from working: that which poisoned
// it, or hal.ErrClosed.
func (s *Stream) Ready() error {
	if err := s.Err(); err != nil {
		return err
	}
	return s.dev.use()
}

// Range returns the n bytes from off on of a buffer. It is an error if the buffer is of
// another device or freed, or if they are not within it.
func (d *Device) Range(b hal.Buffer, off, n int) ([]byte, error) {
	x, own := b.(*Buffer)
	own = own && x.dev == d
	if err := hal.CheckWindow(b, own, own && x.freed.Load(), off, n); err != nil {
		return nil, err
	}
	return x.Bytes()[off : off+n], nil
}

// Launch runs a prepared call to its end.
func (s *Stream) Launch(l *hal.Launch, at []hal.Operand, work hal.Buffer) error {
	if err := s.Ready(); err != nil {
		return err
	}
	return l.Run(s, at, work)
}

// Record returns an event, which has been reached.
func (s *Stream) Record() (hal.Event, error) {
	if err := s.Ready(); err != nil {
		return nil, err
	}
	return (*event)(s), nil
}

// Wait makes the stream wait for an event, of any device.
func (s *Stream) Wait(e hal.Event) error {
	if err := s.Ready(); err != nil {
		return err
	}
	if e == nil {
		return errors.New("wait: no event was given")
	}
	return e.Wait()
}

// Sync returns the stream's failure. There is nothing to wait for.
func (s *Stream) Sync() error { return s.Ready() }

// event stands for a point in a stream, which has always been reached.
type event Stream

// Wait returns the failure of the event's stream, if there is one.
func (e *event) Wait() error { return (*Stream)(e).Ready() }
