package tpu

import (
	"errors"
	"fmt"
	"time"

	"github.com/crease-ml/crease/hal"
	"github.com/crease-ml/crease/hal/hostdev"
)

// stream queues work on the core, which does it at once: programs one after the other,
// and transfers over the host link between them.
type stream struct {
	hostdev.Stream
	dev *Device
}

// NewStream returns a stream.
func (d *Device) NewStream() (hal.Stream, error) {
	if _, err := d.Device.NewStream(); err != nil {
		return nil, err
	}
	return &stream{d.Stream(), d}, nil
}

// Upload copies to the device over the host link.
func (s *stream) Upload(dst hal.Buffer, off int, src []byte) error {
	if err := s.Stream.Upload(dst, off, src); err != nil {
		return err
	}
	s.dev.clock.host(len(src), false)
	return nil
}

// Download copies from the device over the host link.
func (s *stream) Download(dst []byte, src hal.Buffer, off int) error {
	if !s.dev.values {
		if err := s.Ready(); err != nil {
			return err
		}
		return &NoValuesError{s.dev.Info().Name}
	}
	if err := s.Stream.Download(dst, src, off); err != nil {
		return err
	}
	s.dev.clock.host(len(dst), true)
	return nil
}

// Copy copies within off-chip memory: every byte is read and written.
func (s *stream) Copy(dst hal.Buffer, dstOff int, src hal.Buffer, srcOff, n int) error {
	if err := s.Stream.Copy(dst, dstOff, src, srcOff, n); err != nil {
		return err
	}
	s.dev.clock.copied(n)
	return nil
}

// Launch runs a prepared call.
func (s *stream) Launch(l *hal.Launch, at []hal.Operand, work hal.Buffer) error {
	if err := s.Ready(); err != nil {
		return err
	}
	return l.Run(s, at, work)
}

// event is a point in a stream, which has been reached, with the core's time.
type event struct {
	hal.Event
	dev    *Device
	cycles int64
}

// Record returns an event.
func (s *stream) Record() (hal.Event, error) {
	e, err := s.Stream.Record()
	if err != nil {
		return nil, err
	}
	return &event{e, s.dev, s.dev.clock.now()}, nil
}

// Now is the emulated time since the device was opened (hal.Clock).
func (d *Device) Now() time.Duration {
	return time.Duration(d.cfg.Seconds(d.clock.now()) * 1e9)
}

// Elapsed is the emulated time between two events (hal.Timer).
func (d *Device) Elapsed(from, to hal.Event) (time.Duration, error) {
	var at [2]int64
	for i, e := range []hal.Event{from, to} {
		own, ok := e.(*event)
		if !ok || own.dev != d {
			return 0, errors.New("elapsed: the event is of another device")
		}
		if err := own.Wait(); err != nil {
			return 0, fmt.Errorf("elapsed: %w", err)
		}
		at[i] = own.cycles
	}
	return time.Duration(d.cfg.Seconds(at[1]-at[0]) * 1e9), nil
}
