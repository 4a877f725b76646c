package hostdev

import (
	"cmp"
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

// Device is the device that the stream belongs to.
func (s *Stream) Device() hal.Device { return s.dev.outer() }

// Upload copies src to the device.
func (s *Stream) Upload(dst hal.Buffer, off int, src []byte) error {
	return s.copy("upload", span{bytes: src}, s.window(dst, off, len(src)))
}

// Download copies from the device to dst.
func (s *Stream) Download(dst []byte, src hal.Buffer, off int) error {
	return s.copy("download", s.window(src, off, len(dst)), span{bytes: dst})
}

// Copy copies between buffers; the ranges may overlap.
func (s *Stream) Copy(dst hal.Buffer, dstOff int, src hal.Buffer, srcOff, n int) error {
	return s.copy("copy", s.window(src, srcOff, n), s.window(dst, dstOff, n))
}

// span is memory to copy from or to, or why there is none.
type span struct {
	bytes []byte
	err   error
}

// copy refuses work on a poisoned stream. A range error is the caller's mistake
// and does not poison.
func (s *Stream) copy(what string, src, dst span) error {
	if err := s.Ready(); err != nil {
		return err
	}
	if err := cmp.Or(src.err, dst.err); err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	copy(dst.bytes, src.bytes)
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

// window is n bytes from off of a live buffer of the stream's device.
func (s *Stream) window(b hal.Buffer, off, n int) span {
	x, ok := b.(*Buffer)
	switch {
	case b == nil:
		return span{err: errors.New("no buffer was given")}
	case !ok || x.dev != s.dev:
		return span{err: fmt.Errorf("the buffer belongs to device %s", b.Device().Info().Name)}
	case x.freed.Load():
		return span{err: fmt.Errorf("the buffer of %d bytes has been freed", x.size)}
	case off < 0 || n < 0 || off > x.size-n:
		return span{err: fmt.Errorf("%d bytes from byte %d of a buffer of %d", n, off, x.size)}
	}
	return span{bytes: x.Bytes()[off : off+n]}
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
	return e.Wait()
}

// Sync returns the stream's failure: its work is done.
func (s *Stream) Sync() error { return s.Ready() }

// event is a point in a stream that has been reached.
type event Stream

// Wait returns the failure of the event's stream, if there is one.
func (e *event) Wait() error { return (*Stream)(e).Ready() }
