package null

import (
	"errors"
	"fmt"

	"github.com/crease-ml/crease/hal"
)

// stream checks what it is asked as any device does, and does nothing.
type stream struct{ d *Device }

func (s *stream) Device() hal.Device { return s.d }

// check returns what is wrong with n bytes from off of a buffer.
func (s *stream) check(what string, b hal.Buffer, off, n int) error {
	if err := s.d.use(); err != nil {
		return err
	}
	x, own := b.(*buffer)
	own = own && x.dev == s.d
	if err := hal.CheckWindow(b, own, own && x.freed.Load(), off, n); err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	return nil
}

func (s *stream) Upload(dst hal.Buffer, off int, src []byte) error {
	return s.check("upload", dst, off, len(src))
}

// errNothing is returned by downloads: there is nothing to read.
var errNothing = errors.New("the null device computes nothing, so it has no results to read")

func (s *stream) Download(dst []byte, src hal.Buffer, off int) error {
	if err := s.check("download", src, off, len(dst)); err != nil {
		return err
	}
	return fmt.Errorf("download: %w", errNothing)
}

func (s *stream) Copy(dst hal.Buffer, dstOff int, src hal.Buffer, srcOff, n int) error {
	if err := s.check("copy", src, srcOff, n); err != nil {
		return err
	}
	return s.check("copy", dst, dstOff, n)
}

func (s *stream) Launch(l *hal.Launch, at []hal.Operand, work hal.Buffer) error {
	if err := s.d.use(); err != nil {
		return err
	}
	return l.Run(s, at, work)
}

func (s *stream) Record() (hal.Event, error) {
	if err := s.d.use(); err != nil {
		return nil, err
	}
	return event{s.d}, nil
}

func (s *stream) Wait(e hal.Event) error {
	if err := s.d.use(); err != nil {
		return err
	}
	if e == nil {
		return errors.New("wait: no event was given")
	}
	return e.Wait()
}

func (s *stream) Sync() error { return s.d.use() }

// event is a point that has been reached.
type event struct{ d *Device }

func (e event) Wait() error { return e.d.use() }
