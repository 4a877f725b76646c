package cuda

import (
	"errors"
	"unsafe"

	"github.com/crease-ml/crease/cuda/driver"
	"github.com/crease-ml/crease/hal"
	"github.com/crease-ml/crease/kernels"
)

// stream gives access to the device's queue. All streams share the queue; what a stream holds
// itself is the kernel that it is running, for errors.
type stream struct {
	dev        *Device
	op, kernel string
}

var _ kernels.Launcher = (*stream)(nil)

func (s *stream) Device() hal.Device { return s.dev }

// failure makes err a *hal.DeviceError that says what the stream was doing, unless it is one
// already. A result that the context goes on returning poisons the device. A command that
// was merely refused has done nothing, so that work can go on.
func (s *stream) failure(what string, err error) error {
	if err == nil {
		return nil
	}
	if lost := s.dev.health.Err(); lost != nil {
		return lost // the same error from every call
	}
	var known *hal.DeviceError
	if errors.As(err, &known) {
		return err
	}
	if s.op != "" {
		what = s.op
	}
	err = &hal.DeviceError{Device: s.dev.info.Name, Op: what, Kernel: s.kernel, Err: err}
	if errors.Is(err, hal.ErrDeviceLost) {
		return s.dev.health.Poison(err)
	}
	return err
}

// ranged runs f on the memory of n bytes of a buffer while the device is open. No bytes
// are no work.
func (s *stream) ranged(what string, b hal.Buffer, off, n int, f func(driver.Ptr) error) error {
	mem, err := s.dev.window(b, off, n)
	if err != nil {
		return s.failure(what, err)
	}
	if err := s.dev.use(); err != nil {
		return err
	}
	defer s.dev.leave()
	if n == 0 {
		return nil
	}
	return s.failure(what, f(mem))
}

// Upload copies src aside and goes on, or, where it is large, waits until the driver has
// read it.
func (s *stream) Upload(dst hal.Buffer, off int, src []byte) error {
	d := s.dev
	return s.ranged("upload", dst, off, len(src), func(to driver.Ptr) error {
		if len(src) <= stageLimit {
			return d.stage.upload(d, to, src)
		}
		return d.check("cuMemcpyHtoDAsync", d.drv.CopyIn(to, unsafe.Pointer(&src[0]), len(src), d.queue))
	})
}

// Copy may overlap itself, as Go's copy may.
func (s *stream) Copy(dst hal.Buffer, dstOff int, src hal.Buffer, srcOff, n int) error {
	from, err := s.dev.window(src, srcOff, n)
	if err != nil {
		return s.failure("copy", err)
	}
	if dst == src && dstOff < srcOff+n && srcOff < dstOff+n && n > 0 {
		between, err := s.dev.Alloc(n) // the driver does not say what overlapping ranges do
		if err != nil {
			return err
		}
		defer between.Free()
		if err := s.Copy(between, 0, src, srcOff, n); err != nil {
			return err
		}
		return s.Copy(dst, dstOff, between, 0, n)
	}
	d := s.dev
	return s.ranged("copy", dst, dstOff, n, func(to driver.Ptr) error {
		return d.check("cuMemcpyDtoDAsync", d.drv.Copy(to, from, n, d.queue))
	})
}

// Launch queues a kernel.
func (s *stream) Launch(l *hal.Launch, at []hal.Operand, work hal.Buffer) error {
	if err := s.dev.ready(); err != nil {
		return err
	}
	s.op, s.kernel = l.Op, l.Kernel.Name
	defer func() { s.op, s.kernel = "", "" }()
	return s.failure(l.Op, l.Run(s, at, work))
}

// Sync waits for everything queued so far, on any stream of the device.
func (s *stream) Sync() error {
	if err := s.dev.use(); err != nil {
		return err
	}
	defer s.dev.leave()
	if err := s.dev.finish(); err != nil {
		return err
	}
	return s.dev.faults.Check()
}
